import numpy as np
from model_service.model_service import SingleNodeService
from PIL import Image, ImageOps

SIDE = 8
MOST_INK = 16
FAINT = 48
UNREADABLE = (OSError, ValueError, SyntaxError, Image.DecompressionBombError)


class PictureRefused(TypeError):
    """The request is to blame: a TypeError is answered with 400, and with these words."""


class DigitPictureService(SingleNodeService):
    """Takes a picture of one digit and tells which one it is."""

    def _preprocess(self, data):
        grey = self._read(data)
        if np.asarray(grey).mean() > 127:
            grey = ImageOps.invert(grey)
        box = grey.point(lambda value: 255 if value > FAINT else 0).getbbox()
        if box is None:
            raise PictureRefused("Nothing is written on the picture that was sent as the parameter image.")
        digit = grey.crop(box)
        square = Image.new("L", (max(digit.size), max(digit.size)))
        square.paste(digit, ((square.width - digit.width) // 2, (square.height - digit.height) // 2))
        small = np.asarray(square.resize((SIDE, SIDE), Image.Resampling.BOX), dtype=np.float32)
        return {"pixels": (small / small.max() * MOST_INK).reshape(1, SIDE * SIDE)}

    def _read(self, data):
        sent = data.get("image") if isinstance(data, dict) else None
        if not sent:
            raise PictureRefused("The parameter image is missing: send a picture of one digit as a file of that name.")
        if not isinstance(sent, dict):
            raise PictureRefused("The parameter image is text: send a picture of one digit as a file of that name.")
        name, picture = next(iter(sent.items()))
        try:
            with Image.open(picture) as image:
                return ImageOps.exif_transpose(image).convert("L")
        except UNREADABLE as error:
            raise PictureRefused(f"The file {name} of the parameter image is no picture that can be read.") from error

    def _postprocess(self, data):
        scores = data["scores"][0]
        best = np.argsort(scores)[::-1][:5]
        return {
            "predicted_label": str(best[0]),
            "scores": [[str(digit), f"{scores[digit]:.3f}"] for digit in best],
        }
