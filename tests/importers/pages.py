"""What the tests of the import pages share: a package in a bucket and a form as a browser sends it."""

import re

from django.conf import settings

from registry.details import MAX_DOCUMENTS
from stores.models import Bucket
from tests.factories import make_bucket
from tests.packages import build_package

HTMX = {"HX-Request": "true"}


def put_package(name="digits", bucket="packages", **package):
    """Write a package into a bucket and return the path people choose."""
    if not Bucket.objects.filter(name=bucket).exists():
        make_bucket(bucket)
    build_package(settings.BUCKETS_ROOT / bucket, name=name, **package)
    return f"/{bucket}/{name}/"


def put_file(path, content):
    target = settings.BUCKETS_ROOT / path.strip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)


def typed(path="", **changes):
    """The form's data; None takes a field out."""
    data = {
        "source": "obs",
        "name": "digits",
        "version": "0.0.1",
        "labels": "",
        "description": "",
        "path": path,
        "engine": "",
        "deployment_types": ["real-time", "batch", "edge"],
        "config_text": "",
        "config_mark": "",
        "config_path": "",
        "prove": "on",
        "cpu": "0.25",
        "memory": "512",
        "accelerator": "gpu",
        "gpu": "0.00",
        "ascend": "0.00",
        "documents-TOTAL_FORMS": str(MAX_DOCUMENTS),
        "documents-INITIAL_FORMS": "0",
        **{f"documents-{row}-{part}": "" for row in range(MAX_DOCUMENTS) for part in ("name", "url")},
    }
    return {key: value for key, value in (data | changes).items() if value is not None}


def values_of(html, name):
    """The values of the inputs with that name."""
    return re.findall(rf'<input[^>]*name="{name}"[^>]*value="([^"]*)"', html)
