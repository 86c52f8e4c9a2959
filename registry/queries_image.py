"""What became of the image that a version was pinned to: asked of its registry, and changing nothing."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime

from registry.models import ModelVersion
from stores.errors import SourceRefused, SourceUnavailable
from stores.messages import message_of
from stores.paths_images import ImageReference, parse_reference
from stores.services_registries import digest_now

# A page that is being read does not wait longer for a registry.
PATIENCE_SECONDS = 5.0


@dataclass(frozen=True)
class Fate:
    """`now` is what the tag means by now; `gone` says why the pinned image itself cannot be found any more.

    `unknown` says why nothing could be found out.
    """

    image: ImageReference
    now: str = ""
    gone: str = ""
    unknown: str = ""

    @property
    def moved(self) -> bool:
        return self.now != "" and self.now != self.image.digest


@dataclass(frozen=True)
class Consent:
    """Who agreed to which words when the image was imported; nobody's name where a command did it."""

    by: str
    at: datetime | None
    words: str


def consent_of(version: ModelVersion) -> Consent | None:
    kept = version.source_params.get("consent")
    return Consent(kept["by"], parse_datetime(kept["at"]), kept["words"]) if kept else None


def pinned_of(version: ModelVersion) -> dict[str, Any] | None:
    """What was noted of its image when it was imported; None for a version without one."""
    pinned: dict[str, Any] | None = version.source_params.get("pinned")
    return pinned


def fate_of(version: ModelVersion) -> Fate | None:
    """What the tag and the digest of a version's image mean now; None for a version without an image."""
    pinned = pinned_of(version)
    if pinned is None:
        return None
    image = parse_reference(pinned["reference"])
    fate = Fate(image)
    if image.tag:
        fate = _asked(version, image)
        if fate.now == image.digest:
            return fate
    return replace(fate, gone=_gone(version, image)) if not fate.unknown else fate


def _asked(version: ModelVersion, image: ImageReference) -> Fate:
    try:
        now = digest_now(version.model.workspace, replace(image, digest=""), seconds=PATIENCE_SECONDS)
    except SourceRefused as refused:
        if refused.code == "image.tag_missing":
            return Fate(image)
        return Fate(image, unknown=message_of(refused))
    except SourceUnavailable as error:
        return Fate(image, unknown=message_of(error))
    return Fate(image, now)


def _gone(version: ModelVersion, image: ImageReference) -> str:
    try:
        digest_now(version.model.workspace, image, seconds=PATIENCE_SECONDS)
    except (SourceRefused, SourceUnavailable) as error:
        return message_of(error)
    return ""
