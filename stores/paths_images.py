"""How people write container images and registries, and which names can be some."""

import re
from dataclasses import dataclass, replace

from stores.errors import SourceRefused
from stores.paths import shown

_HOST = r"(?:[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?)*|\[[0-9a-f:.]+\])"
_PART = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}"
_DIGEST = r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}"
_PATTERN = r"[a-z0-9*](?:[a-z0-9._/*-]*[a-z0-9*])?"
_PLATFORM = r"[a-z0-9]+/[a-z0-9_]+(?:/[A-Za-z0-9_.-]+)?"
MAX_REPOSITORY = 255
_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True)
class ImageReference:
    """One image: at which address, in which repository, under which tag; where there is a digest, it alone counts."""

    address: str
    repository: str
    tag: str = ""
    digest: str = ""

    def __str__(self) -> str:
        tag, digest = self.tag and f":{self.tag}", self.digest and f"@{self.digest}"
        return f"{self.address}/{self.repository}{tag}{digest}"

    @property
    def wanted(self) -> str:
        """What the registry is asked for: the digest, else the tag."""
        return self.digest or self.tag

    def pinned(self, digest: str) -> "ImageReference":
        """The same image by its digest, which no push changes."""
        return replace(self, digest=digest)


def parse_reference(text: str) -> ImageReference:
    """Read `address/repository:tag`, `address/repository@digest` or both; raises SourceRefused.

    The address is never left out, because there is no registry that everybody means; a missing tag is not `latest`.
    """
    written = re.sub(r"^(?:https?|docker|oci)://", "", text.strip(), count=1, flags=re.IGNORECASE)
    name, _, digest = written.partition("@")
    address, _, rest = name.partition("/")
    repository, _, tag = rest.partition(":")
    address = address.lower()
    if not is_address(address) or not is_repository(repository):
        raise SourceRefused("image.malformed", reference=shown(text))
    if (tag and not is_tag(tag)) or ("@" in written and not is_digest(digest)) or (":" in rest and not tag):
        raise SourceRefused("image.malformed", reference=shown(text))
    if not tag and not digest:
        raise SourceRefused("image.no_tag", reference=shown(text))
    return ImageReference(address, repository, tag, digest)


def is_address(text: str) -> bool:
    """True for `host` and `host:port` in lower case that cannot be taken for the first part of a repository."""
    found = re.fullmatch(rf"({_HOST})(?::([0-9]{{1,5}}))?", text)
    if found is None or len(text) > 255:
        return False
    host, port = found.groups()
    return ("." in host or ":" in text or host == "localhost") and (port is None or 0 < int(port) < 65_536)


def is_repository(text: str) -> bool:
    return len(text) <= MAX_REPOSITORY and re.fullmatch(rf"{_PART}(?:/{_PART})*", text) is not None


def is_tag(text: str) -> bool:
    return re.fullmatch(_TAG, text) is not None


def is_digest(text: str) -> bool:
    return re.fullmatch(_DIGEST, text) is not None


def is_platform(text: str) -> bool:
    """True for `os/architecture` and `os/architecture/variant`."""
    return len(text) <= 64 and re.fullmatch(_PLATFORM, text) is not None


def is_pattern(text: str) -> bool:
    """True for a repository in which `*` may stand for any characters, slashes too."""
    strange = "//" in text or ".." in text
    return len(text) <= MAX_REPOSITORY and re.fullmatch(_PATTERN, text) is not None and not strange


def allows(patterns: tuple[str, ...], repository: str) -> bool:
    """Whether one of the patterns stands for the repository; no patterns allow every one."""
    return not patterns or any(_matches(pattern, repository) for pattern in patterns)


def split_address(address: str) -> tuple[str, str]:
    """Host and port of `host[:port]`; the port is empty where none is written."""
    host, colon, port = address.rpartition(":")
    return (host, port) if colon and port.isdecimal() else (address, "")


def with_port(address: str, scheme: str) -> str:
    """`host:port` with the port that the scheme implies, so that two ways to write one place are equal."""
    host, port = split_address(address.lower())
    return f"{host}:{port or _PORTS[scheme]}"


def _matches(pattern: str, text: str) -> bool:
    """Part by part from the left, so that no pattern takes long."""
    first, *rest = pattern.split("*")
    if not rest:
        return pattern == text
    if not text.startswith(first) or not text[len(first) :].endswith(rest[-1]):
        return False
    at, end = len(first), len(text) - len(rest[-1])
    for part in rest[:-1]:
        found = text.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return at <= end
