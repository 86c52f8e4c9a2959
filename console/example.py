"""Our own example package, zipped when asked for; the same bytes every time."""

import io
import zipfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "example_package"
FILE_NAME = "modelport-example.zip"
# The oldest date a zip can hold: the bytes do not depend on when the files were checked out.
DATE = (1980, 1, 1, 0, 0, 0)


def package() -> io.BytesIO:
    """A zip of `iris-example/model/…`, ready to be uploaded to a bucket and imported."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in sorted(FOLDER.rglob("*")):
            if path.is_file():
                entry = zipfile.ZipInfo(path.relative_to(FOLDER).as_posix(), DATE)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, path.read_bytes())
    buffer.seek(0)
    return buffer
