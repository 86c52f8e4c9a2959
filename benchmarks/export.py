"""How fast a version is exported, and in how much memory: as a download, into a folder bucket and into object storage.

    python -m benchmarks.export

Each writes 2 GB as one ZIP, in turn with its baseline: a plain stored ZIP of the same files, and a copy of such a file
in the same file system, which unlike an export computes neither CRC nor SHA-256. The last writes 500 MB against a plain
upload of the same bytes by boto3, both into a SeaweedFS beside it. Wanted: at least 0.7 of the plain ZIP's throughput,
and a peak of memory less than 64 MB above that of exporting 20 MB.
"""

import os
import shutil
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

from accounts.secrets import seal
from benchmarks.import_memory import peak
from benchmarks.importing import DATA, MEBIBYTE, Workspace, prepare
from registry import exports_job
from registry.artifacts import ingest
from registry.exports import export_chunks
from registry.models import ModelVersion, RegisteredModel, SourceKind, Status, StoredFile
from registry.models_exports import ExportState
from registry.services_exports import submit_export
from stores.models import Bucket
from tests import seaweedfs

MEGABYTE = 1000 * 1000
SIZES = [1000] * 1000 + [32 * MEGABYTE] * 62
FEWER = [32 * MEGABYTE] * 16
ROUNDS = 3


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


def timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def download(version: ModelVersion, target: Path) -> None:
    with target.open("wb") as file:
        for chunk in export_chunks(version):
            file.write(chunk)


def plain_zip(version: ModelVersion, target: Path) -> None:
    """The same files by the standard library, from disk to disk."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for file in version.files.order_by("path"):
            archive.write(DATA / "artifacts" / file.sha256[:2] / file.sha256, file.path)


def save(version: ModelVersion, bucket: Bucket) -> None:
    """As a worker does it, hashing and saying how far it is."""
    job = submit_export(version, bucket=bucket, prefix="", name="export.zip", replace=True, by=None)
    exports_job.run(job)
    job.refresh_from_db()
    assert job.state == ExportState.SUCCEEDED, job.reason_code


def copy_durably(source: Path, target: Path) -> None:
    with source.open("rb") as read, target.open("wb") as file:
        shutil.copyfileobj(read, file, MEBIBYTE)
        file.flush()
        os.fsync(file.fileno())


def peak_of(work: Callable[[], object]) -> int:
    """The most bytes this process has in memory during the work."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    work()
    return peak()


def measure(
    title: str, ours: Callable[[str], object], plain: Callable[[], object], than: str, *, sizes: list[int]
) -> None:
    """Both in turn; `ours` takes the name of a version."""
    small, large = peak_of(lambda: ours("small")), peak_of(lambda: ours("large"))
    plain()  # warms the cache of the disk
    pairs = [(timed(lambda: ours("large")), timed(plain)) for _ in range(ROUNDS)]
    best, baseline = (min(times) for times in zip(*pairs, strict=True))
    size = sum(sizes) / MEGABYTE
    print(
        f"{title}: {size:.0f} MB at {size / best:.0f} MB/s, {baseline / best:.2f} of {than} "
        f"({size / baseline:.0f} MB/s); memory growth {(large - small) / MEGABYTE:.1f} MB (wanted: below 64)",
        flush=True,
    )


def to_disk() -> None:
    folder = Bucket.objects.get(name="packages")
    (DATA / "buckets" / folder.name).mkdir(parents=True)
    versions = {"small": make_version("small", [MEGABYTE] * 20), "large": make_version("large", SIZES)}
    target, other = DATA / "export.zip", DATA / "copy.zip"
    plain = (lambda: plain_zip(versions["large"], target), "a plain ZIP, wanted 0.7")
    measure("download", lambda name: download(versions[name], target), *plain, sizes=SIZES)
    copy = (lambda: copy_durably(target, other), "a file copy")
    measure("into a folder", lambda name: save(versions[name], folder), *copy, sizes=SIZES)


def to_object_storage() -> None:
    versions = {"small": make_version("less", [MEGABYTE] * 20), "large": make_version("more", FEWER)}
    target = DATA / "upload.zip"
    plain_zip(versions["large"], target)
    with seaweedfs.server() as server:
        name = server.make_bucket()
        keys = {"access_key": server.access_key, "secret_key": server.secret_key, "session_token": ""}
        values = {"driver": "s3", "endpoint": server.endpoint, "remote_name": name, "credentials": seal(keys)}
        cloud = Bucket.objects.create(workspace=Workspace.objects.get(), name="cloud", **values)
        client = server.client()
        upload = (lambda: client.upload_file(str(target), name, "plain.zip"), "boto3's upload of the file")
        measure("into object storage", lambda name: save(versions[name], cloud), *upload, sizes=FEWER)


def main() -> None:
    prepare()
    to_object_storage()
    to_disk()


if __name__ == "__main__":
    main()
