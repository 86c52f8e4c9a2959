"""Environments of models on this host: resolved and built with uv in folders of their own, whole or not at all."""

import os
import platform
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from time import monotonic, sleep

import uv
from django.conf import settings

from registry import artifacts
from serving.environments_folders import preferred
from serving.environments_wheels import check_wheel, too_large
from serving.errors import BackendUnavailable, BuildRefused
from serving.locks import Line, lock_digest, lock_text, pins_of
from serving.models import Environment

Beat = Callable[[], None]

# Confines itself before it becomes what it was started for; its end is that of whoever started it.
BOOT = """
import ctypes, os, resource, sys
memory, size, parent = (int(text) for text in sys.argv[1:4])
for what, most in ((resource.RLIMIT_AS, memory), (resource.RLIMIT_FSIZE, size), (resource.RLIMIT_CORE, 0)):
    resource.setrlimit(what, (most, most))
prctl = getattr(ctypes.CDLL(None), "prctl", None)
if prctl:
    prctl(1, 9)
    if os.getppid() != parent:
        os._exit(1)
os.execv(sys.argv[4], sys.argv[4:])
"""
# What an operator may have set for the index; nothing else of our environment reaches a tool.
KEPT = re.compile(
    r"UV_(DEFAULT_INDEX|INDEX(_.*)?|EXTRA_INDEX_URL|FIND_LINKS|NO_INDEX|INSECURE_HOST|NATIVE_TLS|SYSTEM_CERTS"
    r"|HTTP_TIMEOUT|HTTP_RETRIES|CONFIG_FILE|OFFLINE)|SSL_CERT_(FILE|DIR)|NETRC|(HTTPS?|ALL|NO)_PROXY",
    re.IGNORECASE,
)
CONFIG_PLACES = ("~/.config/uv/uv.toml", "/etc/uv/uv.toml")
LOG_BYTES = 64 * 1024
POLL_SECONDS = 0.05
SIZE_SECONDS = 2.0
# How long one tool waits for another that uses the downloads.
LOCK_SECONDS = 60
UNSOLVED, KILLED_BY_SIZE = 1, -signal.SIGXFSZ
_CREDENTIALS = re.compile(r"(?<=://)[^/\s]+@")


@dataclass(frozen=True)
class Ran:
    """How a command ended and the last of what it wrote, without credentials."""

    code: int
    log: str


def interpreter() -> str:
    """The Python that environments are built on, as people read it."""
    return f"{platform.python_implementation()} {platform.python_version()}"


def digest_of(lock: str) -> str:
    """What the environment of a lock is called on this machine."""
    return lock_digest(lock, f"{interpreter()} {platform.machine()} {sys.base_prefix}")


def place_of(environment: Environment) -> Path:
    """The folder of a built environment; never changed once it is there."""
    return root() / environment.digest


def python_of(environment: Environment) -> Path:
    """The interpreter of a built environment."""
    return place_of(environment) / "bin" / "python"


def is_built(environment: Environment) -> bool:
    """Whether it stands on this host; it gets its name only when it is whole."""
    return python_of(environment).exists()


def root() -> Path:
    return Path(settings.DATA) / "environments"


def unfinished() -> Path:
    """Where builds are under way, and what is being removed lies; on the same filesystem."""
    return root() / ".unfinished"


