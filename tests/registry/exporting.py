"""Versions whose files are in the artifact store, and jobs that export them into a real bucket."""

from django.conf import settings

from registry.artifacts import ingest
from registry.digests import package_digest
from registry.exports import export_chunks
from registry.models import StoredFile
from registry.models_exports import ExportJob
from registry.services_exports import submit_export
from registry.tasks import run_export
from stores.models import Bucket
from tests import factories

PACKAGE = {"model/config.json": b"{}", "model/model.pkl": b"weights" * 1000, "model/数据.txt": b""}
TARGET = "digits/digits-0.0.1.zip"
LARGE = {"model/config.json": b"{}", "model/large.bin": bytes(range(256)) * 4096 * 20}


def exportable(name="digits", package=PACKAGE, **values):
    kept = {path: ingest([content]) for path, content in package.items()}
    digest = package_digest((path, stored.size, stored.sha256) for path, stored in kept.items())
    version = factories.make_version(name, digest=digest, **values)
    for path, stored in kept.items():
        StoredFile.objects.create(version=version, path=path, size=stored.size, sha256=stored.sha256)
    return version


def zip_of(version):
    return b"".join(export_chunks(version))


def folder_bucket(name="exports"):
    """An empty bucket of the default workspace."""
    (settings.BUCKETS_ROOT / name).mkdir(parents=True, exist_ok=True)
    return Bucket.objects.filter(name=name).first() or factories.make_bucket(name)


def submit(version, bucket=None, prefix="digits/", name="digits-0.0.1.zip", **values):
    return submit_export(version, bucket=bucket or folder_bucket(), prefix=prefix, name=name, **{"by": None} | values)


def run(job):
    """Deliver the job to a worker once; returns it as it is stored then."""
    run_export(job.pk)
    return ExportJob.objects.get(pk=job.pk)


def timeline(job):
    """The states and codes of a job's history."""
    return [event.code or event.after for event in job.events.all()]


def lying(bucket="exports"):
    """Every file in the folder of a bucket, with its bytes; what is on its way too."""
    root = settings.BUCKETS_ROOT / bucket
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}
