"""Sources that attack whoever builds them: what each comes to, and that nothing was touched."""

import hashlib
import io
import os
import socket
import struct
import tarfile
import tracemalloc
import zipfile

import pytest
from django.conf import settings as ours

from registry.models import Status
from serving import environments
from serving.environments_wheels import LIST_BYTES, check_wheel
from serving.errors import BuildRefused
from tests.serving.sdists import PROJECT, Index, built, packed, sdist_bytes, serving
from tests.serving.supervising import processes_with
from tests.serving.wheels import answer, left_over, wheel_bytes

pytestmark = [pytest.mark.usefixtures("environments_root", "no_needs"), pytest.mark.timeout(120)]
PROJECT_FILES = {"pyproject.toml": PROJECT.format(requires="")}


@pytest.fixture
def come_to(db, settings, tmp_path):
    """Builds a source in a console of limits that are soon reached: its code and its reason; nothing is left of it."""
    settings.SOURCE_TIMEOUT_SECONDS = 3
    settings.SOURCE_PROCESSES = 24
    # Users of its own: processes are counted by user, and others build meanwhile.
    settings.SANDBOX_FIRST_UID = 300_000
    settings.SOURCE_SPEC = (0.5, 256)
    settings.SOURCE_TEMPORARY_BYTES = 16 * 1024**2

    def build(source, **said):
        index = Index()
        index.offer("tool-1.0.tar.gz", source, **said)
        with serving(index) as address:
            settings.PACKAGE_INDEX = f"{address}/simple"
            version = built("tool==1.0")
        assert version.status == Status.BUILD_FAILED
        assert not [*(environments.root() / ".sources").glob("*")]
        assert left_over() == []
        assert "tool==1.0" in version.reason
        return version.status_code, version

    return build


def attempts(code):
    """An attack that ends by telling which of its attempts succeeded."""
    return f"done = []\n{code}\nraise SystemExit(f'succeeded: {{done}}')"


def test_nothing_of_ours_can_be_read(come_to, tmp_path, monkeypatch):
    monkeypatch.setenv("MODELPORT_SECRET_KEY", "very secret")
    (tmp_path / "secret").write_text("very secret")
    paths = [
        *("/etc/shadow", "/etc/passwd", "/root/.ssh", str(tmp_path / "secret"), str(ours.BASE_DIR / "manage.py")),
        *(f"/proc/{os.getpid()}/environ", "/proc/1/environ", str(environments.unfinished()), "/tmp/modelport"),
    ]
    attack = f"""
for path in {paths}:
    try:
        found = os.listdir(path) if os.path.isdir(path) else open(path, "rb").read()
    except OSError:
        continue
    if b"secret" in str(found).encode():
        done.append(path)
done += [name for name, value in os.environ.items() if "secret" in value]
done += [name for name in os.listdir("/proc") if name.isdecimal() and int(name) > 50]
done += ["root"] if os.getuid() == 0 else []"""

    code, version = come_to(sdist_bytes(attempts(attack)))

    assert (code, version.status_params["last"]) == ("build.source_failed", "succeeded: []")


def test_nobody_can_be_called(come_to):
    with socket.socket() as listener, socket.socket(socket.AF_UNIX) as abstract:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        abstract.bind("\0modelport-sources")
        abstract.listen()
        attack = f"""
import socket
for family, address in (
    (socket.AF_INET, ("127.0.0.1", {listener.getsockname()[1]})),
    (socket.AF_UNIX, "\\0modelport-sources"),
    (socket.AF_INET, ("192.0.2.1", 80)),
):
    try:
        caller = socket.socket(family)
        caller.settimeout(1)
        caller.connect(address)
        done.append(address)
    except OSError:
        pass"""

        code, version = come_to(sdist_bytes(attempts(attack)))

    assert (code, version.status_params["last"]) == ("build.source_failed", "succeeded: []")


