"""What manifests and configurations say about an image: bytes in, facts out."""

import hashlib
import re
from dataclasses import dataclass
from typing import Any

from stores.oci_json import (
    MalformedAnswer,
    clean,
    object_in,
    objects_in,
    pairs_in,
    read_object,
    size_in,
    text_in,
    texts_in,
)
from stores.paths_images import ImageReference, is_digest, is_platform

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
MANIFESTS = (DOCKER_MANIFEST, OCI_MANIFEST)
INDEXES = (DOCKER_LIST, OCI_INDEX)
CONFIGS = ("application/vnd.docker.container.image.v1+json", "application/vnd.oci.image.config.v1+json")
ACCEPT = ", ".join((*MANIFESTS, *INDEXES))
# What is taken when nobody asked for a platform.
USUAL_PLATFORM = "linux/amd64"
_MOST_PLATFORMS = 200
_MOST_LAYERS = 2000


class NotAnImage(Exception):
    """Something else that registries hold; the text is its media type."""


class OtherPlatforms(Exception):
    """None of what is there is made for the platform; the text names what is."""


@dataclass(frozen=True)
class Descriptor:
    """A part of an image, by the digest of its bytes; `platform` only where an index names one."""

    media_type: str
    digest: str
    size: int
    platform: str = ""


@dataclass(frozen=True)
class Manifest:
    """One image for one platform: its configuration and its layers, compressed as a pull fetches them."""

    media_type: str
    config: Descriptor
    layers: tuple[Descriptor, ...]


@dataclass(frozen=True)
class Index:
    """The same image for several platforms."""

    media_type: str
    manifests: tuple[Descriptor, ...]


@dataclass(frozen=True)
class ImageConfig:
    """What an image says about itself; texts are written for people, without control characters."""

    platform: str
    created: str = ""
    user: str = ""
    working_dir: str = ""
    ports: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    env_names: tuple[str, ...] = ()


@dataclass(frozen=True)
class ImageFacts:
    """What resolving a reference found.

    `digest` is what the reference meant at that moment, an index where there is one; `manifest_digest` is the image for
    the one platform that `config` and `layers` describe. `platforms` holds every platform on offer.
    """

    reference: ImageReference
    digest: str
    media_type: str
    manifest_digest: str
    manifest_type: str
    platforms: tuple[Descriptor, ...]
    layers: tuple[Descriptor, ...]
    config_digest: str
    config: ImageConfig

    @property
    def size(self) -> int:
        """How many bytes its layers have as they are fetched."""
        return sum(layer.size for layer in self.layers)

    @property
    def pinned(self) -> str:
        """The reference by its digest, which no push changes."""
        return str(self.reference.pinned(self.digest))

    @property
    def platform(self) -> str:
        return self.config.platform


def digest_like(body: bytes, digest: str) -> str:
    """The digest of bytes, by the algorithm another digest names."""
    algorithm = digest.partition(":")[0]
    return f"{algorithm}:{hashlib.new(algorithm, body).hexdigest()}"


def read_manifest(body: bytes, kind: str) -> Manifest | Index:
    """What a registry sent as the media type `kind`; raises NotAnImage or MalformedAnswer."""
    values = read_object(body)
    written = text_in(values, "mediaType")
    if written and kind in MANIFESTS + INDEXES and written != kind:
        raise MalformedAnswer("mediaType")
    kind = written or kind
    if kind not in MANIFESTS + INDEXES:
        raise NotAnImage(clean(kind) or "?")
    if values.get("schemaVersion") != 2 or ("manifests" in values and ("config" in values or "layers" in values)):
        raise MalformedAnswer("schemaVersion" if values.get("schemaVersion") != 2 else "manifests")
    return _index(values, kind) if kind in INDEXES else _manifest(values, kind)


def read_config(body: bytes) -> ImageConfig:
    """The configuration of an image; raises MalformedAnswer."""
    values = read_object(body)
    run = object_in(values, "config")
    return ImageConfig(
        platform=_platform(values) or "?",
        created=text_in(values, "created"),
        user=text_in(run, "User"),
        working_dir=text_in(run, "WorkingDir"),
        ports=_ports(run),
        entrypoint=texts_in(run, "Entrypoint"),
        command=texts_in(run, "Cmd"),
        labels=pairs_in(run, "Labels"),
        env_names=tuple(each.partition("=")[0] for each in texts_in(run, "Env")),
    )


def choose(index: Index, platform: str) -> Descriptor:
    """The manifest for a platform, or for the usual one and else the first; raises OtherPlatforms."""
    for each in index.manifests:
        if fits(platform or USUAL_PLATFORM, each.platform):
            return each
    if platform or not index.manifests:
        raise OtherPlatforms(", ".join(each.platform for each in index.manifests) or "–")
    return index.manifests[0]


def fits(wanted: str, offered: str) -> bool:
    """Whether what is offered is what is wanted; a variant counts only where one is wanted."""
    return offered == wanted or (wanted.count("/") == 1 and offered.startswith(f"{wanted}/"))


def _index(values: dict[str, Any], kind: str) -> Index:
    found = []
    for each in objects_in(values, "manifests"):
        platform = _platform(object_in(each, "platform"))
        # Index entries also tell how an image was built; those run nowhere.
        if text_in(each, "mediaType") in MANIFESTS and platform and not platform.startswith("unknown/"):
            found.append(_descriptor(each, "manifests", platform))
    return Index(kind, tuple(found[:_MOST_PLATFORMS]))


def _manifest(values: dict[str, Any], kind: str) -> Manifest:
    config = _descriptor(object_in(values, "config"), "config")
    if config.media_type not in CONFIGS:
        raise NotAnImage(text_in(values, "artifactType") or config.media_type or "?")
    layers = objects_in(values, "layers")
    if len(layers) > _MOST_LAYERS:
        raise MalformedAnswer("layers")
    return Manifest(kind, config, tuple(_descriptor(layer, "layers") for layer in layers))


def _descriptor(values: dict[str, Any], where: str, platform: str = "") -> Descriptor:
    digest = text_in(values, "digest")
    if not is_digest(digest):
        raise MalformedAnswer(f"{where}: digest")
    return Descriptor(text_in(values, "mediaType"), digest, size_in(values, "size"), platform)


def _platform(values: dict[str, Any]) -> str:
    """`os/architecture[/variant]`; empty where it is none."""
    parts = [text_in(values, name) for name in ("os", "architecture", "variant")]
    written = "/".join(filter(None, parts))
    return written if all(parts[:2]) and is_platform(written) else ""


def _ports(run: dict[str, Any]) -> tuple[str, ...]:
    """`8080/tcp`, lowest first; what is no port is left out."""
    found = [port for port in object_in(run, "ExposedPorts") if re.fullmatch(r"[0-9]{1,5}(/(tcp|udp|sctp))?", port)]
    return tuple(sorted(found, key=lambda port: (int(port.partition("/")[0]), port)))[:100]
