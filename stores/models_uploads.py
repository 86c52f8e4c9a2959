"""Uploads: what somebody sends into a bucket, over as many requests as it takes."""

import uuid

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Conflict(models.TextChoices):
    """What happens to a file whose name is taken in the bucket."""

    SKIP = "skip", _("Skip: keep what is there")
    REPLACE = "replace", _("Replace what is there")
    BOTH = "both", _("Keep both: give the new file another name")


class UploadState(models.TextChoices):
    RECEIVING = "receiving", pgettext_lazy("upload", "Receiving")
    UNPACKING = "unpacking", pgettext_lazy("upload", "Unpacking")
    DONE = "done", pgettext_lazy("upload", "Stored")
    FAILED = "failed", pgettext_lazy("upload", "Failed")
    CANCELLED = "cancelled", pgettext_lazy("upload", "Cancelled")


class Upload(models.Model):
    """One wish to store files in a folder of a bucket.

    Totals and counters are of the objects the bucket gets: an archive that is unpacked counts as its members, once
    they are known. `attempts` fences the unpacking: a worker may change the row only while its attempt is current.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    bucket = models.ForeignKey("stores.Bucket", models.CASCADE, related_name="uploads")
    prefix = models.CharField(max_length=1024, blank=True)
    conflict = models.CharField(max_length=8, choices=Conflict.choices, default=Conflict.SKIP)

    state = models.CharField(max_length=16, choices=UploadState.choices, default=UploadState.RECEIVING)
    reason_code = models.CharField(max_length=64, blank=True)
    reason_params = models.JSONField(default=dict)
    files_total = models.PositiveIntegerField(default=0)
    files_done = models.PositiveIntegerField(default=0)
    bytes_total = models.PositiveBigIntegerField(default=0)
    bytes_done = models.PositiveBigIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)

    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_by_name = models.CharField(max_length=150)
    created_at = models.DateTimeField(auto_now_add=True)
    touched_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)

    class Meta:
        verbose_name = _("upload")
        verbose_name_plural = _("uploads")
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["state", "touched_at"])]

    def __str__(self) -> str:
        return f"/{self.bucket.name}/{self.prefix}"

    def get_absolute_url(self) -> str:
        return reverse("stores:upload-status", args=[self.bucket.name, self.uuid])

    @property
    def finished(self) -> bool:
        return self.state in (UploadState.DONE, UploadState.FAILED, UploadState.CANCELLED)


class UploadFile(models.Model):
    """One object on its way. `handle` is the driver's, for what comes in parts; `lease_until` names who holds it.

    An archive to be unpacked has its own name in `archive` and a scratch key; a member of one has its name in
    `member` and in `part_of` the number of the archive.
    """

    upload = models.ForeignKey(Upload, models.CASCADE, related_name="files")
    number = models.PositiveIntegerField()
    key = models.CharField(max_length=1024)
    size = models.PositiveBigIntegerField()
    archive = models.CharField(max_length=1024, blank=True)
    member = models.CharField(max_length=1024, blank=True)
    part_of = models.PositiveIntegerField(null=True)
    handle = models.TextField(blank=True)
    done = models.BooleanField(default=False)
    lease_until = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("uploaded file")
        verbose_name_plural = _("uploaded files")
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["upload", "number"], name="one_file_per_number")]

    def __str__(self) -> str:
        return self.key
