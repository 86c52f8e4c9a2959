"""Packages in a real folder bucket, and jobs that import them."""

import json
import pickle
from datetime import timedelta

from django.conf import settings
from django.utils.timezone import now

from importers import transitions
from importers.models import ImportJob
from importers.services import ImportRequest, submit_import
from importers.tasks import run_import
from registry import preparation
from registry.models import Status
from registry.versions import Version
from stores.models import Bucket
from tests.factories import make_bucket, make_workspace

MB = 1024 * 1024
CONFIG = {
    "model_algorithm": "digits",
    "model_type": "Scikit_Learn",
    "apis": [
        {
            "protocol": "http",
            "url": "/",
            "method": "post",
            "request": {
                "Content-type": "application/json",
                "data": {"type": "object", "properties": {"x": {"type": "number"}}},
            },
            "response": {
                "Content-type": "application/json",
                "data": {"type": "object", "properties": {"y": {"type": "number"}}},
            },
        }
    ],
}
GOOD = {"model/config.json": json.dumps(CONFIG).encode(), "model/model.pkl": pickle.dumps({"coefficients": [1.0, 2.0]})}


def put(files, folder="digits", bucket="packages"):
    """Write files below a folder of a bucket of the default workspace; returns the path people choose."""
    if not Bucket.objects.filter(name=bucket).exists():
        make_bucket(bucket)
    for path, content in files.items():
        target = settings.BUCKETS_ROOT / bucket / folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    (settings.BUCKETS_ROOT / bucket).mkdir(parents=True, exist_ok=True)
    return f"/{bucket}/{folder}/"


def request_for(path="/packages/digits/", name="digits", number="0.0.1", **values):
    return ImportRequest(name=name, number=Version.parse(number), source={"path": path}, **values)


def submit(path="/packages/digits/", *, by=None, replace=False, **values):
    return submit_import(request_for(path, **values), workspace=make_workspace(), by=by, replace=replace)


def run(job):
    """Deliver the job to a worker once; returns it as it is stored then."""
    run_import(job.pk)
    return ImportJob.objects.select_related("version").get(pk=job.pk)


def codes(findings):
    return [finding["code"] for finding in findings]


def timeline(job):
    """The states and codes of a job's history."""
    return [event.code or event.after for event in job.events.all()]


def fetching(job, **row):
    """The job as a worker has it that has been fetching for ten seconds."""
    transitions.claim(job)
    started = now() - timedelta(seconds=10)
    values = {"bytes_total": 100 * MB, "bytes_done": 20 * MB, "files_total": 4, "files_done": 1} | row
    ImportJob.objects.filter(pk=job.pk).update(started_at=started, **values)
    job.refresh_from_db()
    return job


def handed_over(job, settings):
    """The job after its part is done, its version claimed for building."""
    settings.VERSION_PREPARER = "serving.prepare"
    job = run(job)
    assert job.version.status == Status.BUILDING
    assert preparation.claim_preparation(job.version, lease=timedelta(minutes=1))
    return job
