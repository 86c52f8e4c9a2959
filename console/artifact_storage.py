"""Where artifacts are kept: a folder, or the object storage that the MODELPORT_ARTIFACTS_* variables name."""

import re
from pathlib import Path
from typing import Any

from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from django.core.exceptions import ImproperlyConfigured

from console import env

BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]")
ENDPOINT = re.compile(r"https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?/?")
URL_SECONDS = 300
# A request is tried again by the client itself before the import is released to be tried again later.
PATIENT = {"connect_timeout": 5, "read_timeout": 60, "retries": {"mode": "standard", "total_max_attempts": 4}}
IMPATIENT = {"connect_timeout": 2, "read_timeout": 3, "retries": {"total_max_attempts": 1}}
COPY_PART = 256 * 1024 * 1024


def artifact_storages(folder: Path) -> dict[str, Any]:
    """The entries of STORAGES for artifacts; object storage has a second one for questions that must not wait."""
    bucket = env.text("MODELPORT_ARTIFACTS_BUCKET")
    if not bucket:
        location = {"location": str(folder)}
        return {"artifacts": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": location}}
    if BUCKET.fullmatch(bucket) is None:
        raise ImproperlyConfigured(f"MODELPORT_ARTIFACTS_BUCKET={bucket!r}: write the name of a bucket")
    addressing = env.choice("MODELPORT_ARTIFACTS_ADDRESSING", "path", {"path", "virtual"}, example="virtual")
    access_key, secret_key = _keys()
    options = {
        "bucket_name": bucket,
        "endpoint_url": _endpoint(),
        "region_name": env.text("MODELPORT_ARTIFACTS_REGION") or None,
        "location": _prefix(),
        "access_key": access_key,
        "secret_key": secret_key,
        "security_token": None,
        "querystring_auth": env.flag("MODELPORT_ARTIFACTS_PRESIGNED", True),
        "querystring_expire": URL_SECONDS,
        "file_overwrite": True,
        "transfer_config": TransferConfig(multipart_threshold=2 * COPY_PART, multipart_chunksize=COPY_PART),
    }
    backend = "storages.backends.s3.S3Storage"
    return {
        "artifacts": {"BACKEND": backend, "OPTIONS": options | {"client_config": _client(addressing, PATIENT)}},
        "artifacts-probe": {"BACKEND": backend, "OPTIONS": options | {"client_config": _client(addressing, IMPATIENT)}},
    }


def _client(addressing: str, patience: dict[str, Any]) -> Config:
    s3: Any = {"addressing_style": addressing}
    return Config(
        signature_version="s3v4",
        s3=s3,
        max_pool_connections=32,
        tcp_keepalive=True,
        # We send our own; others are not known to every server.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        **patience,
    )


def _endpoint() -> str | None:
    """None means the endpoint of AWS for the region."""
    value = env.text("MODELPORT_ARTIFACTS_ENDPOINT")
    if value and ENDPOINT.fullmatch(value) is None:
        raise ImproperlyConfigured(f"MODELPORT_ARTIFACTS_ENDPOINT={value!r}: write an address like https://host:port")
    return value.rstrip("/") or None


def _prefix() -> str:
    value = env.text("MODELPORT_ARTIFACTS_PREFIX").strip("/")
    if any(part in {"", ".", ".."} for part in value.split("/")) and value:
        raise ImproperlyConfigured(f"MODELPORT_ARTIFACTS_PREFIX={value!r}: write folders like modelport/artifacts")
    return value


def _keys() -> tuple[str | None, str | None]:
    """Both or neither; without them boto3 looks where it always does (its own variables, the machine's role)."""
    access_key, secret_key = env.text("MODELPORT_ARTIFACTS_ACCESS_KEY"), env.text("MODELPORT_ARTIFACTS_SECRET_KEY")
    for name, value in (("ACCESS_KEY", access_key), ("SECRET_KEY", secret_key)):
        if not value and (access_key or secret_key):
            raise ImproperlyConfigured(f"MODELPORT_ARTIFACTS_{name}='': write it, as the other key is given")
    return access_key or None, secret_key or None
