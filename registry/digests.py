"""The digest of a package: one name for all its bytes and paths."""

import hashlib
from collections.abc import Iterable


def package_digest(files: Iterable[tuple[str, int, str]], *, image: str = "") -> str:
    """SHA-256 over lines `path NUL size NUL sha256 LF` of (path, size, sha256), sorted by the bytes of the paths.

    A container image that belongs to the package adds the line `image NUL digest LF` at the end, where `digest` is
    written with its algorithm; no file has such a line.
    """
    lines = sorted((path.encode(), size, sha256) for path, size, sha256 in files)
    digest = hashlib.sha256()
    for path, size, sha256 in lines:
        digest.update(b"%b\0%d\0%b\n" % (path, size, sha256.encode()))
    if image:
        digest.update(b"image\0%b\n" % image.encode())
    return digest.hexdigest()
