"""Where models come from: buckets that hold packages, and container registries."""

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Workspace
from stores.models_registries import RegistryConnection
from stores.models_uploads import Conflict, Upload, UploadFile, UploadState

__all__ = ["Bucket", "Conflict", "RegistryConnection", "Upload", "UploadFile", "UploadState"]


class Bucket(models.Model):
    """One place that holds objects under keys; `driver` says how it is reached."""

    class Driver(models.TextChoices):
        FOLDER = "folder", _("Folder on this machine")
        S3 = "s3", _("Object storage (OBS, S3)")

    class Addressing(models.TextChoices):
        PATH = "path", _("Path: https://endpoint/bucket/key")
        VIRTUAL = "virtual", _("Virtual host: https://bucket.endpoint/key")

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="buckets", verbose_name=_("workspace"))
    name = models.CharField(_("name"), max_length=63, unique=True)
    driver = models.CharField(_("kind"), max_length=16, choices=Driver.choices, default=Driver.FOLDER)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    # How object storage is reached; empty for a folder.
    endpoint = models.CharField(_("endpoint"), max_length=255, blank=True)
    remote_name = models.CharField(_("bucket at the endpoint"), max_length=63, blank=True)
    prefix = models.CharField(_("prefix"), max_length=512, blank=True)
    region = models.CharField(_("region"), max_length=64, blank=True)
    addressing = models.CharField(_("addressing"), max_length=8, choices=Addressing.choices, default=Addressing.PATH)
    # Encrypted with accounts.secrets; empty reads what is public. The hint is the end of the access key.
    credentials = models.TextField(blank=True, editable=False)
    access_key_hint = models.CharField(_("access key"), max_length=8, blank=True, editable=False)

    class Meta:
        verbose_name = _("bucket")
        verbose_name_plural = _("buckets")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def remote(self) -> bool:
        """Whether it lies at object storage."""
        return self.driver == self.Driver.S3

    @property
    def where(self) -> str:
        """Host, bucket and prefix of what lies at object storage; nothing for a folder."""
        host = self.endpoint.partition("://")[2]
        return f"{host}/{self.remote_name}/{self.prefix}" if self.remote else ""
