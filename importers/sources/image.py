"""Import from a container image: a configuration alone, and an image of a connected registry pinned by its digest."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings

from accounts.models import Workspace
from importers.package.check import FileEntry
from importers.package.notes import size_text
from importers.sources.base import NO_TERMS, About, Folder, Origin, Terms, finding_of
from registry.findings import Finding, Severity
from stores.errors import SourceRefused
from stores.oci_images import ImageFacts
from stores.paths_images import parse_reference
from stores.services_registries import resolve_image

# Raised when the words change that people agree to; they are in templates/importers/sources/image.html.
WORDS = "1"
# On which port a service asks an image (model-package.md §6).
PORT = "8080"
_MOST, _LONGEST = 100, 500
# What an administrator mends in the connection, not whoever imports.
NOT_SIGNED_IN = ("registry.unauthorised", "registry.sign_in_needed", "registry.secret_unreadable")


@dataclass(frozen=True)
class ImageFolder:
    """No files: the image stays in its registry."""

    about: About
    name: str = ""

    def files(self) -> Iterator[FileEntry]:
        return iter(())

    def read(self, path: str, size: int) -> bytes:
        raise KeyError(path)

    def chunks(self, path: str) -> Iterator[bytes]:
        raise KeyError(path)

    def origin(self, path: str) -> Origin | None:
        return None


class ImageSource:
    """`params["image"]` is `address/repository:tag`, `address/repository@sha256:…` or both."""

    params = ("image",)
    writes_config = False
    consent = WORDS

    def shown(self, workspace: Workspace, params: Mapping[str, str]) -> str:
        image = parse_reference(params.get("image", ""))
        return str(replace(image, digest="") if image.tag else image)

    def terms(self, workspace: Workspace, params: Mapping[str, str]) -> Terms:
        return NO_TERMS

    def locate(self, workspace: Workspace, params: Mapping[str, str]) -> Folder:
        return ImageFolder(about_image(workspace, params.get("image", "")))


def about_image(workspace: Workspace, reference: str) -> About:
    """What an image of one of the workspace's registries is now; why it cannot be used is a finding.

    Raises SourceUnavailable when its registry does not answer before the lease of an import is in danger.
    """
    if not reference.strip():
        return About(findings=(Finding("image.missing", Severity.ERROR),))
    try:
        patience = settings.IMPORT_LEASE_SECONDS / 2
        facts = resolve_image(workspace, reference, platform=settings.IMAGE_PLATFORM, seconds=patience)
    except SourceRefused as refused:
        if refused.code in NOT_SIGNED_IN:
            refused = SourceRefused("image.not_signed_in", address=refused.params.get("address", ""))
        return About(findings=(finding_of(refused),))
    return About({"pinned": _kept(facts)}, tuple(_findings(facts)), {"image": facts.pinned})


def _findings(facts: ImageFacts) -> Iterator[Finding]:
    config = facts.config
    if facts.size > settings.IMAGE_MAX_BYTES:
        given = {"size": size_text(facts.size), "limit": size_text(settings.IMAGE_MAX_BYTES)}
        yield Finding("image.too_big", Severity.ERROR, params=given)
    if not config.entrypoint and not config.command:
        yield Finding("image.no_command", Severity.WARNING)
    if config.ports and PORT not in {port.partition("/")[0] for port in config.ports}:
        yield Finding("image.port_other", Severity.WARNING, params={"ports": ", ".join(config.ports[:5])})
    if config.user.partition(":")[0] in ("", "0", "root"):
        yield Finding("image.runs_as_root", Severity.INFO)
    yield Finding("image.unscanned", Severity.INFO)


def _kept(facts: ImageFacts) -> dict[str, Any]:
    """What lasts on the version. Its lists are cut: an image may say far more of itself than anybody reads."""
    config = facts.config
    return {
        "reference": facts.pinned,
        "digest": facts.digest,
        "media_type": facts.media_type,
        "manifest_digest": facts.manifest_digest,
        "platform": facts.platform,
        "platforms": [each.platform for each in facts.platforms[:_MOST]],
        "size": facts.size,
        "layers": len(facts.layers),
        "created": config.created,
        "user": config.user,
        "working_dir": config.working_dir,
        "ports": [*config.ports[:_MOST]],
        "entrypoint": [word[:_LONGEST] for word in config.entrypoint[:_MOST]],
        "command": [word[:_LONGEST] for word in config.command[:_MOST]],
        "labels": {name[:_LONGEST]: value[:_LONGEST] for name, value in config.labels[:_MOST]},
    }


SOURCE = ImageSource()
