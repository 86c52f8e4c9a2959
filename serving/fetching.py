"""Asks an index for source distributions, fetches one and opens it: a process of its own reads what strangers made.

Started with `-I -S` in the folder it works in, with limits set by whoever starts it, which also ends it. Standard
library only; its orders are the JSON file that is its argument, its answer goes to `answer.json`. It executes nothing
of what it reads. It ends with UNAVAILABLE when an index did not answer as it should.
"""

import base64
import hashlib
import json
import lzma
import netrc
import os
import resource
import stat
import sys
import tarfile
import tomllib
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from html.parser import HTMLParser
from http.client import HTTPException, HTTPMessage
from pathlib import Path, PurePosixPath
from typing import IO, Any
from urllib.error import HTTPError
from urllib.parse import parse_qs, quote, urldefrag, urljoin, urlsplit, urlunsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
)

UNAVAILABLE = 3
ANSWER = "answer.json"
BLOCK = 256 * 1024
PAGE_BYTES = 64 * 1024**2
PROJECT_BYTES = 1024**2
SECONDS = 30
# More than any sound page or archive needs; the header of a member can be as long as it says.
MEMORY_BYTES = 512 * 1024**2
DEPTH = 64
ENDINGS = (".tar.gz", ".zip")
ACCEPTED = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
# What is built with where a project does not say (PEP 517).
LEGACY = {"requires": ["setuptools>=40.8.0", "wheel"], "backend": "setuptools.build_meta:__legacy__", "path": []}
# The first and the last moment a ZIP, and so a wheel, can tell of.
EARLIEST, LATEST = 315_619_200, 4_354_732_800


# What an archive that is none, or is made to hurt, can end in.
BROKEN = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, KeyError, OverflowError),
    *(RuntimeError, MemoryError, IndexError, lzma.LZMAError),
)


class Unsuitable(Exception):
    """What was fetched is not what it has to be; `place` is the member of the archive that is at fault."""

    def __init__(self, code: str, place: str = "") -> None:
        super().__init__(code)
        self.code, self.place = code, place


class _Redirects(HTTPRedirectHandler):
    """Nobody but the host that was asked gets the credentials: they are headers that are never redirected."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        new = super().redirect_request(req, fp, code, msg, headers, newurl)
        held = req.unredirected_hdrs.get("Authorization")
        if new is not None and held and _origin(req.full_url) == _origin(newurl):
            new.add_unredirected_header("Authorization", held)
        return new


class _Links(HTMLParser):
    """The files of a page of PEP 503."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.page, self.files = page, list[dict[str, Any]]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag != "a" or not found.get("href"):
            return
        url, fragment = urldefrag(urljoin(self.page, found["href"] or ""))
        name = PurePosixPath(urlsplit(url).path).name
        hashes = {key: values[0] for key, values in parse_qs(fragment).items()}
        requires = found.get("data-requires-python")
        yanked = "data-yanked" in found
        self.files.append(_file(name, url, hashes, requires, yanked=yanked))


def find(orders: dict[str, Any]) -> dict[str, Any]:
    """The source distributions of a project, of the first index that knows it.

    One that does not let us in may know it, so that none after it is asked: there, strangers could have taken its name.
    The resolver does the same.
    """
    for index in orders["indexes"]:
        page = f"{index['url'].rstrip('/')}/{orders['name']}/"
        try:
            with _get(page, index, accept=ACCEPTED) as answer:
                kind = answer.headers.get_content_type()
                text = _all(answer, PAGE_BYTES)
                return {"files": [*_sources(kind, text, answer.geturl())]}
        except HTTPError as error:
            if error.code in (401, 403):
                break
            if error.code not in (404, 410):
                raise
    return {"files": []}


def fetch(orders: dict[str, Any]) -> dict[str, Any]:
    """Fetch one file, of at most so many bytes and exactly this SHA-256."""
    digest, size = hashlib.sha256(), 0
    own = next((each for each in orders["indexes"] if _origin(each["url"]) == _origin(orders["url"])), None)
    with _get(orders["url"], own or {}) as answer, Path(orders["target"]).open("xb") as file:
        while block := answer.read(BLOCK):
            size += len(block)
            if size > orders["most"]:
                raise Unsuitable("build.source_too_large")
            digest.update(block)
            file.write(block)
    if digest.hexdigest() != orders["sha256"]:
        raise Unsuitable("build.source_damaged")
    return {"size": size}


def unpack(orders: dict[str, Any]) -> dict[str, Any]:
    """Write out an archive whose members all stay inside, and say what its project wants to be built with."""
    target = Path(orders["target"])
    target.mkdir()
    members = _zip_members if orders["archive"].endswith(".zip") else _tar_members
    count = total = 0
    try:
        for name, mode, time, size, source in members(Path(orders["archive"])):
            # Folders on the way are made, too.
            count, total = count + len(PurePosixPath(name).parts), total + size
            if count > orders["most_files"] or total > orders["most"]:
                raise Unsuitable("build.source_too_large")
            _write(target, name, mode, time, size, source)
    except BROKEN as error:
        raise Unsuitable("build.source_broken") from error
    folders = [*target.iterdir()]
    if len(folders) != 1 or not folders[0].is_dir():
        raise Unsuitable("build.source_broken")
    return {"folder": folders[0].name, **_wanted(folders[0] / "pyproject.toml")}


