"""Both kinds of artifact store, real, and ways to look at them from outside."""

import os
import shutil
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any
from uuid import uuid4

from django.conf import settings

from console.artifact_storage import artifact_storages
from registry.artifacts_base import key_of
from registry.models import Blob

VARIABLES = "MODELPORT_ARTIFACTS_"


@cache
def client_of(server):
    return server.client()


def use_object_storage(project, monkeypatch, server, bucket, **variables):
    """Keep artifacts in a bucket, below a prefix of their own; returns how to look at them. Variables may differ."""
    prefix = f"test-{uuid4().hex[:12]}"
    values = {
        "BUCKET": bucket,
        "ENDPOINT": server.endpoint,
        "REGION": server.region,
        "PREFIX": prefix,
        "ACCESS_KEY": server.access_key,
        "SECRET_KEY": server.secret_key,
    }
    for name, value in (values | variables).items():
        monkeypatch.setenv(VARIABLES + name, value)
    project.STORAGES = project.STORAGES | artifact_storages(settings.DATA / "artifacts")
    return Objects(client_of(server), bucket, prefix + "/")


@dataclass
class Objects:
    """The store as its server shows it."""

    client: Any
    bucket: str
    prefix: str

    def keys(self):
        listed = self.client.list_objects_v2(Bucket=self.bucket, Prefix=self.prefix).get("Contents", [])
        return [each["Key"].removeprefix(self.prefix) for each in listed]

    def blobs(self):
        return sorted(key[3:] for key in self.keys() if not key.startswith("tmp/"))

    def temporary(self):
        return [key for key in self.keys() if key.startswith("tmp/")]

    def uploads(self):
        return self.client.list_multipart_uploads(Bucket=self.bucket, Prefix=self.prefix).get("Uploads", [])

    def changed(self, sha256):
        return self.client.head_object(Bucket=self.bucket, Key=self.prefix + key_of(sha256))["LastModified"]

    def put(self, key, content):
        self.client.put_object(Bucket=self.bucket, Key=self.prefix + key, Body=content)

    def spoil(self, sha256, content):
        self.put(key_of(sha256), content)

    def lose(self, sha256):
        self.client.delete_object(Bucket=self.bucket, Key=self.prefix + key_of(sha256))

    def make_old(self, sha256):
        """As if nobody had wanted it for a day; the object's own time cannot be changed, so sweeps say `later`."""
        Blob.objects.filter(sha256=sha256).update(wanted_at=self.changed(sha256) - timedelta(days=1))


class Files:
    """The store in a folder."""

    @property
    def root(self):
        return settings.DATA / "artifacts"

    def path(self, sha256):
        return self.root / key_of(sha256)

    def blobs(self):
        return sorted(path.name for path in self.root.glob("??/*"))

    def temporary(self):
        folder = self.root / "tmp"
        return sorted(path.name for path in folder.iterdir()) if folder.exists() else []

    def changed(self, sha256):
        return self.path(sha256).stat().st_ino

    def put(self, key, content):
        (self.root / key).write_bytes(content)

    def spoil(self, sha256, content):
        self.path(sha256).chmod(0o600)
        self.path(sha256).write_bytes(content)

    def lose(self, sha256):
        self.path(sha256).unlink()

    def make_old(self, sha256):
        os.utime(self.path(sha256), (1_000_000, 1_000_000))

    def clear(self):
        shutil.rmtree(self.root, ignore_errors=True)