def test_nothing_can_be_written_but_its_own_scratch(come_to, tmp_path):
    places = ["/usr/x", "/run/source/x", "/run/modelport/x", "/etc/x", "/x", "/dev/x", str(tmp_path / "x"), "/home/x"]
    attack = f"""
for path in [*{places}, os.path.join(sys.prefix, "x"), *(p + "/x" for p in sys.path if p.startswith(sys.prefix))]:
    try:
        open(path, "w").write("x")
        done.append(path)
    except OSError:
        pass
try:
    with open("/tmp/large", "wb") as file:
        for _ in range(64):
            file.write(bytes(2**20))
            file.flush()
    done.append("large")
except OSError:
    pass"""

    code, version = come_to(sdist_bytes(attempts(attack)))

    assert (code, version.status_params["last"]) == ("build.source_failed", "succeeded: []")
    assert not (tmp_path / "x").exists()


FORKS = """
while True:
    try:
        os.fork()
    except OSError:
        time.sleep(0.01)"""
# The descriptor that takes the wheel is the last word of the command.
RESULT = "result = int(open('/proc/self/cmdline').read().split(chr(0))[-2])"
HIDING = "os.system('sleep 7653 &')\nos.setsid() if os.fork() == 0 else os._exit(3)\ntime.sleep(60)"


@pytest.mark.parametrize(
    ("attack", "code"),
    [
        (FORKS, "build.source_too_slow"),
        ("while True: pass", "build.source_too_slow"),
        ("while True: print('x' * 4000)", "build.source_too_slow"),
        ("held = [bytearray(b'x') * 2**20 for _ in range(4000)]", "build.source_out_of_memory"),
        ("os._exit(0)", "build.source_wheel"),
        ("os._exit(7)", "build.source_failed"),
        ("os.kill(os.getpid(), 11)", "build.source_failed"),
        (f"{RESULT}\nos.write(result, b'{{')\nos._exit(0)", "build.source_wheel"),
        (f"{RESULT}\nos.ftruncate(result, 2**40)", "build.source_failed"),
        (f"{RESULT}\nwhile True: os.write(result, bytes(2**20))", "build.source_failed"),
        (f"{RESULT}\nos.write(result, b'\"wheel\"\\n')\nos._exit(0)", "build.source_wheel"),
        (f"{RESULT}\nos.write(result, b'[[1, 2]]\\n')\nos._exit(0)", "build.source_wheel"),
        (HIDING, "build.source_failed"),
    ],
)
def test_whoever_takes_too_much_or_ends_otherwise_is_ended_and_leaves_no_process(come_to, attack, code):
    found, version = come_to(sdist_bytes(attack))

    assert found == code
    assert len(version.environment_record.log) <= environments.LOG_BYTES
    assert processes_with("sandbox_builder.py") == []
    assert processes_with("sleep 7653") == []


def test_no_room_of_the_disk_can_be_taken_that_the_result_does_not_need(come_to):
    attack = f"""
import ctypes
{RESULT}
KEEP_SIZE = 1
if ctypes.CDLL(None).fallocate(result, KEEP_SIZE, ctypes.c_long(0), ctypes.c_long(64 * 2**20)) == 0:
    done.append("disk")"""

    code, version = come_to(sdist_bytes(attempts(attack)))

    assert (code, version.status_params["last"]) == ("build.source_failed", "succeeded: []")


def test_a_large_wheel_comes_out_whole(db, settings):
    index = Index()
    index.offer("tool-1.0.tar.gz", sdist_bytes(wheel=wheel_bytes(files={"large.txt": "x" * 8 * 1024**2})))
    with serving(index) as address:
        settings.PACKAGE_INDEX = f"{address}/simple"
        version = built("tool==1.0")

    assert (version.reason, version.environment_record.log) == ("", "")
    code = "import pathlib, tool; print(pathlib.Path(tool.__file__).with_name('large.txt').stat().st_size)"
    assert answer(version.environment_record.environment, code) == str(8 * 1024**2)


@pytest.mark.parametrize(
    ("wheel", "filename"),
    [
        (wheel_bytes("other"), "other-1.0-py3-none-any.whl"),
        (wheel_bytes("tool", "2.0"), "tool-2.0-py3-none-any.whl"),
        (wheel_bytes("tool"), "tool-1.0-cp27-none-win32.whl"),
        (wheel_bytes("other"), "tool-1.0-py3-none-any.whl"),
        (b"PK", "tool-1.0-py3-none-any.whl"),
        (b"", "tool.whl"),
    ],
)
def test_a_wheel_of_something_else_is_thrown_away(come_to, wheel, filename):
    code, version = come_to(sdist_bytes(wheel=wheel, filename=filename))

    assert (code, version.status_params["found"]) == ("build.source_wheel", filename)


