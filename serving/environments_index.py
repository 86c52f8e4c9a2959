"""Finds the source distribution of a package in the index that the resolver uses, and fetches it."""

import json
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from platform import python_version
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from django.conf import settings
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name, parse_sdist_filename
from packaging.version import Version

from serving.environments import Workshop, expect_success
from serving.errors import BuildRefused
from serving.locks import parsed_line

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Sdist:
    """A source distribution: where it is, and what it must be."""

    name: str
    version: str
    filename: str
    url: str
    sha256: str

    @property
    def text(self) -> str:
        return f"{self.name}=={self.version}"


class Sources:
    """The source distributions of the indexes, asked through a workshop; each name is asked for once."""

    def __init__(self, shop: Workshop) -> None:
        self._shop = shop
        self._indexes: list[dict[str, str]] | None = None
        self._files: dict[str, list[dict[str, Any]]] = {}

    def find(self, text: str) -> Sdist | None:
        """The newest that a requirement allows on this Python; None where there is none. Raises BackendUnavailable."""
        wanted = parsed_line(text)
        name = canonicalize_name(wanted.name)
        found = [sdist for file in self._listed(name) if (sdist := _sdist(name, file, pinned="==" in text))]
        versions = {Version(sdist.version): sdist for sdist in found}
        allowed = [*wanted.specifier.filter(versions)]
        return versions[max(allowed)] if allowed else None

    def fetch(self, sdist: Sdist, target: Path) -> None:
        """Bring it here, whole. Raises BuildRefused and BackendUnavailable."""
        told = {"url": sdist.url, "sha256": sdist.sha256, "most": settings.SOURCE_MAX_BYTES, "target": str(target)}
        refuse(self.ask("fetch", self._shop, **told), sdist)

    def ask(self, what: str, shop: Workshop, **told: Any) -> dict[str, Any]:
        """Let a process of its own do it, which parses what strangers wrote. Raises BackendUnavailable."""
        orders, answer = shop.folder / "orders.json", shop.folder / "answer.json"
        answer.unlink(missing_ok=True)
        orders.write_text(json.dumps({"do": what, "indexes": self._places(), **told}))
        program = settings.BASE_DIR / "serving" / "fetching.py"
        ran = shop.run(sys.executable, "-I", "-S", str(program), str(orders), index=True)
        expect_success(ran, "build.index_unavailable")
        found: dict[str, Any] = json.loads(answer.read_text())
        return found

    def _listed(self, name: str) -> Iterable[dict[str, Any]]:
        if name not in self._files:
            self._files[name] = self.ask("find", self._shop, name=name)["files"]
        return self._files[name]

    def _places(self) -> list[dict[str, str]]:
        if self._indexes is None:
            self._indexes = [_index(url) for url in self._shop.indexes()]
        return self._indexes


def refuse(answer: Mapping[str, Any], sdist: Sdist) -> None:
    """Raises BuildRefused where the answer says that the source is unsuitable."""
    if code := answer.get("refused"):
        raise BuildRefused(code, package=sdist.text, place=shown(answer.get("place", ""), 200))


def shown(text: str, most: int) -> str:
    """What strangers wrote as a database and a page can take it."""
    return text.replace("\0", "").encode(errors="replace").decode()[:most]


def _index(url: str) -> dict[str, str]:
    """An address without its credentials, and those beside it."""
    parts = urlsplit(url)
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return {"url": bare, "user": unquote(parts.username or ""), "password": unquote(parts.password or "")}


def _sdist(name: str, file: Mapping[str, Any], *, pinned: bool) -> Sdist | None:
    """A file that may be taken: of this package, for this Python, with a SHA-256, not withdrawn unless it is meant."""
    try:
        found, version = parse_sdist_filename(file["filename"])
        here = SpecifierSet(file["requires_python"]).contains(python_version(), prereleases=True)
    # Also a number of more digits than are read.
    except ValueError:
        return None
    usable = here and _SHA256.fullmatch(file["sha256"]) and (pinned or not file["yanked"])
    if found != name or not usable:
        return None
    return Sdist(name, str(version), file["filename"], file["url"], file["sha256"])
