"""Import jobs: the progress of bringing one version in, and its history."""

import uuid

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.models import Workspace
from importers.models_training import (
    RUN_ENDED,
    AlgorithmKind,
    ForgottenRun,
    MLflowConnection,
    RunSource,
    RunStatus,
    TrainingJob,
    TrainingRun,
)
from registry.models import ModelVersion, SourceKind
from stores.models import Bucket

__all__ = [
    "FINISHED",
    "RUNNING",
    "RUN_ENDED",
    "AlgorithmKind",
    "FetchedObject",
    "ForgottenRun",
    "ImportEvent",
    "ImportJob",
    "MLflowConnection",
    "RunSource",
    "RunStatus",
    "State",
    "TrainingJob",
    "TrainingRun",
]


class State(models.TextChoices):
    QUEUED = "queued", _("Queued")
    FETCHING = "fetching", _("Fetching")
    CHECKING = "checking", _("Checking")
    STORING = "storing", _("Storing")
    SUCCEEDED = "succeeded", _("Succeeded")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


RUNNING = (State.FETCHING, State.CHECKING, State.STORING)
FINISHED = (State.SUCCEEDED, State.FAILED, State.CANCELLED)


class ImportJob(models.Model):
    """One request to import a version. It keeps progress only; what lasts is handed to the version.

    `request` is what the form asked for (see `importers.services.ImportRequest`). `attempts` also fences: a worker
    may change the row only while the attempt it claimed is the current one.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="import_jobs")
    version = models.ForeignKey(ModelVersion, models.SET_NULL, null=True, related_name="import_jobs")
    model_name = models.CharField(_("model name"), max_length=64)
    version_number = models.CharField(_("version"), max_length=8)
    version_uuid = models.UUIDField()
    source_kind = models.CharField(_("meta model source"), max_length=16, choices=SourceKind.choices)
    source_path = models.CharField(_("path"), max_length=2048, blank=True)
    request = models.JSONField(default=dict)
    training_run = models.ForeignKey(TrainingRun, models.SET_NULL, null=True, related_name="import_jobs")

    state = models.CharField(_("state"), max_length=16, choices=State.choices, default=State.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    not_before = models.DateTimeField(null=True)
    reason_code = models.CharField(max_length=64, blank=True)
    reason_params = models.JSONField(default=dict)
    findings = models.JSONField(default=list)
    files_total = models.PositiveIntegerField(default=0)
    files_done = models.PositiveIntegerField(default=0)
    bytes_total = models.PositiveBigIntegerField(default=0)
    bytes_done = models.PositiveBigIntegerField(default=0)

    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_by_name = models.CharField(_("created by"), max_length=150)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    started_at = models.DateTimeField(_("started at"), null=True)
    finished_at = models.DateTimeField(_("finished at"), null=True)

    class Meta:
        verbose_name = _("import job")
        verbose_name_plural = _("import jobs")
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["state", "lease_until"]),
            models.Index(fields=["workspace", "-created_at", "-id"]),
        ]

    def __str__(self) -> str:
        return f"{self.model_name} {self.version_number}"

    def get_absolute_url(self) -> str:
        return reverse("importers:job", args=[self.uuid])

    @property
    def finished(self) -> bool:
        return self.state in FINISHED


class ImportEvent(models.Model):
    job = models.ForeignKey(ImportJob, models.CASCADE, related_name="events")
    at = models.DateTimeField(_("time"), auto_now_add=True)
    before = models.CharField(max_length=16, blank=True)
    after = models.CharField(max_length=16)
    code = models.CharField(max_length=64, blank=True)
    params = models.JSONField(default=dict)
    actor_name = models.CharField(_("who"), max_length=150, blank=True)

    class Meta:
        verbose_name = _("import event")
        verbose_name_plural = _("import events")
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.before} → {self.after}"


class FetchedObject(models.Model):
    """What an object of a bucket held when it was fetched, and the fingerprint it had.

    `place` is where the bucket was reached then: a bucket that is set to another place is another bucket.
    """

    bucket = models.ForeignKey(Bucket, models.CASCADE, related_name="+")
    key = models.CharField(max_length=1024)
    place = models.TextField()
    fingerprint = models.TextField()
    size = models.PositiveBigIntegerField()
    sha256 = models.CharField("SHA-256", max_length=64)
    fetched_at = models.DateTimeField()

    class Meta:
        verbose_name = _("fetched object")
        verbose_name_plural = _("fetched objects")
        constraints = [models.UniqueConstraint(fields=["bucket", "key"], name="one_fetched_object_per_key")]
        indexes = [models.Index(fields=["fetched_at"])]

    def __str__(self) -> str:
        return self.key
