"""A real container registry for tests, with a password file or a token service, and images pushed through its API."""

import hashlib
import json
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from base64 import b64decode, b64encode, urlsafe_b64encode
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import urllib3
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from tests.ports import free_port
from tests.seaweedfs import _die_with_parent

USER, PASSWORD = "alice", "registry-secret"
PUSHER = "pusher"
# What `htpasswd -Bbn alice registry-secret` writes.
HTPASSWD = f"{USER}:$2b$05$7zID1B05nLyxAnL6ppavreCIbCtJ/jKoQV/jcr7BMIugN5p4/WnLG\n"
READY_SECONDS = 20
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
RUN = {
    "User": "1000:1000",
    "ExposedPorts": {"9090/tcp": {}, "8080/tcp": {}},
    "Env": ["PATH=/usr/bin", "API_KEY=hidden-value"],
    "Entrypoint": ["/usr/bin/python3"],
    "Cmd": ["-m", "server"],
    "WorkingDir": "/srv",
    "Labels": {"maintainer": "team", "org.opencontainers.image.version": "1.0"},
}


def sha256(body):
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


@dataclass
class Registry:
    """A running registry; `address` is where it listens, `token_host` where its token service does."""

    address: str
    folder: Path
    token_host: str = ""
    tokens: "TokenService | None" = None
    http: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(retries=False))

    def ask(self, method, path, body=b"", kind="application/octet-stream", scope="", url=""):
        url = url or f"http://{self.address}/v2/{path}"
        headers = {"Content-Type": kind, "Authorization": self._authorization(path)}
        headers["Accept"] = ", ".join([OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST])
        answer = self.http.request(method, url, body=body, headers=headers, redirect=False)
        assert answer.status < 400, (answer.status, answer.data)
        return answer

    def _authorization(self, path):
        if self.tokens:
            repository = path.partition("/blobs")[0].partition("/manifests")[0]
            return f"Bearer {self.tokens.sign(repository, ['pull', 'push', 'delete'])}"
        return f"Basic {b64encode(f'{USER}:{PASSWORD}'.encode()).decode()}"

    def put_blob(self, repository, body):
        digest = sha256(body)
        place = self.ask("POST", f"{repository}/blobs/uploads/").headers["Location"]
        self.ask("PUT", f"{repository}/blobs/", body, url=f"{place}&digest={digest}")
        return {"digest": digest, "size": len(body)}

    def put_manifest(self, repository, name, manifest, kind=""):
        body = json.dumps(manifest).encode()
        self.ask("PUT", f"{repository}/manifests/{name or sha256(body)}", body, kind or manifest["mediaType"])
        return sha256(body), len(body)

    def push(self, repository, tag="", *, platform="linux/amd64", docker=False, run=RUN, layer=b"a layer"):
        """One image for one platform; its digest and the size of its manifest."""
        system, architecture, *variant = platform.split("/")
        config = {"os": system, "architecture": architecture, "created": "2026-01-02T03:04:05Z", "config": run}
        config |= {"variant": variant[0]} if variant else {}
        types = (DOCKER_MANIFEST, DOCKER_CONFIG, DOCKER_LAYER) if docker else (OCI_MANIFEST, OCI_CONFIG, OCI_LAYER)
        manifest = {
            "schemaVersion": 2,
            "mediaType": types[0],
            "config": {"mediaType": types[1], **self.put_blob(repository, json.dumps(config).encode())},
            "layers": [{"mediaType": types[2], **self.put_blob(repository, part)} for part in (layer, b"another")],
        }
        return self.put_manifest(repository, tag, manifest)

    def push_index(self, repository, tag, platforms):
        """One image for several platforms; the digest of the index and those of its images."""
        entries = []
        for platform in platforms:
            digest, size = self.push(repository, platform=platform, layer=platform.encode())
            system, architecture, *variant = platform.split("/")
            told = {"os": system, "architecture": architecture} | ({"variant": variant[0]} if variant else {})
            entries.append({"mediaType": OCI_MANIFEST, "digest": digest, "size": size, "platform": told})
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}
        return self.put_manifest(repository, tag, index)[0], [entry["digest"] for entry in entries]

    def tag_many(self, repository, names):
        """Many tags for one image, written as the registry itself writes them, since a thousand requests take long."""
        digest, _ = self.push(repository, names[0])
        tags = self.folder / "data/docker/registry/v2/repositories" / repository / "_manifests/tags"
        for name in names[1:]:
            shutil.copytree(tags / names[0], tags / name)
        return digest

    def make_many(self, names):
        """Many repositories without images."""
        for name in names:
            link = self.folder / "data/docker/registry/v2/repositories" / name / "_layers"
            link.mkdir(parents=True)

    def delete(self, repository, digest):
        self.ask("DELETE", f"{repository}/manifests/{digest}")


