"""Workspaces, their members, and the trail of what people did."""

import uuid

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.roles import Role


class User(AbstractUser):
    """A person who signs in; what they may do follows from their memberships."""


class Workspace(models.Model):
    """Everything that people import, keep and deploy belongs to exactly one workspace."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.SlugField(_("name"), max_length=48, unique=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    # What its administrators decided for everybody in it.
    approval_to_publish = models.BooleanField(_("a version is published only when approved"), default=True)
    approval_to_deploy = models.BooleanField(_("a version is deployed only when approved"), default=False)
    four_eyes = models.BooleanField(_("nobody decides on a version of their own"), default=True)

    class Meta:
        verbose_name = _("workspace")
        verbose_name_plural = _("workspaces")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="memberships", verbose_name=_("workspace"))
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships", verbose_name=_("user"))
    role = models.CharField(_("role"), max_length=16, choices=Role.choices, default=Role.DEVELOPER)

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints = [models.UniqueConstraint(fields=["workspace", "user"], name="one_membership_per_workspace")]

    def __str__(self) -> str:
        return f"{self.user} · {self.workspace} · {self.role}"


class AuditEvent(models.Model):
    """Who did what to which object, kept when the person or the object is gone."""

    workspace = models.ForeignKey(Workspace, models.SET_NULL, null=True, related_name="audit_events")
    actor = models.ForeignKey(User, models.SET_NULL, null=True, related_name="audit_events")
    actor_name = models.CharField(_("who"), max_length=150)
    code = models.CharField(_("what"), max_length=64)
    params = models.JSONField(_("details"), default=dict)
    at = models.DateTimeField(_("when"), auto_now_add=True)

    class Meta:
        verbose_name = _("audit event")
        verbose_name_plural = _("audit events")
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["workspace", "-at", "-id"])]

    def __str__(self) -> str:
        return f"{self.code} · {self.actor_name}"
