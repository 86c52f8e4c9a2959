"""What came of calls beside their numbers: files that were counted already, and what the instances took."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.models import ModelVersion
from serving.models_services import Service


class CallBatch(models.Model):
    """A file of counts that is in the database; without this row a file that could not be removed counts twice."""

    name = models.CharField(max_length=100, unique=True)
    taken_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("counted calls")
        verbose_name_plural = _("counted calls")
        indexes = [models.Index(fields=["taken_at"])]

    def __str__(self) -> str:
        return self.name


class UsageMinute(models.Model):
    """What an instance of a service took in a minute: `memory` in bytes, `cpu` in cores.

    `cpu_seconds` is what it had spent in all when it was looked at, at `at`; the next minute's share follows from it.
    """

    service = models.ForeignKey(Service, models.CASCADE, related_name="usage")
    version = models.ForeignKey(ModelVersion, models.SET_NULL, null=True, related_name="+")
    instance = models.UUIDField()
    minute = models.DateTimeField()
    at = models.DateTimeField()
    memory = models.PositiveBigIntegerField(default=0)
    cpu_seconds = models.FloatField(default=0)
    cpu = models.FloatField(null=True)

    class Meta:
        verbose_name = _("usage in a minute")
        verbose_name_plural = _("usage in a minute")
        constraints = [models.UniqueConstraint(fields=["instance", "minute"], name="one_usage_per_minute")]
        indexes = [models.Index(fields=["service", "minute"])]

    def __str__(self) -> str:
        return f"{self.service} {self.minute:%Y-%m-%d %H:%M}"
