"""Services: what was deployed, in which revision, and what happened to it."""

import uuid
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.models import Workspace
from registry.findings import message_for
from registry.models import DeploymentType, ModelVersion
from registry.models_events import HistoryLine
from serving.messages_lengths import length, whole_hours


class ServiceState(models.TextChoices):
    """What is observed; the values are those of the documented API (services.md §6.1)."""

    DEPLOYING = "deploying", _("Deploying")
    RUNNING = "running", _("Running")
    CONCERNING = "concerning", _("Alarm")
    STOPPING = "stopping", _("Stopping")
    STOPPED = "stopped", _("Stopped")
    FAILED = "failed", _("Abnormal")
    FINISHED = "finished", _("Finished")


class Desired(models.TextChoices):
    """What people want."""

    RUNNING = "running", _("Running")
    STOPPED = "stopped", _("Stopped")
    DELETED = "deleted", _("Deleted")


class Service(models.Model):
    """One or more versions behind one address. People write `desired`, the rollout writes `state`.

    `auto_stop_seconds` is null where it runs until it is stopped; `stops_at` is when the present run ends.
    `deploying_since` is when the present deployment began: its time-out counts from there.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="services")
    kind = models.CharField(_("type"), max_length=16, choices=DeploymentType.choices)
    name = models.CharField(_("name"), max_length=64)
    description = models.CharField(_("description"), max_length=100, blank=True)
    desired = models.CharField(max_length=16, choices=Desired.choices, default=Desired.RUNNING)
    state = models.CharField(_("status"), max_length=16, choices=ServiceState.choices, default=ServiceState.DEPLOYING)
    phase = models.CharField(max_length=32, blank=True)
    reason_code = models.CharField(max_length=64, blank=True)
    reason_params = models.JSONField(default=dict)
    auto_stop_seconds = models.PositiveIntegerField(null=True)
    stops_at = models.DateTimeField(_("stops at"), null=True)
    deploying_since = models.DateTimeField(null=True)
    started_at = models.DateTimeField(_("started at"), null=True)
    lease_until = models.DateTimeField(null=True)
    calls = models.PositiveBigIntegerField(_("calls"), default=0)
    failures = models.PositiveBigIntegerField(_("failed calls"), default=0)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_by_name = models.CharField(_("created by"), max_length=150)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed at"), auto_now=True)

    class Meta:
        verbose_name = _("service")
        verbose_name_plural = _("services")
        ordering = ["-created_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="one_service_per_name")]
        indexes = [
            models.Index(fields=["workspace", "kind", "created_at", "id"]),
            models.Index(fields=["workspace", "kind", "name", "id"]),
            models.Index(fields=["state", "stops_at"]),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("serving:service", args=[self.uuid])

    @property
    def at_rest(self) -> bool:
        """Nothing will change by itself, but for an automatic stop."""
        return self.state not in {ServiceState.DEPLOYING, ServiceState.STOPPING}

    @property
    def reason(self) -> str:
        """Why it is in its state, as a sentence; empty when the state says it all."""
        return message_for(self.reason_code, self.reason_params) if self.reason_code else ""


class ServiceRevision(models.Model):
    """One version with what it was deployed with; changing a service makes a new one.

    `variables` is a mapping of environment variables for the package; `memory` is in MiB; `timeout` in minutes.
    """

    service = models.ForeignKey(Service, models.CASCADE, related_name="revisions")
    version = models.ForeignKey(ModelVersion, models.PROTECT, related_name="service_revisions")
    number = models.PositiveIntegerField()
    instances = models.PositiveSmallIntegerField(_("instances"), default=1)
    specification = models.CharField(_("specification"), max_length=64)
    cpu = models.DecimalField("CPU", max_digits=8, decimal_places=2)
    memory = models.PositiveIntegerField(_("memory (MiB)"))
    variables = models.JSONField(default=dict)
    timeout = models.PositiveSmallIntegerField(_("timeout (minutes)"), default=20)
    created_by_name = models.CharField(_("created by"), max_length=150)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta:
        verbose_name = _("service revision")
        verbose_name_plural = _("service revisions")
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["service", "number"], name="one_revision_per_number")]

    def __str__(self) -> str:
        return f"{self.service} #{self.number}"

    @property
    def holder(self) -> Service:
        """What a person would call that which uses the version."""
        return self.service


class Route(models.Model):
    """Which share of a service's requests a revision answers; the weights of a service add up to 100."""

    service = models.ForeignKey(Service, models.CASCADE, related_name="routes")
    revision = models.OneToOneField(ServiceRevision, models.CASCADE, related_name="route")
    weight = models.PositiveSmallIntegerField(_("traffic ratio"), default=100)

    class Meta:
        verbose_name = _("route")
        verbose_name_plural = _("routes")

    def __str__(self) -> str:
        return f"{self.revision}: {self.weight} %"


class ServiceEvent(HistoryLine):
    """One line of a service's history; the codes are those of services.md §13."""

    service = models.ForeignKey(Service, models.CASCADE, related_name="events")

    class Meta(HistoryLine.Meta):
        indexes = [models.Index(fields=["service", "-at", "-id"])]

    @property
    def said(self) -> dict[str, Any]:
        """With a length of time in words, too."""
        seconds = self.params.get("seconds")
        if not isinstance(seconds, int):
            return super().said
        words = length(timedelta(seconds=seconds)) if seconds % 3600 else whole_hours(seconds)
        return {**self.params, "time": words}


class CallMinute(models.Model):
    """What a service's version was asked in one minute; `latencies` counts calls by bucket of duration."""

    service = models.ForeignKey(Service, models.CASCADE, related_name="minutes")
    version = models.ForeignKey(ModelVersion, models.SET_NULL, null=True, related_name="+")
    minute = models.DateTimeField()
    calls = models.PositiveIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0)
    latencies = models.JSONField(default=dict)

    class Meta:
        verbose_name = _("calls in a minute")
        verbose_name_plural = _("calls in a minute")
        constraints = [
            models.UniqueConstraint(fields=["service", "version", "minute"], name="one_count_per_minute"),
        ]
        indexes = [models.Index(fields=["service", "minute"])]

    def __str__(self) -> str:
        return f"{self.service} {self.minute:%Y-%m-%d %H:%M}"
