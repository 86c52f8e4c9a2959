import numpy as np
from model_service.model_service import SingleNodeService
from PIL import Image, ImageOps

SIDE = 8
MOST_INK = 16
FAINT = 48


class DigitPictureService(SingleNodeService):
    """Takes a picture of one digit and tells which one it is."""

    def _preprocess(self, data):
        picture = next(iter(data["image"].values()))
        with Image.open(picture) as image:
            grey = ImageOps.exif_transpose(image).convert("L")
        if np.asarray(grey).mean() > 127:
            grey = ImageOps.invert(grey)
        box = grey.point(lambda value: 255 if value > FAINT else 0).getbbox()
        if box is None:
            raise KeyError("nothing is written on the picture")
        digit = grey.crop(box)
        square = Image.new("L", (max(digit.size), max(digit.size)))
        square.paste(digit, ((square.width - digit.width) // 2, (square.height - digit.height) // 2))
        small = np.asarray(square.resize((SIDE, SIDE), Image.Resampling.BOX), dtype=np.float32)
        return {"pixels": (small / small.max() * MOST_INK).reshape(1, SIDE * SIDE)}

    def _postprocess(self, data):
        scores = data["scores"][0]
        best = np.argsort(scores)[::-1][:5]
        return {
            "predicted_label": str(best[0]),
            "scores": [[str(digit), f"{scores[digit]:.3f}"] for digit in best],
        }
