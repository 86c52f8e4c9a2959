"""Workspaces, their members, how people and programs come in, and the trail of what they did."""

import uuid

from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from accounts.roles import Role

# Under these names the audit trail keeps what nobody did, and what somebody did whose name is not known.
NOBODY, UNKNOWN = "system", "unknown"


class User(AbstractUser):
    """A person who signs in; what they may do follows from their memberships.

    With an `acting_token` it is a program of theirs that asks, and the token limits what it may see and do.
    """

    acting_token: "ApiToken | None" = None

    def clean(self) -> None:
        super().clean()
        if (self.username or "").casefold() in {NOBODY, UNKNOWN}:
            told = _("In the audit trail this name stands for no person. Choose another one.")
            raise ValidationError({"username": told})


class Workspace(models.Model):
    """Everything that people import, keep and deploy belongs to exactly one workspace."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.SlugField(_("name"), max_length=48, unique=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    # What its administrators decided for everybody in it.
    approval_to_publish = models.BooleanField(_("a version is published only when approved"), default=True)
    approval_to_deploy = models.BooleanField(_("a version is deployed only when approved"), default=False)
    four_eyes = models.BooleanField(_("nobody decides on a version of their own"), default=True)
    source_builds = models.BooleanField(_("dependencies may be built from source"), default=False)

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
    # Empty for members who were there before it was recorded.
    created_at = models.DateTimeField(_("member since"), auto_now_add=True, null=True)

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints = [models.UniqueConstraint(fields=["workspace", "user"], name="one_membership_per_workspace")]

    def __str__(self) -> str:
        return f"{self.user} · {self.workspace} · {self.role}"


class Invitation(models.Model):
    """A link that lets one person into a workspace, once. Its secret is not kept, only the SHA-256 of it."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="invitations", verbose_name=_("workspace"))
    role = models.CharField(_("role"), max_length=16, choices=Role.choices, default=Role.DEVELOPER)
    note = models.CharField(_("note"), max_length=120, blank=True)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="invitations")
    created_by_name = models.CharField(_("invited by"), max_length=150)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    expires_at = models.DateTimeField(_("valid until"))
    used_at = models.DateTimeField(_("used at"), null=True)
    used_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+", verbose_name=_("used by"))
    revoked_at = models.DateTimeField(_("revoked at"), null=True)

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return f"{self.workspace} · {self.role}"


class ApiToken(models.Model):
    """Lets a program act for a person in one workspace. Its secret is not kept, only the SHA-256 of it."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="api_tokens", verbose_name=_("workspace"))
    user = models.ForeignKey(User, models.CASCADE, related_name="api_tokens", verbose_name=_("user"))
    name = models.CharField(_("name"), max_length=64)
    role = models.CharField(_("role"), max_length=16, choices=Role.choices)
    prefix = models.CharField(_("begins with"), max_length=8)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    expires_at = models.DateTimeField(_("expires at"), null=True)
    last_used_at = models.DateTimeField(_("last used at"), null=True)
    revoked_at = models.DateTimeField(_("revoked at"), null=True)

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["workspace", "-created_at", "-id"])]

    def __str__(self) -> str:
        return f"{self.prefix}… · {self.name}"

    @property
    def expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= now()


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
        # One for each way the trail is filtered, so that a page of it is always one range of an index.
        indexes = [
            models.Index(fields=["workspace", "-at", "-id"]),
            models.Index(fields=["workspace", "code", "-at", "-id"]),
            models.Index(fields=["workspace", "actor_name", "-at", "-id"]),
            models.Index(fields=["workspace", "actor_name", "code", "-at", "-id"]),
        ]

    def __str__(self) -> str:
        return f"{self.code} · {self.actor_name}"
