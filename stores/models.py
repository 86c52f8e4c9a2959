"""Buckets: where people keep the model packages they import."""

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Workspace


class Bucket(models.Model):
    """One place that holds objects under keys; `driver` says how it is reached."""

    class Driver(models.TextChoices):
        FOLDER = "folder", _("Folder on this machine")

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="buckets", verbose_name=_("workspace"))
    name = models.CharField(_("name"), max_length=63, unique=True)
    driver = models.CharField(_("kind"), max_length=16, choices=Driver.choices, default=Driver.FOLDER)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta:
        verbose_name = _("bucket")
        verbose_name_plural = _("buckets")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