class TokenService:
    """A token service: `alice` may pull below team/ and, when `catalog` is set, list the repositories."""

    def __init__(self, catalog=False):
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.certificate = certificate_for(self.key, "token service")
        self.catalog, self.status, self.asked = catalog, 200, []
        self.server = None

    @contextmanager
    def running(self):
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                status, body = service.answer(self.path, self.headers.get("Authorization", ""))
                self.send_response_only(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        try:
            yield f"127.0.0.1:{self.server.server_port}"
        finally:
            self.server.shutdown()
            self.server.server_close()

    def answer(self, path, authorization):
        scope = parse_qs(urlsplit(path).query).get("scope", [""])[0]
        self.asked.append((scope, authorization))
        if self.status != 200:
            return self.status, b"{}"
        user = b64decode(authorization.removeprefix("Basic ")).decode()
        if user and user != f"{USER}:{PASSWORD}":
            return 401, b'{"errors": [{"code": "UNAUTHORIZED"}]}'
        kind, _, rest = scope.partition(":")
        name = rest.rpartition(":")[0]
        if kind == "registry":
            access = [{"type": "registry", "name": "catalog", "actions": ["*"]}] if self.catalog and user else []
            return 200, json.dumps({"token": self._signed(access)}).encode()
        allowed = ["pull"] if user and name.startswith("team/") else []
        return 200, json.dumps({"access_token": self.sign(name, allowed)}).encode()

    def sign(self, repository, actions):
        return self._signed([{"type": "repository", "name": repository, "actions": actions}] if actions else [])

    def _signed(self, access):
        body = self.certificate.public_bytes(serialization.Encoding.DER)
        now = int(time.time())
        claims = {"iss": "tests", "sub": USER, "aud": "registry", "access": access, "jti": "1"}
        claims |= {"iat": now, "nbf": now - 10, "exp": now + 300}
        header = {"typ": "JWT", "alg": "RS256", "x5c": [b64encode(body).decode()]}
        text = ".".join(urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (header, claims))
        signature = self.key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{text}.{urlsafe_b64encode(signature).decode().rstrip('=')}"


def certificate_for(key, name, addresses=()):
    """A certificate signed by its own key, for a name and some addresses."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=1))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    if addresses:
        names = x509.SubjectAlternativeName([x509.IPAddress(address) for address in addresses])
        builder = builder.add_extension(names, critical=False)
    return builder.sign(key, hashes.SHA256())


def pem(thing):
    if hasattr(thing, "public_bytes"):
        return thing.public_bytes(serialization.Encoding.PEM).decode()
    clear = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    return thing.private_bytes(serialization.Encoding.PEM, form, clear).decode()


def _configuration(folder, port, auth, tls):
    return {
        "version": 0.1,
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "http": {"addr": f"127.0.0.1:{port}", "secret": "tests"} | ({"tls": tls} if tls else {}),
        "storage": {
            "filesystem": {"rootdirectory": str(folder / "data")},
            "delete": {"enabled": True},
            "maintenance": {"uploadpurging": {"enabled": False}},
        },
        **({"auth": auth} if auth else {}),
    }


@contextmanager
def _started(auth=None, tls=None, folder=None, **values):
    folder = folder or Path(tempfile.mkdtemp(prefix="modelport-oci-"))
    port = free_port()
    # JSON is YAML.
    (folder / "config.yml").write_text(json.dumps(_configuration(folder, port, auth, tls)))
    with (folder / "log").open("ab") as log:
        command = ["docker-registry", "serve", folder / "config.yml"]
        process = subprocess.Popen(command, stdout=log, stderr=log, preexec_fn=_die_with_parent)
    try:
        deadline = time.monotonic() + READY_SECONDS
        while socket.socket().connect_ex(("127.0.0.1", port)):
            assert process.poll() is None, (folder / "log").read_text()[-3000:]
            assert time.monotonic() < deadline, (folder / "log").read_text()[-3000:]
            time.sleep(0.05)
        yield Registry(f"127.0.0.1:{port}", folder, **values)
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def registry_with_passwords():
    folder = Path(tempfile.mkdtemp(prefix="modelport-oci-"))
    (folder / "htpasswd").write_text(HTPASSWD)
    with _started({"htpasswd": {"realm": "tests", "path": str(folder / "htpasswd")}}, folder=folder) as running:
        yield running


@contextmanager
def registry_with_tokens(catalog=False):
    folder, service = Path(tempfile.mkdtemp(prefix="modelport-oci-")), TokenService(catalog)
    bundle = folder / "tokens.pem"
    bundle.write_text(pem(service.certificate))
    with service.running() as host:
        told = {"realm": f"http://{host}/token", "service": "registry", "issuer": "tests"}
        auth = {"token": told | {"rootcertbundle": str(bundle)}}
        with _started(auth, folder=folder, token_host=host, tokens=service) as running:
            yield running


@contextmanager
def registry_with_tls(addresses):
    """A registry that everybody may read, with a certificate nobody knows; yields it and the certificate."""
    folder = Path(tempfile.mkdtemp(prefix="modelport-oci-"))
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    certificate = certificate_for(key, "registry", addresses)
    (folder / "key.pem").write_text(pem(key))
    (folder / "certificate.pem").write_text(pem(certificate))
    tls = {"certificate": str(folder / "certificate.pem"), "key": str(folder / "key.pem")}
    with _started(tls=tls, folder=folder) as running:
        yield running, pem(certificate)
