"""Models and their immutable versions, with everything that outlives the import."""

import uuid

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

import registry.models_exports  # noqa: F401 - Django looks for tables in this module alone
from accounts.models import Workspace
from registry.findings import message_for
from registry.models_events import HistoryLine


class Status(models.TextChoices):
    """A version's state; the values are those of the documented API."""

    IMPORTING = "publishing", _("Importing")
    BUILDING = "building", _("Building")
    NORMAL = "published", pgettext_lazy("model status", "Normal")
    FAILED = "failed", _("Failed")
    BUILD_FAILED = "building_failed", _("Build failed")


class Proof(models.TextChoices):
    """What is known of a Normal version beyond its files."""

    NOT_ASKED = "not_asked", _("not asked")
    STARTED = "started", _("started")
    ANSWERED = "answered", _("answered")
    CANNOT_RUN_HERE = "cannot_run_here", _("cannot run here")


class ReviewState(models.TextChoices):
    """What the people of the workspace say of a version (审核)."""

    NONE = "none", _("Not reviewed")
    REQUESTED = "requested", _("Awaiting review")
    APPROVED = "approved", _("Approved")
    REJECTED = "rejected", _("Rejected")


class SourceKind(models.TextChoices):
    """Where the meta model came from (元模型来源)."""

    TRAINING = "training", _("Training job")
    TEMPLATE = "template", _("Template")
    IMAGE = "image", _("Container image")
    OBS = "obs", _("OBS")


class ModelSource(models.TextChoices):
    """Who made the algorithm (模型来源); console-flow.md §17."""

    EXEML = "auto", _("ExeML")
    BUILT_IN = "algos", _("Built-in algorithm")
    CUSTOM = "custom", _("Custom algorithm")
    SUBSCRIBED = "subscribe", _("Subscription")


class DeploymentType(models.TextChoices):
    REAL_TIME = "real-time", _("Real-time services")
    BATCH = "batch", _("Batch services")
    EDGE = "edge", _("Edge services")


