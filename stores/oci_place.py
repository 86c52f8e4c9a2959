"""Where a container registry is, which hosts it may send the console to, and which the console talks to at all."""

import ssl
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from stores.drivers.s3_place import is_allowed_host, is_refused_address
from stores.errors import SourceRefused, SourceUnavailable
from stores.paths import shown
from stores.paths_images import ImageReference, is_address, with_port


@dataclass(frozen=True)
class RegistryPlace:
    """A registry; `token_host` alone beside itself is told the password, `blob_hosts` are only asked for blobs."""

    address: str
    insecure: bool = False
    token_host: str = ""
    blob_hosts: tuple[str, ...] = ()
    ca: str = field(default="", repr=False)
    username: str = ""
    password: str = field(default="", repr=False)

    @property
    def scheme(self) -> str:
        return "http" if self.insecure else "https"

    @property
    def base(self) -> str:
        return f"{self.scheme}://{self.address}"

    @property
    def anonymous(self) -> bool:
        return not (self.username or self.password)


def check_place(place: RegistryPlace) -> None:
    """Refuse a registry whose address is none or not allowed, or that is to be asked in clear without permission."""
    if not is_address(place.address):
        raise refusal("registry.address_refused", place, host=shown(place.address))
    check_url(place, f"{place.base}/")


def check_url(place: RegistryPlace, url: str) -> str:
    """The URL when the console may ask its host in its way; raises SourceRefused."""
    try:
        parts = urlsplit(url)
        host, address = parts.hostname or "", parts.netloc.lower()
    except ValueError as error:
        raise refusal("registry.address_refused", place, host=shown(url)) from error
    if parts.scheme not in ("http", "https") or not is_address(address):
        raise refusal("registry.address_refused", place, host=shown(address or url))
    if not is_allowed_host(host, settings.REGISTRY_HOSTS) or is_refused_address(host):
        raise refusal("registry.address_refused", place, host=shown(address))
    if parts.scheme == "http" and not _may_be_asked_in_clear(host, address):
        raise refusal("registry.plain_refused", place, host=shown(address))
    return url


def is_among(url: str, hosts: tuple[str, ...]) -> bool:
    """Whether a URL leads to one of some hosts, which are written as `host` or `host:port`."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        return False
    return with_port(parts.netloc, parts.scheme) in {with_port(host, parts.scheme) for host in hosts if host}


def trust_of(place: RegistryPlace) -> ssl.SSLContext:
    """Which certificates are believed: those of the system, and those below the place's own authority."""
    context = ssl.create_default_context()
    if place.ca:
        check_ca(place.ca)
        context.load_verify_locations(cadata=place.ca)
    return context


def check_ca(text: str) -> None:
    """Refuse what is no certificate in PEM form."""
    try:
        ssl.create_default_context(cadata=text)
    except (ssl.SSLError, ValueError, TypeError) as error:
        raise SourceRefused("registry.ca_malformed") from error


def refusal(code: str, place: RegistryPlace, image: ImageReference | None = None, **params: Any) -> SourceRefused:
    """A refusal with everything its sentence may name."""
    return SourceRefused(code, **_told(place, image) | params)


def unavailable(code: str, place: RegistryPlace, reason: str) -> SourceUnavailable:
    return SourceUnavailable(reason, code=code, **_told(place, None) | {"status": shown(reason)})


def _told(place: RegistryPlace, image: ImageReference | None) -> dict[str, Any]:
    """An image that is asked for by its digest has no other name."""
    repository, tag = (image.repository, image.tag or image.digest) if image else ("", "")
    return {"address": shown(place.address), "repository": shown(repository), "tag": shown(tag)}


def _may_be_asked_in_clear(host: str, address: str) -> bool:
    words = settings.REGISTRY_INSECURE_HOSTS
    return bool(words) and (is_allowed_host(host, words) or address in {word.lower() for word in words})
