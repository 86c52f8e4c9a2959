"""A version as a ZIP to take elsewhere: its package as it is kept, a manifest and a receipt beside it."""

import io
import json
import zipfile
from collections.abc import Iterable, Iterator
from typing import Any

from registry.artifacts import open_artifact
from registry.errors import ArtifactStoreUnavailable
from registry.models import ModelVersion, Status, StoredFile

CHUNK = 1024 * 1024
MANIFEST, RECEIPT, CONFIG = "MANIFEST.json", "RECEIPT.json", "model/config.json"
IMAGE = "Image"
# ZIP knows no earlier time; with one time and one order for all, equal versions give equal bytes.
AT = (1980, 1, 1, 0, 0, 0)
REGULAR_FILE = 0o100644 << 16
UNIX = 3


def export_name(version: ModelVersion) -> str:
    return f"{version.model.name}-{version.number}.zip"


def can_be_exported(version: ModelVersion) -> bool:
    """Only what was kept whole can leave; who may take it is another question (`queries.may_download`)."""
    return version.status == Status.NORMAL and bool(version.digest)


def export_chunks(version: ModelVersion) -> Iterator[bytes]:
    """The bytes of the ZIP, the same each time, made while they are read: neither in memory nor in a file.

    An Image version's package is its configuration; the image itself stays in its registry (console-flow.md §7).
    Raises ArtifactStoreUnavailable when a file is not in the store whole; what came before is then no whole archive.
    """
    files = list(version.files.order_by("path"))
    if version.engine == IMAGE:
        files = [file for file in files if file.path == CONFIG]
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
        for name, document in ((MANIFEST, manifest(version, files)), (RECEIPT, receipt(version))):
            yield from _written(archive, sink, name, [_as_json(document)])
        for file in files:
            yield from _written(archive, sink, file.path, _content(file), large=file.size >= zipfile.ZIP64_LIMIT)
    yield sink.taken()


def manifest(version: ModelVersion, files: Iterable[StoredFile]) -> dict[str, Any]:
    """Every file with size and SHA-256, and the digest of the version over all of them."""
    listed = [{"path": file.path, "size": file.size, "sha256": file.sha256} for file in files]
    return {
        "model": version.model.name,
        "version": version.number,
        "digest": f"sha256:{version.digest}",
        "files": listed,
    }


def receipt(version: ModelVersion) -> dict[str, Any]:
    """Where the version came from and what is known of it: nothing in it depends on when it is exported."""
    return {
        "model": version.model.name,
        "version": version.number,
        "digest": f"sha256:{version.digest}",
        "engine": version.engine,
        "runtime": version.runtime,
        "source": {"kind": version.source_kind, "path": version.source_path, **version.source_params},
        "imported_by": version.created_by_name,
        "imported_at": version.created_at.isoformat(),
        "finished_at": version.finished_at.isoformat() if version.finished_at else None,
        "findings": version.findings,
        "scan": version.scan,
    }


class _Sink(io.RawIOBase):
    """What the archive wrote since it was last asked; cannot seek, so that sizes follow their content."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


def _written(
    archive: zipfile.ZipFile, sink: _Sink, name: str, content: Iterable[bytes], *, large: bool = False
) -> Iterator[bytes]:
    entry = zipfile.ZipInfo(name, AT)
    entry.external_attr, entry.create_system = REGULAR_FILE, UNIX
    with archive.open(entry, "w", force_zip64=large) as member:
        for chunk in content:
            member.write(chunk)
            yield sink.taken()


def _content(file: StoredFile) -> Iterator[bytes]:
    size = 0
    with open_artifact(file.sha256) as stored:
        while chunk := stored.read(CHUNK):
            size += len(chunk)
            yield chunk
    if size != file.size:
        raise ArtifactStoreUnavailable(f"artifact {file.sha256} has {size} bytes instead of {file.size}")


def _as_json(document: dict[str, Any]) -> bytes:
    return json.dumps(document, indent=2, ensure_ascii=False, sort_keys=True).encode(errors="replace") + b"\n"