def _get(url: str, index: dict[str, Any], **headers: str) -> Any:
    if urlsplit(url).scheme not in ("http", "https"):
        raise OSError("an index is reached by http and https alone")
    opener = OpenerDirector()
    for handler in (
        *(ProxyHandler(), HTTPHandler(), HTTPSHandler(), _Redirects(), HTTPDefaultErrorHandler(), HTTPErrorProcessor()),
    ):
        opener.add_handler(handler)
    request = Request(url, headers={"User-Agent": "modelport", **headers})  # noqa: S310 - http and https alone
    if credentials := _credentials(url, index):
        request.add_unredirected_header("Authorization", f"Basic {credentials}")
    return opener.open(request, timeout=SECONDS)


def _credentials(url: str, index: dict[str, Any]) -> str:
    user, password = index.get("user", ""), index.get("password", "")
    if not user and (file := os.environ.get("NETRC")):
        # What is wrong with it is not told: that would be a part of it.
        with suppress(netrc.NetrcParseError):
            found = netrc.netrc(file).authenticators(urlsplit(url).hostname or "")
            user, password = (found[0], found[2] or "") if found else ("", "")
    return base64.b64encode(f"{user}:{password}".encode()).decode() if user else ""


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.rpartition("@")[2]


def _all(answer: IO[bytes], most: int) -> bytes:
    text = answer.read(most + 1)
    if len(text) > most:
        raise OSError("the page of the index is too long")
    return text


def _sources(kind: str, text: bytes, page: str) -> Iterator[dict[str, Any]]:
    if kind.endswith("json"):
        files = [
            _file(
                str(each["filename"]),
                urljoin(page, str(each["url"])),
                each.get("hashes") or {},
                each.get("requires-python"),
                yanked=bool(each.get("yanked")),
            )
            for each in json.loads(text)["files"]
        ]
    else:
        links = _Links(page)
        links.feed(text.decode("utf-8", errors="replace"))
        files = links.files
    yield from (file for file in files if file["filename"].endswith(ENDINGS))


def _file(name: str, url: str, hashes: dict[str, Any], requires: Any, *, yanked: bool) -> dict[str, Any]:
    parts = urlsplit(url)
    clean = urlunsplit(parts._replace(path=quote(parts.path, safe="/%~!$&'()*+,;=:@"), fragment=""))
    sha256 = str(hashes.get("sha256", ""))
    return {
        "filename": name,
        "url": clean,
        "sha256": sha256,
        "requires_python": str(requires or ""),
        "yanked": yanked,
    }


Member = tuple[str, int, float, int, IO[bytes] | None]


def _tar_members(archive: Path) -> Iterator[Member]:
    with tarfile.open(archive, "r|gz") as file:
        for member in file:
            plain = member.isreg() and not member.issparse()
            if not plain and not member.isdir():
                raise Unsuitable("build.source_unsafe", member.name)
            source = file.extractfile(member) if plain else None
            yield member.name, member.mode, member.mtime, member.size if plain else 0, source


def _zip_members(archive: Path) -> Iterator[Member]:
    with zipfile.ZipFile(archive) as file:
        for entry in file.infolist():
            mode = entry.external_attr >> 16
            if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise Unsuitable("build.source_unsafe", entry.filename)
            with file.open(entry) as source:
                yield entry.filename, mode, EARLIEST, entry.file_size, None if entry.is_dir() else source


def _write(target: Path, name: str, mode: int, time: float, size: int, source: IO[bytes] | None) -> None:
    path = target / _inside(name)
    try:
        (path if source is None else path.parent).mkdir(parents=True, exist_ok=True)
        if source is None:
            return
        with path.open("xb") as file:
            left = size
            while left and (block := source.read(min(BLOCK, left))):
                file.write(block)
                left -= len(block)
        path.chmod(0o755 if mode & 0o100 else 0o644)
        moment = min(max(time, EARLIEST), LATEST)
        os.utime(path, (moment, moment))
    except (FileExistsError, NotADirectoryError, ValueError) as error:
        raise Unsuitable("build.source_unsafe", name) from error


def _inside(name: str) -> PurePosixPath:
    pure = PurePosixPath(name)
    odd = "\\" in name or "\0" in name or len(pure.parts) > DEPTH
    if pure.is_absolute() or ".." in pure.parts or not pure.parts or odd:
        raise Unsuitable("build.source_unsafe", name)
    return pure


def _wanted(project: Path) -> dict[str, Any]:
    """What `[build-system]` asks for; raises Unsuitable where it is not as it has to be."""
    if not project.is_file():
        return LEGACY
    try:
        with project.open("rb") as file:
            table = tomllib.loads(_all(file, PROJECT_BYTES).decode()).get("build-system")
    except (ValueError, OSError, RecursionError) as error:
        raise Unsuitable("build.source_broken", "pyproject.toml") from error
    if table is None:
        return LEGACY
    if not isinstance(table, dict):
        raise Unsuitable("build.source_broken", "pyproject.toml")
    found = {
        "requires": table.get("requires"),
        "backend": table.get("build-backend", LEGACY["backend"]),
        "path": table.get("backend-path", []),
    }
    lists = (found["requires"], found["path"])
    if not all(isinstance(each, list) and all(isinstance(one, str) for one in each) for each in lists):
        raise Unsuitable("build.source_broken", "pyproject.toml")
    if not isinstance(found["backend"], str):
        raise Unsuitable("build.source_broken", "pyproject.toml")
    return found


def main(path: str) -> int:
    orders = json.loads(Path(path).read_text())
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    try:
        answer = {"find": find, "fetch": fetch, "unpack": unpack}[orders["do"]](orders)
    except Unsuitable as error:
        answer = {"refused": error.code, "place": error.place.encode(errors="replace").decode()[:300]}
    except (OSError, HTTPException, ValueError, KeyError, TypeError, AttributeError) as error:
        print(f"{type(error).__name__}: {error}", flush=True)  # noqa: T201
        return UNAVAILABLE
    Path(ANSWER).write_text(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
