"""Where a bucket of object storage is, and which places the console talks to at all."""

import ipaddress
import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from django.conf import settings

from stores.errors import SourceRefused
from stores.paths import shown

# Where clouds hand out the credentials of the machine itself, beside every link-local address.
_METADATA = {ipaddress.ip_address(text) for text in ("fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "192.0.0.192")}
# Gateways reach the IPv4 address in the last four bytes of these.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_REGION = r"(?![0-9]+$)[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_REMOTE_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{1,62}"


@dataclass(frozen=True)
class S3Place:
    """A bucket at an endpoint; `name` is what the console calls it. Without keys requests are not signed."""

    endpoint: str
    bucket: str
    name: str
    prefix: str = ""
    region: str = ""
    virtual: bool = False
    access_key: str = field(default="", repr=False)
    secret_key: str = field(default="", repr=False)
    session_token: str = field(default="", repr=False)


def check_place(place: S3Place) -> None:
    """Refuse an endpoint that is not `http(s)://host[:port]` or not allowed, and what can be no bucket."""
    host = _host_of(place.endpoint)
    if not host or not is_allowed_host(host, settings.S3_HOSTS) or is_refused_address(host.strip("[]")):
        raise SourceRefused("source.endpoint_refused", endpoint=shown(place.endpoint))
    if re.fullmatch(_REMOTE_NAME, place.bucket) is None:
        raise SourceRefused("bucket.name_invalid", bucket=shown(place.bucket))


def is_region(text: str) -> bool:
    """Whether a request can be signed for a region of this name."""
    return re.fullmatch(_REGION, text) is not None


def is_refused_address(text: str) -> bool:
    """True for link-local and metadata addresses, also when they are written as IPv4 in IPv6; false for names."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        inner = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF) if address in _NAT64 else None
        address = address.ipv4_mapped or address.sixtofour or inner or address
    return address.is_link_local or address in _METADATA


def _host_of(endpoint: str) -> str:
    """The host of an endpoint, empty when the text is anything else."""
    if re.fullmatch(r"https?://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?/?", endpoint) is None:
        return ""
    try:
        parts = urlsplit(endpoint)
        return (parts.hostname or "") if parts.port is None or 0 < parts.port < 65_536 else ""
    except ValueError:
        return ""


def is_allowed_host(host: str, words: list[str]) -> bool:
    """As with ALLOWED_HOSTS: a name, or `.example.com` for everything below it. An empty list allows every host."""
    allowed = [word.lower() for word in words]
    return not allowed or any(host == word or (word[0] == "." and host.endswith(word)) for word in allowed)