class RegisteredModel(models.Model):
    """A name under which versions are kept; `latest_*` repeat the highest version for lists and filters."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="models", verbose_name=_("workspace"))
    name = models.CharField(_("model name"), max_length=64)
    description = models.CharField(_("description"), max_length=100, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    version_count = models.PositiveIntegerField(pgettext_lazy("column", "versions"), default=0)
    latest = models.ForeignKey("ModelVersion", models.SET_NULL, null=True, related_name="+")
    latest_status = models.CharField(_("status"), max_length=16, choices=Status.choices, default=Status.IMPORTING)
    latest_engine = models.CharField(_("AI engine"), max_length=36, blank=True)
    latest_source = models.CharField(_("model source"), max_length=16, choices=ModelSource.choices, blank=True)
    latest_source_kind = models.CharField(_("meta model source"), max_length=16, choices=SourceKind.choices, blank=True)
    latest_types = models.CharField(_("deployment type"), max_length=32, blank=True)
    # One column for each type, because only an equality can be filtered and sorted by one index.
    latest_real_time = models.BooleanField(default=False)
    latest_batch = models.BooleanField(default=False)
    latest_edge = models.BooleanField(default=False)

    class Meta:
        verbose_name = _("model")
        verbose_name_plural = _("models")
        ordering = ["-created_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="one_model_per_name")]
        indexes = [
            models.Index(fields=["workspace", "created_at", "id"]),
            models.Index(fields=["workspace", "version_count", "id"]),
            models.Index(fields=["workspace", "latest_status", "created_at", "id"]),
            models.Index(fields=["workspace", "latest_engine", "created_at", "id"]),
            models.Index(fields=["workspace", "latest_source", "created_at", "id"]),
            models.Index(fields=["workspace", "latest_source_kind", "created_at", "id"]),
            models.Index(fields=["workspace", "latest_real_time", "created_at", "id"]),
            models.Index(fields=["workspace", "latest_batch", "created_at", "id"]),
            models.Index(fields=["workspace", "latest_edge", "created_at", "id"]),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("registry:model-versions", args=[self.uuid])


class ModelVersion(models.Model):
    """One imported package. Its bytes never change; description, labels and documents may."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    model = models.ForeignKey(RegisteredModel, models.CASCADE, related_name="versions", verbose_name=_("model"))
    major = models.PositiveSmallIntegerField()
    minor = models.PositiveSmallIntegerField()
    patch = models.PositiveSmallIntegerField()
    status = models.CharField(_("status"), max_length=16, choices=Status.choices, default=Status.IMPORTING)
    status_code = models.CharField(max_length=64, blank=True)
    status_params = models.JSONField(default=dict)
    proof = models.CharField(_("proof"), max_length=16, choices=Proof.choices, default=Proof.NOT_ASKED)
    proof_code = models.CharField(max_length=64, blank=True)
    proof_params = models.JSONField(default=dict)
    proof_wanted = models.BooleanField(default=True)
    sample = models.JSONField(null=True)
    review = models.CharField(_("review"), max_length=16, choices=ReviewState.choices, default=ReviewState.NONE)
    lease_until = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)

    description = models.CharField(_("description"), max_length=100, blank=True)
    deployment_types = models.CharField(_("deployment type"), max_length=32, blank=True)
    source_kind = models.CharField(_("meta model source"), max_length=16, choices=SourceKind.choices)
    source_path = models.CharField(_("path"), max_length=2048, blank=True)
    source_params = models.JSONField(default=dict)
    model_source = models.CharField(
        _("model source"), max_length=16, choices=ModelSource.choices, default=ModelSource.CUSTOM
    )

    engine = models.CharField(_("AI engine"), max_length=36, blank=True)
    runtime = models.CharField(_("runtime environment"), max_length=100, blank=True)
    digest = models.CharField(_("digest"), max_length=64, blank=True)
    size = models.PositiveBigIntegerField(_("model size"), default=0)
    file_count = models.PositiveIntegerField(_("files"), default=0)
    has_inference_code = models.BooleanField(default=False)
    config_found = models.TextField(blank=True)
    config_used = models.TextField(blank=True)
    config = models.JSONField(default=dict)
    findings = models.JSONField(default=list)
    scan = models.JSONField(default=dict)
    scan_verdict = models.CharField(_("scan"), max_length=16, blank=True)

    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_by_name = models.CharField(_("created by"), max_length=150, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    finished_at = models.DateTimeField(_("finished at"), null=True)

    class Meta:
        verbose_name = _("version")
        verbose_name_plural = _("versions")
        ordering = ["-major", "-minor", "-patch"]
        constraints = [
            models.UniqueConstraint(fields=["model", "major", "minor", "patch"], name="one_version_per_number")
        ]
        indexes = [
            models.Index(fields=["model", "created_at", "id"]),
            models.Index(fields=["model", "size", "id"]),
            models.Index(fields=["status", "lease_until"]),
            models.Index(fields=["review", "id"]),
        ]

    def __str__(self) -> str:
        return f"{self.model.name} {self.number}"

    def get_absolute_url(self) -> str:
        return reverse("registry:version", args=[self.uuid])

    @property
    def number(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"

    @property
    def at_rest(self) -> bool:
        """Nothing will change by itself any more."""
        return self.status not in {Status.IMPORTING, Status.BUILDING}

    @property
    def reason(self) -> str:
        """Why it is in its state, as a sentence; empty when the state says it all."""
        return message_for(self.status_code, self.status_params) if self.status_code else ""

    @property
    def proof_reason(self) -> str:
        return message_for(self.proof_code, self.proof_params) if self.proof_code else ""

    @property
    def types(self) -> list[str]:
        return self.deployment_types.split(",") if self.deployment_types else []


class StoredFile(models.Model):
    """One file of a version's package; its bytes lie in the artifact store under their SHA-256."""

    version = models.ForeignKey(ModelVersion, models.CASCADE, related_name="files")
    path = models.CharField(_("path"), max_length=1024)
    size = models.PositiveBigIntegerField(_("size"))
    sha256 = models.CharField("SHA-256", max_length=64)

    class Meta:
        verbose_name = _("stored file")
        verbose_name_plural = _("stored files")
        ordering = ["path"]
        constraints = [models.UniqueConstraint(fields=["version", "path"], name="one_file_per_path")]
        indexes = [models.Index(fields=["sha256"])]

    def __str__(self) -> str:
        return self.path


class Blob(models.Model):
    """Bytes in object storage, where no time of change says when they were last wanted: `wanted_at` does.

    `doomed_at` is set while a sweep removes them. Folders need no rows.
    """

    sha256 = models.CharField("SHA-256", max_length=64, unique=True)
    wanted_at = models.DateTimeField()
    doomed_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("stored bytes")
        verbose_name_plural = _("stored bytes")
        indexes = [models.Index(fields=["wanted_at"])]

    def __str__(self) -> str:
        return self.sha256


class InferenceSpec(models.Model):
    """Resources one instance needs (推理规格); GPU and Ascend exclude each other."""

    version = models.OneToOneField(ModelVersion, models.CASCADE, related_name="inference_spec")
    cpu = models.DecimalField("CPU", max_digits=8, decimal_places=2)
    memory = models.PositiveIntegerField(_("memory (MiB)"))
    gpu = models.DecimalField("GPU", max_digits=6, decimal_places=2, default=0)
    ascend = models.DecimalField("Ascend", max_digits=6, decimal_places=2, default=0)

    class Meta:
        verbose_name = _("inference specification")
        verbose_name_plural = _("inference specifications")
        constraints = [
            models.CheckConstraint(condition=models.Q(gpu=0) | models.Q(ascend=0), name="gpu_or_ascend"),
        ]

    def __str__(self) -> str:
        return f"{self.cpu} · {self.memory} MiB"


class ModelDocument(models.Model):
    """A link that explains the model (模型说明), at most three for a version."""

    version = models.ForeignKey(ModelVersion, models.CASCADE, related_name="documents")
    name = models.CharField(_("document name"), max_length=48)
    url = models.URLField("URL", max_length=2048)

    class Meta:
        verbose_name = _("model document")
        verbose_name_plural = _("model documents")
        ordering = ["id"]

    def __str__(self) -> str:
        return self.name


class Label(models.Model):
    version = models.ForeignKey(ModelVersion, models.CASCADE, related_name="labels")
    name = models.CharField(_("label"), max_length=64)

    class Meta:
        verbose_name = _("label")
        verbose_name_plural = _("labels")
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["version", "name"], name="one_label_per_version")]
        indexes = [models.Index(fields=["name", "version"])]

    def __str__(self) -> str:
        return self.name


class Review(models.Model):
    """Who asked for the approval of a version and who decided, last; what went before stands in its events.

    The state itself is `ModelVersion.review`.
    """

    version = models.OneToOneField(ModelVersion, models.CASCADE, related_name="review_record")
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    requested_by_name = models.CharField(_("requested by"), max_length=150)
    requested_at = models.DateTimeField(_("requested at"), db_index=True)
    note = models.CharField(_("note"), max_length=1000, blank=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    decided_by_name = models.CharField(_("decided by"), max_length=150, blank=True)
    decided_at = models.DateTimeField(_("decided at"), null=True)
    comment = models.CharField(_("comment"), max_length=1000, blank=True)

    class Meta:
        verbose_name = _("review")
        verbose_name_plural = _("reviews")

    def __str__(self) -> str:
        return str(self.version)


class VersionEvent(HistoryLine):
    """One line of a version's history; the codes are those of console-flow.md §15."""

    version = models.ForeignKey(ModelVersion, models.CASCADE, related_name="events")

    class Meta(HistoryLine.Meta):
        indexes = [models.Index(fields=["version", "-at", "-id"])]
