"""Container registries a workspace is connected to."""

import uuid

from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.models import Workspace
from stores.paths_images import allows

# The code of a check in which everything worked.
WORKS = "works"
# What keeps a registry from listing its repositories, and from nothing else.
NO_CATALOG = "registry.no_catalog"


class RegistryConnection(models.Model):
    """How a workspace reaches a registry, and which of its repositories it may use."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="registries", verbose_name=_("workspace"))
    name = models.CharField(_("name"), max_length=63)
    address = models.CharField(_("address"), max_length=255)
    insecure = models.BooleanField(_("without encryption"), default=False)
    token_host = models.CharField(_("token service"), max_length=255, blank=True)
    # One on each line.
    blob_hosts = models.TextField(_("hosts of blobs"), blank=True)
    repositories = models.TextField(_("allowed repositories"), blank=True)
    ca = models.TextField(_("certificate of the authority"), blank=True)
    username = models.CharField(_("user name"), max_length=255, blank=True)
    # Encrypted with accounts.secrets; empty reads what is public.
    password = models.TextField(blank=True, editable=False)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    # What the last check came to: WORKS, or the code of a refusal and what its message needs.
    checked_at = models.DateTimeField(_("last tested"), null=True, editable=False)
    check_code = models.CharField(_("last test"), max_length=64, blank=True, editable=False)
    check_params = models.JSONField(default=dict, editable=False)

    class Meta:
        verbose_name = _("container registry")
        verbose_name_plural = _("container registries")
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="one_registry_of_a_name")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("stores:registry", args=[self.uuid])

    @property
    def patterns(self) -> tuple[str, ...]:
        """Which repositories may be used; none allows all."""
        return tuple(self.repositories.split())

    @property
    def named_repositories(self) -> tuple[str, ...]:
        """The repositories that are allowed by their whole name, which need no listing to be known."""
        return tuple(pattern for pattern in self.patterns if "*" not in pattern)

    def allows(self, repository: str) -> bool:
        return allows(self.patterns, repository)

    @property
    def where(self) -> str:
        return f"http://{self.address}" if self.insecure else self.address