@pytest.mark.parametrize(
    "name",
    ["tool-1.0-1/../x-py3-none-any.whl", "tool-1.0-1\\u0000-py3-none-any.whl", "tool-1.0-1\\ud800-py3-none-any.whl"],
)
def test_a_wheel_of_a_name_that_no_file_can_have_is_thrown_away(come_to, name):
    attack = f'{RESULT}\nos.write(result, b\'{{"wheel": "{name}"}}\\n\')\nos._exit(0)'

    assert come_to(sdist_bytes(attack))[0] == "build.source_wheel"


def damaged():
    """A wheel of which the metadata cannot be unpacked."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(wheel_bytes())) as whole, zipfile.ZipFile(buffer, "w") as target:
        for name in whole.namelist():
            target.writestr(name, whole.read(name), zipfile.ZIP_DEFLATED)
    start = buffer.getvalue().index(b"/METADATA") + len("/METADATA")
    return buffer.getvalue()[:start] + b"\xff" * 8 + buffer.getvalue()[start + 8 :]


def endless():
    """A wheel whose list of files alone, were it read, would fill the memory."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as target:
        target.writestr("x", "")
    found = bytearray(buffer.getvalue())
    entry, end = found.index(b"PK\1\2"), found.index(b"PK\5\6")
    size = struct.unpack_from("<L", found, end + 12)[0]
    many = -(-LIST_BYTES // size) + 1
    struct.pack_into("<L", found, end + 12, size * many)
    return bytes(found[:entry] + found[entry:end] * many + found[end:])


@pytest.mark.parametrize("make", [damaged, endless])
def test_a_wheel_that_is_made_to_hurt_is_refused(tmp_path, make):
    (tmp_path / "tool-1.0-py3-none-any.whl").write_bytes(make())

    tracemalloc.start()
    with pytest.raises(BuildRefused, match=r"^build\.wheel_broken$"):
        check_wheel("tool-1.0-py3-none-any.whl", tmp_path / "tool-1.0-py3-none-any.whl")
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < LIST_BYTES


@pytest.mark.parametrize(
    ("source", "code"),
    [
        (packed(PROJECT_FILES, extra=[(tarfile.TarInfo("tool-1.0/../../escaped"), b"")]), "build.source_unsafe"),
        (b"no archive at all", "build.source_broken"),
    ],
)
def test_an_archive_that_leads_out_of_its_folder_or_is_none_is_refused(come_to, tmp_path, source, code):
    assert come_to(source)[0] == code
    assert [*tmp_path.rglob("escaped")] == []


def test_a_file_that_is_larger_than_may_be_fetched_is_refused(come_to, settings):
    settings.SOURCE_MAX_BYTES = 1024

    assert come_to(sdist_bytes("#" + os.urandom(8192).hex()))[0] == "build.source_too_large"


def test_a_file_with_another_hash_is_refused(come_to):
    hashes = {"sha256": hashlib.sha256(b"other").hexdigest()}

    assert come_to(sdist_bytes(), hashes=hashes)[0] == "build.source_damaged"


@pytest.mark.parametrize(
    "requirement",
    [
        *("x @ git+https://example.com/x", "--index-url https://example.com", "-r /etc/passwd"),
        *("x; os_name ~= 'posix'", "x; 'a' in extras"),
    ],
)
@pytest.mark.parametrize("where", ["requires", "asked"])
def test_a_build_requirement_that_is_an_address_or_an_option_is_refused(come_to, where, requirement):
    code, version = come_to(sdist_bytes(**{where: [requirement]}))

    assert (code, version.status_params["requirement"]) == ("build.source_requirement", requirement)


def test_a_build_requirement_of_a_marker_without_bottom_is_refused(come_to):
    requirement = f"x; {'(' * 3000}os_name == 'a'{')' * 3000}"

    assert come_to(sdist_bytes(requires=[requirement]))[0] == "build.source_requirement"


def test_a_build_requirement_without_a_wheel_is_named_and_not_built_in_turn(come_to):
    code, version = come_to(sdist_bytes(requires=["tool<2"]))

    assert (code, version.status_params["requirements"]) == ("build.source_needs", "tool<2")
