"""Source distributions made for a test, and an index of the test's own that offers them."""

import hashlib
import io
import json
import tarfile
import zipfile
from base64 import b64encode
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import unquote

from accounts.models import Workspace
from serving.tasks import prepare
from tests.serving.wheels import building_version, fresh, wheel_bytes

PROJECT = '[build-system]\nrequires = [{requires}]\nbuild-backend = "backend"\nbackend-path = ["."]\n'
# A backend in the source itself, so that nothing has to be installed to build with.
BACKEND = """
import base64, os, sys, time
from pathlib import Path

def get_requires_for_build_wheel(settings=None):
    return {asked!r}

def build_wheel(folder, settings=None, metadata=None):
{attack}
    Path(folder, {filename!r}).write_bytes(base64.b64decode({wheel!r}))
    return {filename!r}
"""


def sdist_bytes(attack="pass", *, name="tool", version="1.0", wheel=None, requires=(), asked=(), filename=None):
    """A source whose backend first runs `attack`, then gives out `wheel`: by default its own."""
    wheel = wheel_bytes(name, version) if wheel is None else wheel
    told = {
        "asked": [*asked],
        "attack": "".join(f"    {line}\n" for line in attack.splitlines()),
        "filename": filename or f"{name}-{version}-py3-none-any.whl",
        "wheel": b64encode(wheel).decode(),
    }
    project = PROJECT.format(requires=", ".join(json.dumps(text) for text in requires))
    return packed({"pyproject.toml": project, "backend.py": BACKEND.format(**told)}, folder=f"{name}-{version}")


def packed(files, *, folder="tool-1.0", extra=()):
    """A .tar.gz of these texts in one folder; `extra` are more members, each with its bytes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path, text in files.items():
            member = tarfile.TarInfo(f"{folder}/{path}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
        for member, data in extra:
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def zipped(archive):
    """The same source as a .zip."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(archive)) as source, zipfile.ZipFile(buffer, "w") as target:
        for member in source:
            target.writestr(member.name, source.extractfile(member).read())
    return buffer.getvalue()


class Index:
    """What an index offers: files by name, and what its pages say of them otherwise than is so."""

    def __init__(self):
        self.files, self.said, self.asked = {}, {}, []
        self.html, self.password, self.elsewhere, self.refusal = False, "", "", 0

    def offer(self, filename, data, **said):
        self.files[filename], self.said[filename] = data, said

    def page(self, name):
        found = [self._told(filename) for filename in self.files if filename.split("-")[0].replace("_", "-") == name]
        if not self.html:
            about = {"meta": {"api-version": "1.0"}, "name": name, "files": found}
            return ("application/vnd.pypi.simple.v1+json", json.dumps(about)) if found else None
        links = "".join(f'<a href="{each["url"]}#sha256={each["hashes"]["sha256"]}">x</a>\n' for each in found)
        return ("text/html", f"<!DOCTYPE html><html><body>{links}</body></html>") if found else None

    def _told(self, filename):
        usual = {
            "filename": filename,
            "url": f"{self.elsewhere}/files/{filename}",
            "hashes": {"sha256": hashlib.sha256(self.files[filename]).hexdigest()},
            "requires-python": None,
            "yanked": False,
        }
        return usual | self.said[filename]


@contextmanager
def serving(index):
    """The address of the index while it answers."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            index.asked.append((unquote(self.path), self.headers.get("Authorization")))
            unknown = index.password and self.headers.get("Authorization") != basic(index.password)
            if index.refusal or unknown:
                return self._answer(index.refusal or 401, "text/plain", b"who?")
            *_rest, folder, name = self.path.rstrip("/").split("/")
            if folder == "files" and unquote(name) in index.files:
                return self._answer(200, "application/octet-stream", index.files[unquote(name)])
            found = index.page(name)
            return self._answer(200, found[0], found[1].encode()) if found else self._answer(404, "text/plain", b"")

        do_HEAD = do_GET

        def _answer(self, status, kind, data):
            self.send_response(status)
            if status == 401:
                self.send_header("WWW-Authenticate", "Basic")
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(data)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def basic(password):
    return f"Basic {b64encode(password.encode()).decode()}"


def built(*texts, allowed=True, **values):
    """A version that needs these, prepared in a workspace that allows to build from source."""
    version = building_version(*texts, **values)
    Workspace.objects.filter(models=version.model).update(source_builds=allowed)
    prepare(version.pk)
    return fresh(version)
