"""Exports into a bucket: the progress of writing one version's archive, and its history."""

import uuid

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import Workspace
from stores.models import Bucket


class ExportState(models.TextChoices):
    QUEUED = "queued", pgettext_lazy("export", "Queued")
    WRITING = "writing", pgettext_lazy("export", "Writing")
    SUCCEEDED = "succeeded", pgettext_lazy("export", "Succeeded")
    FAILED = "failed", pgettext_lazy("export", "Failed")
    CANCELLED = "cancelled", pgettext_lazy("export", "Cancelled")


EXPORT_FINISHED = (ExportState.SUCCEEDED, ExportState.FAILED, ExportState.CANCELLED)


class ExportJob(models.Model):
    """One wish to keep a version's archive as an object of a bucket; a record that outlives both.

    `attempts` also fences: a worker may change the row only while the attempt it claimed is the current one. `handle`
    is the driver's, for what is sent in parts. All bytes are sent and `sha256` is theirs once `placing` is set: then
    the object gets its name and nothing stops it.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="export_jobs")
    version = models.ForeignKey("registry.ModelVersion", models.SET_NULL, null=True, related_name="export_jobs")
    model_name = models.CharField(_("model name"), max_length=64)
    version_number = models.CharField(_("version"), max_length=8)
    version_uuid = models.UUIDField()
    digest = models.CharField(_("digest"), max_length=64)
    bucket = models.ForeignKey(Bucket, models.SET_NULL, null=True, related_name="export_jobs")
    bucket_name = models.CharField(_("bucket"), max_length=63)
    key = models.CharField(max_length=1024)
    replace = models.BooleanField(default=False)

    state = models.CharField(_("state"), max_length=16, choices=ExportState.choices, default=ExportState.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    not_before = models.DateTimeField(null=True)
    reason_code = models.CharField(max_length=64, blank=True)
    reason_params = models.JSONField(default=dict)
    bytes_total = models.PositiveBigIntegerField(default=0)
    bytes_done = models.PositiveBigIntegerField(default=0)
    handle = models.TextField(blank=True)
    sha256 = models.CharField("SHA-256", max_length=64, blank=True)
    placing = models.BooleanField(default=False)

    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_by_name = models.CharField(_("created by"), max_length=150)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    started_at = models.DateTimeField(_("started at"), null=True)
    finished_at = models.DateTimeField(_("finished at"), null=True)

    class Meta:
        verbose_name = _("export job")
        verbose_name_plural = _("export jobs")
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["state", "lease_until"]),
            models.Index(fields=["version_uuid", "-created_at", "-id"]),
        ]

    def __str__(self) -> str:
        return f"{self.model_name} {self.version_number}"

    def get_absolute_url(self) -> str:
        return reverse("registry:export", args=[self.uuid])

    @property
    def path(self) -> str:
        """Where the object lies or was to lie, as the console shows it."""
        return f"/{self.bucket_name}/{self.key}"

    @property
    def finished(self) -> bool:
        return self.state in EXPORT_FINISHED


class ExportEvent(models.Model):
    job = models.ForeignKey(ExportJob, models.CASCADE, related_name="events")
    at = models.DateTimeField(_("time"), auto_now_add=True)
    before = models.CharField(max_length=16, blank=True)
    after = models.CharField(max_length=16)
    code = models.CharField(max_length=64, blank=True)
    params = models.JSONField(default=dict)
    actor_name = models.CharField(_("who"), max_length=150, blank=True)

    class Meta:
        verbose_name = _("export event")
        verbose_name_plural = _("export events")
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.before} → {self.after}"
