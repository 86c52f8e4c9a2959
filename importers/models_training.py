"""Training: jobs, their runs, and the tracking servers that runs are read from."""

import uuid
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import Workspace
from registry.findings import message_for


class RunStatus(models.TextChoices):
    """What a run does; only forwards, and a successful one alone can be imported."""

    INITIALIZING = "initializing", pgettext_lazy("training", "Initializing")
    DEPLOYING = "deploying", pgettext_lazy("training", "Deploying")
    RUNNING = "running", pgettext_lazy("training", "Running")
    SUCCESSFUL = "successful", pgettext_lazy("training", "Successful")
    FAILED = "failed", pgettext_lazy("training", "Failed")
    CANCELLED = "cancelled", pgettext_lazy("training", "Cancelled")


RUN_ENDED = (RunStatus.SUCCESSFUL, RunStatus.FAILED, RunStatus.CANCELLED)


class AlgorithmKind(models.TextChoices):
    """Who made the algorithm of a run, and with it who supplies configuration and inference code."""

    BUILT_IN = "built-in", _("Built-in algorithm")
    FRAMEWORK = "framework", _("Common framework")
    CUSTOM = "custom", _("Custom algorithm")
    EXEML = "exeml", _("ExeML")


class RunSource(models.TextChoices):
    """How a run became known here."""

    FORM = "form", pgettext_lazy("training", "Entered by hand")
    API = "api", pgettext_lazy("training", "Training script")
    MLFLOW = "mlflow", "MLflow"


