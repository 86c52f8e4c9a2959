"""Instances: processes of models, wanted by rollouts and proofs, run by the supervisor of their host."""

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.findings import message_for
from registry.models import ModelVersion
from serving.models_services import ServiceRevision


class Purpose(models.TextChoices):
    SERVICE = "service", _("Service")
    PROOF = "proof", _("Proof")


class Wanted(models.TextChoices):
    """What the rollout or the proof wants of it."""

    RUNNING = "running", _("Running")
    STOPPED = "stopped", _("Stopped")


class InstanceState(models.TextChoices):
    """What the supervisor observes.

    Pending → starting → ready ⇄ unhealthy; restarting after a crash, with back-off; stopped when that was wanted;
    failed when it did not load, or crashed too often: it then rests until its row is taken away.
    """

    PENDING = "pending", _("Pending")
    STARTING = "starting", _("Starting")
    READY = "ready", _("Ready")
    UNHEALTHY = "unhealthy", _("Not answering")
    RESTARTING = "restarting", _("Restarting")
    STOPPED = "stopped", _("Stopped")
    FAILED = "failed", _("Failed")


INSTANCE_RESTS = (InstanceState.STOPPED, InstanceState.FAILED)


class Instance(models.Model):
    """One process of a model. Only `wanted` is written by others than the supervisor of `host`.

    Sizes are in bytes but for `memory_limit` (MiB), `cpu_limit` in cores. `socket` is the path of its Unix socket on
    the host. `protections` says which protections were active when it started (see `serving.sandbox`).
    `reason_params` of a failure may hold `stage`, `file`, `line` and `message` as the inference server told them.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    purpose = models.CharField(max_length=16, choices=Purpose.choices)
    version = models.ForeignKey(ModelVersion, models.CASCADE, related_name="instances")
    revision = models.ForeignKey(ServiceRevision, models.CASCADE, null=True, related_name="processes")
    host = models.CharField(_("host"), max_length=255)
    wanted = models.CharField(max_length=16, choices=Wanted.choices, default=Wanted.RUNNING)
    state = models.CharField(_("state"), max_length=16, choices=InstanceState.choices, default=InstanceState.PENDING)
    variables = models.JSONField(default=dict)
    cpu_limit = models.DecimalField("CPU", max_digits=8, decimal_places=2)
    memory_limit = models.PositiveIntegerField(_("memory (MiB)"))
    load_seconds = models.PositiveIntegerField(default=600)

    pid = models.PositiveIntegerField(null=True)
    socket = models.CharField(max_length=255, blank=True)
    protections = models.JSONField(default=list)
    starts = models.PositiveIntegerField(default=0)
    restart_at = models.DateTimeField(null=True)
    reason_code = models.CharField(max_length=64, blank=True)
    reason_params = models.JSONField(default=dict)
    exit_code = models.IntegerField(null=True)
    memory = models.PositiveBigIntegerField(default=0)
    peak_memory = models.PositiveBigIntegerField(default=0)
    cpu_seconds = models.FloatField(default=0)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    started_at = models.DateTimeField(_("started at"), null=True)
    ready_at = models.DateTimeField(_("ready at"), null=True)
    seen_at = models.DateTimeField(_("last seen"), null=True)

    class Meta:
        verbose_name = _("instance")
        verbose_name_plural = _("instances")
        ordering = ["id"]
        indexes = [models.Index(fields=["host", "wanted", "state"])]

    def __str__(self) -> str:
        return f"{self.version} {str(self.uuid)[:8]}"

    @property
    def at_rest(self) -> bool:
        return self.state in INSTANCE_RESTS

    @property
    def reason(self) -> str:
        """Why it is in its state, as a sentence; empty when the state says it all."""
        return message_for(self.reason_code, self.reason_params) if self.reason_code else ""


class ProofState(models.TextChoices):
    RUNNING = "running", _("Running")
    STARTED = "started", _("Started")
    ANSWERED = "answered", _("Answered")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


class ProofRecord(models.Model):
    """One time a version was started and asked; kept for ever with what was sent and what came back.

    `request` is `{"method", "path", "headers", "body", "origin"}`, the body in base64 and the origin one of "user",
    "schema" or ""; `answer` is `{"status", "headers", "body", "cut"}`. Times in seconds, memory in bytes.
    `suggestion` is an inference specification, `{"cpu", "memory"}`, from what was measured; `attempts` counts claims.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    version = models.ForeignKey(ModelVersion, models.CASCADE, related_name="proof_records")
    instance = models.ForeignKey(Instance, models.SET_NULL, null=True, related_name="proof_records")
    state = models.CharField(_("state"), max_length=16, choices=ProofState.choices, default=ProofState.RUNNING)
    # Whether the version rests on its outcome: the one after a build does, "Prove now" does not.
    decides = models.BooleanField(default=False)
    request = models.JSONField(default=dict)
    answer = models.JSONField(default=dict)
    reason_code = models.CharField(max_length=64, blank=True)
    reason_params = models.JSONField(default=dict)
    start_seconds = models.FloatField(null=True)
    answer_seconds = models.FloatField(null=True)
    peak_memory = models.PositiveBigIntegerField(default=0)
    suggestion = models.JSONField(default=dict)
    log = models.TextField(blank=True)
    lease_until = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    asked_by_name = models.CharField(_("who"), max_length=150, blank=True)
    created_at = models.DateTimeField(_("when"), auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("proof")
        verbose_name_plural = _("proofs")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.version} · {self.state}"

    @property
    def reason(self) -> str:
        return message_for(self.reason_code, self.reason_params) if self.reason_code else ""
