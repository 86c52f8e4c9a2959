"""Environments that models run in, and how a version came to its own."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.findings import message_for
from registry.models import ModelVersion
from serving.locks import Pin, pins_of


class EnvironmentState(models.TextChoices):
    BUILDING = "building", _("Building")
    READY = "ready", _("Ready")
    FAILED = "failed", _("Failed")


class Environment(models.Model):
    """One lock, built once on this host and shared by every version whose lock it is.

    `digest` is the SHA-256 over lock and interpreter; the environment stands in the folder of that name. `sources` says
    which packages were built from source: `{"name", "version", "sha256"}` each, the last of the source distribution.
    """

    digest = models.CharField(max_length=64, unique=True)
    lock = models.TextField()
    sources = models.JSONField(default=list)
    interpreter = models.CharField(_("interpreter"), max_length=32)
    state = models.CharField(_("state"), max_length=16, choices=EnvironmentState.choices)
    reason_code = models.CharField(max_length=64, blank=True)
    reason_params = models.JSONField(default=dict)
    lease_until = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    size = models.PositiveBigIntegerField(_("size"), default=0)
    seconds = models.FloatField(_("build time (s)"), default=0)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    used_at = models.DateTimeField(_("last used"))

    class Meta:
        verbose_name = _("environment")
        verbose_name_plural = _("environments")
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return self.digest[:12]

    @property
    def packages(self) -> tuple[Pin, ...]:
        """What is installed in it."""
        return pins_of(self.lock)


class Overlay(models.Model):
    """What a user decided to take instead of declared dependencies; the package stays as it was imported.

    `difference` is a list of `{"name", "declared", "taken"}`, both requirements as text; the newest one counts.
    """

    version = models.ForeignKey(ModelVersion, models.CASCADE, related_name="overlays")
    difference = models.JSONField(default=list)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_by_name = models.CharField(_("who"), max_length=150)
    created_at = models.DateTimeField(_("when"), auto_now_add=True)

    class Meta:
        verbose_name = _("dependency overlay")
        verbose_name_plural = _("dependency overlays")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.version} · {self.created_at:%Y-%m-%d %H:%M}"


class Making(models.TextChoices):
    """How far the environment of a Normal version is that had none."""

    BUILDING = "building", _("Building")
    FAILED = "failed", _("Failed")


class VersionEnvironment(models.Model):
    """The environment a version runs in: what was asked for, what it was locked to, or why it could not be.

    `requirements` are the rebuilt lines that were resolved, in their order. `proposals` is a list like
    `Overlay.difference`, some with more beside: what could be taken instead of pins that cannot exist on this
    interpreter. `making` is set only while an environment is made for a version that is Normal already, and after that
    failed; `reason_*`, `lease_until` and `attempts` belong to it. A version in Building is held by its own row instead.
    """

    version = models.OneToOneField(ModelVersion, models.CASCADE, related_name="environment_record")
    environment = models.ForeignKey(Environment, models.PROTECT, null=True, related_name="version_records")
    overlay = models.ForeignKey(Overlay, models.SET_NULL, null=True, related_name="+")
    requirements = models.JSONField(default=list)
    proposals = models.JSONField(default=list)
    log = models.TextField(blank=True)
    resolved_at = models.DateTimeField(null=True)
    making = models.CharField(max_length=16, choices=Making.choices, blank=True)
    reason_code = models.CharField(max_length=64, blank=True)
    reason_params = models.JSONField(default=dict)
    lease_until = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)

    class Meta:
        verbose_name = _("environment of a version")
        verbose_name_plural = _("environments of versions")

    def __str__(self) -> str:
        return str(self.version)

    @property
    def reason(self) -> str:
        """Why it could not be made, as a sentence; empty unless that failed."""
        return message_for(self.reason_code, self.reason_params) if self.reason_code else ""