class Workshop:
    """A folder for one preparation and the tools that run in it, within one limit of time.

    `beat` is called all the while; what it raises ends the tool at once.
    """

    def __init__(self, folder: Path, beat: Beat, *, until: float | None = None) -> None:
        self.folder = folder
        self.wheels = folder / "wheels"
        self._beat = beat
        self._until = until or monotonic() + settings.BUILD_TIMEOUT_SECONDS

    @contextmanager
    def inside(self, name: str) -> Iterator["Workshop"]:
        """A workshop in this one, within the same limit of time, that is gone afterwards."""
        folder = self.folder / name
        folder.mkdir(mode=0o700)
        try:
            yield Workshop(folder, self.beat, until=self._until)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def beat(self) -> None:
        """Say that somebody is at work. Raises what ends the work: BuildRefused when it has taken too long."""
        self._beat()
        if monotonic() > self._until:
            raise BuildRefused("build.too_slow", minutes=-(-int(settings.BUILD_TIMEOUT_SECONDS) // 60))

    def bring(self, wheels: Mapping[str, tuple[str, int]]) -> None:
        """Put wheels of the package (path → SHA-256 and size) beside, where the resolver finds them."""
        self.wheels.mkdir(exist_ok=True)
        for path, (sha256, _size) in wheels.items():
            target = self.wheels / Path(path).name
            with artifacts.open_artifact(sha256) as source, target.open("wb") as file:
                for chunk in iter(lambda: source.read(1024 * 1024), b""):
                    file.write(chunk)
                    self._beat()
            check_wheel(path, target)

    def resolve(self, lines: Iterable[str], *, alone: bool = False, lowest: bool = False) -> tuple[str, str]:
        """The lock these requirement lines come to, empty when there is none, and what the resolver said.

        `alone`: without what they need in turn; `lowest`: the lowest versions that will do. Raises BackendUnavailable.
        """
        wanted, found = self.folder / "requirements.in", self.folder / "requirements.txt"
        wanted.write_text("".join(f"{line}\n" for line in lines))
        # Pins that stand there already are kept where they fit.
        found.write_text("".join(f"{pin}\n" for pin in preferred(settings.FIND_LINKS)))
        options = [*(["--no-deps"] if alone else []), *(["--resolution", "lowest"] if lowest else [])]
        options += ["--generate-hashes", "--no-header", "--no-annotate", "--python", sys.executable]
        ran = self._uv("pip", "compile", *options, "--output-file", str(found), str(wanted))
        if ran.code == UNSOLVED:
            return "", ran.log
        expect_success(ran, "build.index_unavailable")
        return found.read_text(), ran.log

    def install(self, lock: str) -> Path:
        """The environment of a lock, whole, in this workshop. Raises BackendUnavailable and BuildRefused."""
        target, pinned = self.folder / "environment", self.folder / "lock.txt"
        pinned.write_text(lock)
        expect_success(self._uv("venv", "--python", sys.executable, "--no-project", str(target)), "build.interrupted")
        python = ["--python", str(target / "bin" / "python")]
        synced = self._uv("pip", "sync", "--require-hashes", "--allow-empty-requirements", *python, str(pinned))
        expect_success(synced, "build.interrupted")
        # By our own interpreter without its site: that of the environment would run what packages put there.
        compiler = [sys.executable, "-I", "-S", "-m", "compileall", "-qq", "--invalidation-mode", "unchecked-hash"]
        self.run(*compiler, str(target / "lib"))
        self._check_size()
        return target

    def clean_cache(self) -> None:
        """Forget downloads, which outlive the environments they were for; what is built stays whole."""
        self._uv("cache", "clean")

    def run(self, *command: str, index: bool = False) -> Ran:
        """Run a command here until it ends; it never outlives this call, nor this process."""
        log = self.folder / "log.txt"
        limits = [str(settings.BUILD_MEMORY_BYTES), str(settings.BUILD_MAX_BYTES), str(os.getpid())]
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", BOOT, *limits, *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env=tool_environment(self.folder, index=index),
                umask=0o022,
                start_new_session=True,
            )
            try:
                self._attend(process)
            finally:
                _end(process)
        return Ran(process.returncode, _tail(log))

    def indexes(self) -> list[str]:
        """The addresses uv looks for packages at, in its order; they may hold credentials."""
        seen = tool_environment(self.folder, index=True)
        if seen.get("UV_NO_INDEX", "").lower() in ("1", "true", "yes", "on"):
            return []
        nothing, told = self.folder / "nothing.in", self.folder / "indexes.txt"
        nothing.touch()
        options = ["--emit-index-url", "--no-header", "--offline", "--output-file", str(told), str(nothing)]
        expect_success(self._uv("pip", "compile", *options), "build.interrupted")
        lines = [line.split(maxsplit=1) for line in told.read_text().splitlines()]
        # The default one is the last to be asked.
        last = [line[1] for line in lines if line[:1] == ["--index-url"]]
        return [*(line[1] for line in lines if line[:1] == ["--extra-index-url"]), *last]

    def _uv(self, *arguments: str) -> Ran:
        links = [*settings.FIND_LINKS, *([str(self.wheels)] if self.wheels.exists() else [])]
        common = ["--color", "never", "--no-progress", "--no-python-downloads", "--cache-dir", str(root() / ".cache")]
        wheels_only = ["--only-binary", ":all:", *(option for link in links for option in ("--find-links", link))]
        options = wheels_only if arguments[0] == "pip" else []
        return self.run(uv.find_uv_bin(), *arguments, *common, *options, index=True)

    def _attend(self, process: "subprocess.Popen[bytes]") -> None:
        measured = monotonic()
        # It is not reaped here, so that its number still names its group when that is ended.
        while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            self.beat()
            if monotonic() > measured + SIZE_SECONDS:
                self._check_size()
                measured = monotonic()
            sleep(POLL_SECONDS)

    def _check_size(self) -> None:
        if size_of(self.folder) > settings.BUILD_MAX_BYTES:
            raise too_large()


@contextmanager
def workshop(beat: Beat) -> Iterator[Workshop]:
    """A workshop that is gone afterwards. Its folder shows that it is in use as long as `beat` is called."""
    unfinished().mkdir(parents=True, exist_ok=True)
    folder = Path(mkdtemp(dir=unfinished()))

    def beat_here() -> None:
        os.utime(folder)
        beat()

    try:
        yield Workshop(folder, beat_here)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def lock_of(found: str, lines: Iterable[Line], wheels: Mapping[str, tuple[str, int]], built: Mapping[str, str]) -> str:
    """What the resolver found, as it is kept: nothing but pinned names and hashes.

    Of packages whose wheel was `built` here (name → SHA-256) that one alone will do, as of those the package brings.
    """
    return lock_text(pins_of(found), {**built, **{line.name: wheels[line.wheel][0] for line in lines if line.wheel}})


def put_in_place(built: Path, environment: Environment) -> None:
    """Give a whole environment its name, in one step; one that stands there already is as good."""
    built.chmod(0o755)
    try:
        built.rename(place_of(environment))
    except OSError:
        if not is_built(environment):
            raise


def remove(environment: Environment) -> None:
    """Take an environment off this host: first its name, then its files."""
    unfinished().mkdir(parents=True, exist_ok=True)
    grave = Path(mkdtemp(dir=unfinished()))
    with suppress(FileNotFoundError):
        place_of(environment).rename(grave / "removed")
    shutil.rmtree(grave, ignore_errors=True)


def size_of(folder: Path) -> int:
    """Bytes of the files below a folder, however many names share them; what vanishes meanwhile does not count."""
    total = 0
    for place, _folders, files in os.walk(folder):
        for name in files:
            with suppress(OSError):
                total += Path(place, name).lstat().st_size
    return total


def shown_log(text: str) -> str:
    """A log as people may read it: without credentials and without the places of this machine."""
    inside = re.compile(rf"{re.escape(str(unfinished()))}/[^/\s]+/")
    return inside.sub("", _CREDENTIALS.sub("", text)).replace("\x00", "")


def tool_environment(folder: Path, *, index: bool) -> dict[str, str]:
    """What a tool sees: a home of its own, and of ours only what leads to the index."""
    ours = {"PATH": os.defpath, "HOME": str(folder), "TMPDIR": str(folder), "LANG": "C.UTF-8"}
    if not index:
        return ours
    kept = {name: value for name, value in os.environ.items() if KEPT.fullmatch(name)}
    config = next((path for text in CONFIG_PLACES if (path := Path(text).expanduser()).is_file()), None)
    if "UV_CONFIG_FILE" not in kept:
        kept |= {"UV_CONFIG_FILE": str(config)} if config else {"UV_NO_CONFIG": "1"}
    kept["UV_LOCK_TIMEOUT"] = str(LOCK_SECONDS)
    if settings.PACKAGE_INDEX:
        kept = {name: value for name, value in kept.items() if name not in {"UV_INDEX_URL", "UV_NO_INDEX"}}
        kept["UV_DEFAULT_INDEX"] = settings.PACKAGE_INDEX
    return kept | ours


def expect_success(ran: Ran, otherwise: str) -> None:
    """Raises BuildRefused where a command grew too large, and BackendUnavailable where it failed else."""
    if ran.code == KILLED_BY_SIZE:
        raise too_large()
    if ran.code < 0:
        raise BackendUnavailable("build.interrupted", log=ran.log)
    if ran.code != 0:
        raise BackendUnavailable(otherwise, log=ran.log)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End the command and whatever it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _tail(log: Path) -> str:
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - LOG_BYTES))
        return shown_log(file.read().decode(errors="replace"))