class MLflowConnection(models.Model):
    """A tracking server whose runs are read.

    `last_code` is a message code, empty after a sync that went well; `skipped` says of which runs nothing was made:
    a list of code, params, count and one of them. `experiments` are names, one on each line; empty for all.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="mlflow_connections")
    name = models.CharField(_("name"), max_length=64)
    address = models.CharField(_("address"), max_length=255)
    # Encrypted with accounts.secrets; empty asks as anybody.
    credentials = models.TextField(blank=True, editable=False)
    username = models.CharField(_("user name"), max_length=150, blank=True)
    experiments = models.CharField(_("experiments"), max_length=2000, blank=True)
    # The folder of a bucket in which the server keeps the artifacts that it hands out itself.
    artifact_root = models.CharField(_("folder of the artifacts"), max_length=1024, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_by_name = models.CharField(_("created by"), max_length=150)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    asked_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    last_sync_at = models.DateTimeField(_("last synchronised"), null=True)
    last_code = models.CharField(max_length=64, blank=True)
    last_params = models.JSONField(default=dict)
    runs_seen = models.PositiveIntegerField(default=0)
    runs_new = models.PositiveIntegerField(default=0)
    runs_known = models.PositiveIntegerField(default=0)
    runs_refused = models.PositiveIntegerField(default=0)
    skipped = models.JSONField(default=list)

    class Meta:
        verbose_name = _("MLflow connection")
        verbose_name_plural = _("MLflow connections")
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="one_mlflow_connection_per_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def wanted(self) -> list[str]:
        """The names of the experiments that are taken; none for all."""
        return [line.strip() for line in self.experiments.splitlines() if line.strip()]

    @property
    def running(self) -> bool:
        """Whether a worker reads it right now."""
        return self.lease_until is not None and self.lease_until > now()

    @property
    def waiting(self) -> bool:
        """Whether somebody asked for it and no worker has begun since."""
        asked, begun = self.asked_at, self.last_sync_at
        return asked is not None and (begun is None or begun < asked) and not self.running

    @property
    def last_reason(self) -> str:
        """Why the last synchronisation did not go well; empty after one that did."""
        return message_for(self.last_code, self.last_params) if self.last_code else ""

    @property
    def skips(self) -> list[dict[str, Any]]:
        """Why nothing was made of some runs: the sentence, how many, and one of them."""
        return [{**each, "message": message_for(each["code"], each["params"])} for each in self.skipped]


class TrainingJob(models.Model):
    """A name under which runs are kept; `latest_*` repeat the newest run for lists and filters."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="training_jobs")
    name = models.CharField(_("name"), max_length=128)
    description = models.CharField(_("description"), max_length=256, blank=True)
    connection = models.ForeignKey(MLflowConnection, models.SET_NULL, null=True, related_name="jobs")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_by_name = models.CharField(_("created by"), max_length=150)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    last_number = models.PositiveIntegerField(default=0)  # numbers of deleted runs are not given again
    run_count = models.PositiveIntegerField(pgettext_lazy("column", "runs"), default=0)
    latest_status = models.CharField(_("status"), max_length=16, choices=RunStatus.choices, blank=True)
    latest_kind = models.CharField(_("algorithm"), max_length=16, choices=AlgorithmKind.choices, blank=True)
    latest_engine = models.CharField(_("AI engine"), max_length=36, blank=True)
    latest_at = models.DateTimeField(_("latest run"), auto_now_add=True)

    class Meta:
        verbose_name = _("training job")
        verbose_name_plural = _("training jobs")
        ordering = ["-latest_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="one_training_job_per_name")]
        indexes = [
            models.Index(fields=["workspace", "latest_at", "id"]),
            models.Index(fields=["workspace", "created_at", "id"]),
            models.Index(fields=["workspace", "run_count", "id"]),
            models.Index(fields=["workspace", "latest_status", "latest_at", "id"]),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("importers:training-job", args=[self.uuid])


class TrainingRun(models.Model):
    """One run of a job, numbered from 1 and known to whoever ran it as `external_id`.

    `output_path` is the folder of a bucket that holds the run's `model` folder. `deployed` is said of ExeML runs: the
    system that made them deployed them, which imports them once.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    job = models.ForeignKey(TrainingJob, models.CASCADE, related_name="runs")
    number = models.PositiveIntegerField(_("version"))
    external_id = models.CharField(_("external ID"), max_length=128)
    source = models.CharField(_("entered through"), max_length=16, choices=RunSource.choices)
    status = models.CharField(_("status"), max_length=16, choices=RunStatus.choices)
    kind = models.CharField(_("algorithm"), max_length=16, choices=AlgorithmKind.choices)
    algorithm = models.CharField(_("built-in algorithm"), max_length=64, blank=True)
    project = models.CharField(_("ExeML project"), max_length=128, blank=True)
    engine = models.CharField(_("AI engine"), max_length=36, blank=True)
    output_path = models.CharField(_("output path"), max_length=2048, blank=True)
    metrics = models.JSONField(_("metrics"), default=dict)
    parameters = models.JSONField(_("parameters"), default=dict)
    deployed = models.BooleanField(_("deployed"), default=False)
    external_url = models.CharField(_("page of the run"), max_length=2048, blank=True)
    # Since when its tracking server says that it was deleted there.
    gone_at = models.DateTimeField(_("deleted in MLflow"), null=True)
    started_at = models.DateTimeField(_("started at"), null=True)
    finished_at = models.DateTimeField(_("finished at"), null=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_by_name = models.CharField(_("created by"), max_length=150)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta:
        verbose_name = _("training run")
        verbose_name_plural = _("training runs")
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["job", "number"], name="one_run_per_number"),
            models.UniqueConstraint(fields=["job", "external_id"], name="one_run_per_external_id"),
        ]

    def __str__(self) -> str:
        return f"{self.job.name} {self.label}"

    def get_absolute_url(self) -> str:
        return f"{self.job.get_absolute_url()}#{self.label}"

    @property
    def label(self) -> str:
        """The number as it is written everywhere: V0001."""
        return f"V{self.number:04}"

    @property
    def ended(self) -> bool:
        return self.status in RUN_ENDED

    @property
    def importable(self) -> bool:
        """Whether somebody can make a model of it; ExeML brings its own in when it deploys them."""
        done = self.status == RunStatus.SUCCESSFUL and bool(self.output_path) and self.gone_at is None
        return done and self.kind != AlgorithmKind.EXEML

    @property
    def lacks_output(self) -> bool:
        """Whether nothing but its output stands between it and a model."""
        return self.status == RunStatus.SUCCESSFUL and not self.output_path and self.gone_at is None

    @property
    def open(self) -> bool:
        """Whether there is more to be said of it that matters."""
        return not self.ended or self.lacks_output

    @property
    def duration(self) -> timedelta | None:
        return self.finished_at - self.started_at if self.started_at and self.finished_at else None


class ForgottenRun(models.Model):
    """A run of a tracking server that somebody deleted here, so that no synchronisation brings it back."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    external_id = models.CharField(_("external ID"), max_length=128)
    forgotten_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("forgotten run")
        verbose_name_plural = _("forgotten runs")
        constraints = [models.UniqueConstraint(fields=["workspace", "external_id"], name="one_forgotten_run_per_id")]

    def __str__(self) -> str:
        return self.external_id
