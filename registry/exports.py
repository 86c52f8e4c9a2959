"""A version as a ZIP to take elsewhere: its package as it is kept, a manifest and a receipt beside it."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from registry.artifacts import open_artifact
from registry.errors import ArtifactStoreUnavailable
from registry.exports_zip import Member, zip_chunks, zip_size
from registry.models import ModelVersion, Status, StoredFile

CHUNK = 1024 * 1024
MANIFEST, RECEIPT, CONFIG = "MANIFEST.json", "RECEIPT.json", "model/config.json"
IMAGE = "Image"


@dataclass(frozen=True)
class Archive:
    """The ZIP of a version. Its rows are read by then; `chunks` uses no database."""

    members: tuple[Member, ...]

    @property
    def size(self) -> int:
        return zip_size(self.members)

    def chunks(self) -> Iterator[bytes]:
        """The bytes, the same each time, made while they are read: neither in memory nor in a file.

        Raises ArtifactStoreUnavailable when a file is not in the store whole; what came before is no whole archive.
        """
        return zip_chunks(self.members)


def export_name(version: ModelVersion) -> str:
    return f"{version.model.name}-{version.number}.zip"


def can_be_exported(version: ModelVersion) -> bool:
    """Only what was kept whole can leave; who may take it is another question (`queries.may_download`)."""
    return version.status == Status.NORMAL and bool(version.digest)


def archive_of(version: ModelVersion) -> Archive:
    """What an export holds. An Image version's package is its configuration; the image itself stays in its registry."""
    files = list(version.files.order_by("path"))
    if version.engine == IMAGE:
        files = [file for file in files if file.path == CONFIG]
    documents = [_document(MANIFEST, manifest(version, files)), _document(RECEIPT, receipt(version))]
    return Archive((*documents, *(Member(file.path, file.size, partial(_content, file)) for file in files)))


def export_chunks(version: ModelVersion) -> Iterator[bytes]:
    return archive_of(version).chunks()


def manifest(version: ModelVersion, files: Iterable[StoredFile]) -> dict[str, Any]:
    """Every file with size and SHA-256, the container image if there is one, and the digest of the version over all."""
    pinned = version.source_params.get("pinned")
    image = {"image": {"reference": pinned["reference"], "digest": pinned["digest"]}} if pinned else {}
    listed = [{"path": file.path, "size": file.size, "sha256": file.sha256} for file in files]
    return {
        "model": version.model.name,
        "version": version.number,
        "digest": f"sha256:{version.digest}",
        "files": listed,
        **image,
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
        "tools": version.scan.get("tools", {}),
        "findings": version.findings,
        "scan": {name: value for name, value in version.scan.items() if name != "tools"},
    }


def _document(name: str, document: dict[str, Any]) -> Member:
    text = json.dumps(document, indent=2, ensure_ascii=False, sort_keys=True).encode(errors="replace") + b"\n"
    return Member(name, len(text), lambda: [text])


def _content(file: StoredFile) -> Iterator[bytes]:
    size = 0
    with open_artifact(file.sha256) as stored:
        while chunk := stored.read(CHUNK):
            size += len(chunk)
            yield chunk
    if size != file.size:
        raise ArtifactStoreUnavailable(f"artifact {file.sha256} has {size} bytes instead of {file.size}")
