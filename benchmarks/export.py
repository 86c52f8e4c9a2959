"""How fast a version is exported, and in how much memory: against a plain stored ZIP of the same files.

    python -m benchmarks.export

Both read 2 GB and write one ZIP file, in turn; the throughput wanted is at least 0.7 of the plain one's, and the
memory of exporting 2 GB less than 64 MB above that of exporting 20 MB.
"""

import time
import zipfile
from pathlib import Path

from benchmarks.import_memory import peak
from benchmarks.importing import DATA, MEBIBYTE, Workspace, prepare
from registry.artifacts import ingest
from registry.exports import export_chunks
from registry.models import ModelVersion, RegisteredModel, SourceKind, Status, StoredFile

MEGABYTE = 1000 * 1000
SIZES = [1000] * 1000 + [32 * MEGABYTE] * 62


def make_version(name: str, sizes: list[int]) -> ModelVersion:
    """A version whose files are in the artifact store."""
    model = RegisteredModel.objects.create(workspace=Workspace.objects.get(), name=name)
    version = ModelVersion.objects.create(
        model=model, major=0, minor=0, patch=1, status=Status.NORMAL, source_kind=SourceKind.OBS, digest="0" * 64
    )
    for number, size in enumerate(sizes):
        content = number.to_bytes(8, "big") * (size // 8)
        kept = ingest(content[at : at + MEBIBYTE] for at in range(0, len(content), MEBIBYTE))
        StoredFile.objects.create(version=version, path=f"model/{number:05}", size=kept.size, sha256=kept.sha256)
    return version


def export(version: ModelVersion, target: Path) -> float:
    begun = time.perf_counter()
    with target.open("wb") as file:
        for chunk in export_chunks(version):
            file.write(chunk)
    return time.perf_counter() - begun


def plain(version: ModelVersion, target: Path) -> float:
    """The same files by the standard library, from disk to disk."""
    begun = time.perf_counter()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for file in version.files.order_by("path"):
            archive.write(DATA / "artifacts" / file.sha256[:2] / file.sha256, file.path)
    return time.perf_counter() - begun


def main() -> None:
    prepare()
    small, large = make_version("small", [MEGABYTE] * 20), make_version("large", SIZES)
    size = sum(SIZES)
    target = DATA / "export.zip"
    plain(large, target)  # warms the cache of the disk
    export(small, target)
    before = peak()
    ours = [export(large, target) for _ in range(3)]
    growth = peak() - before
    baseline = [plain(large, target) for _ in range(3)]
    ratio = min(baseline) / min(ours)
    print(
        f"export of {size / MEGABYTE:.0f} MB in {len(SIZES)} files: {size / MEGABYTE / min(ours):.0f} MB/s, "
        f"{ratio:.2f} of a plain stored ZIP (wanted: 0.7); memory growth {growth / MEGABYTE:.1f} MB (wanted: below 64)"
    )


if __name__ == "__main__":
    main()
