"""The scan of a package in its own process: verdicts, findings, and what happens when the process dies."""

import io
import os
from functools import partial

import numpy as np
import psutil
import pytest

from importers import scanner
from importers.package.evidence import REASONS
from importers.package.streams import MEBIBYTE, ScanLimits
from importers.scanner import ScanItem, scan_package
from registry.findings import Severity, known_codes, message_for
from tests import hostile

LIMITS = ScanLimits(timeout_seconds=60)


@pytest.fixture
def item(tmp_path):
    def make(name, content):
        path = tmp_path / name
        path.write_bytes(content)
        return ScanItem(f"model/{name}", len(content), partial(path.open, "rb"))

    return make


# Servers that other tests of the same process began.
STRANGERS = ("weed", "docker-registry")


def children():
    """The scanner's processes."""
    return [process for process in psutil.Process().children() if process.name() not in STRANGERS]


def slow():
    """A harmless pickle that takes long to follow."""
    return b"\x80\x04" + b"N0" * 12_000_000 + b"N."


def test_package_verdict_is_that_of_its_worst_file(item):
    items = [item("a.txt", b"text"), item("b.pkl", hostile.dumped([1])), item("c.bin", os.urandom(999))]

    report = scan_package(items, engine="Scikit_Learn", limits=LIMITS)

    assert report.verdict == "could-not-scan"
    assert [file.verdict for file in report.files] == ["clean", "review", "could-not-scan"]
    assert set(report.tools) == {"modelaudit-picklescan", "modelport-scan"}


def test_empty_package_is_clean(item):
    assert scan_package([], engine="", limits=LIMITS).as_dict()["verdict"] == "clean"


def test_attack_is_an_error_that_names_file_and_imports(item):
    report = scan_package([item("model.m", hostile.attack())], engine="Scikit_Learn", limits=LIMITS)

    [finding] = report.findings
    assert (finding.code, finding.severity, finding.where.file) == (
        "scan.blocked_import",
        Severity.ERROR,
        "model/model.m",
    )
    assert finding.params == {"member": "model/model.m", "names": "posix.system"}
    assert report.files[0].as_dict() == {
        "path": "model/model.m",
        "verdict": "blocked",
        "reasons": ["scan.pickle", "scan.blocked_import"],
        "imports": ["posix.system"],
    }


def test_unexpected_imports_are_a_warning(item):
    content = hostile.imports("my_model", "Net")

    report = scan_package([item("model.pkl", content)], engine="Scikit_Learn", limits=LIMITS)

    assert [(finding.code, finding.severity) for finding in report.findings] == [
        ("scan.outside_import", Severity.WARNING)
    ]


def test_honest_pickle_has_no_finding(item):
    report = scan_package([item("m.joblib", hostile.dumped(hostile.arrays()))], engine="Scikit_Learn", limits=LIMITS)

    assert (report.verdict, report.findings) == ("review", ())


def test_hidden_characters_of_names_are_shown_as_escapes(item):
    content = hostile.imports("evil\u202e\n", "x\x00")

    report = scan_package([item("m.pkl", content)], engine="", limits=LIMITS)

    assert report.files[0].imports == ("evil��.x�",)
    assert report.findings[0].message.isprintable()


def test_content_of_a_remote_store_is_scanned_like_a_file():
    remote = ScanItem("model/m.pkl", 1, lambda: io.BytesIO(hostile.attack()))

    assert scan_package([remote], engine="", limits=LIMITS).verdict == "blocked"


def test_file_that_takes_too_long_could_not_be_scanned_and_the_rest_is(item):
    items = [item("slow.pkl", slow()), item("bad.pkl", hostile.attack())]

    report = scan_package(items, engine="", limits=ScanLimits(timeout_seconds=4))

    assert [file.reason_codes for file in report.files] == [("scan.timeout",), ("scan.pickle", "scan.blocked_import")]
    assert children() == []


def test_file_on_which_the_process_dies_could_not_be_scanned_and_the_rest_is(item):
    def open_and_kill(file):
        children()[0].kill()
        return file.open()

    doomed = item("b.txt", b"text")
    items = [item("a.txt", b"text"), ScanItem("model/b.txt", 4, partial(open_and_kill, doomed)), item("c.txt", b"text")]

    report = scan_package(items, engine="", limits=LIMITS)

    assert [file.reason_codes for file in report.files] == [(), ("scan.crashed",), ()]


def test_file_that_needs_too_much_memory_could_not_be_scanned(item):
    content = b"\x80\x04" + b"(" * 4_000_000

    report = scan_package(
        [item("deep.pkl", content), item("a.txt", b"text")],
        engine="",
        limits=ScanLimits(timeout_seconds=60, memory_bytes=250 * MEBIBYTE),
    )

    assert [file.verdict for file in report.files] == ["could-not-scan", "clean"]


def test_process_has_no_environment_and_hard_limits(item, monkeypatch):
    monkeypatch.setenv("MODELPORT_SECRET_KEY", "secret")
    seen = {}

    def open_and_look(file):
        process = children()[0]
        limits = [psutil.RLIMIT_AS, psutil.RLIMIT_FSIZE, psutil.RLIMIT_CORE, psutil.RLIMIT_NOFILE]
        seen["limits"] = [process.rlimit(limit)[1] for limit in limits]
        seen["environment"] = process.environ()
        seen["session"] = os.getsid(process.pid) == process.pid
        return file.open()

    second = item("b.txt", b"text")
    scan_package(
        [item("a.txt", b"text"), ScanItem("model/b.txt", 4, partial(open_and_look, second))], engine="", limits=LIMITS
    )

    assert seen == {"limits": [1024 * MEBIBYTE, 0, 0, 32], "environment": {"LANG": "C.UTF-8"}, "session": True}


def test_failure_to_open_a_file_ends_the_process_and_is_told(item):
    def fail():
        raise FileNotFoundError("gone")

    with pytest.raises(FileNotFoundError):
        scan_package([item("a.txt", b"text"), ScanItem("b", 1, fail)], engine="", limits=LIMITS)

    assert children() == []


def test_two_gigabytes_are_scanned_without_being_held(tmp_path):
    path = tmp_path / "big.npy"
    np.lib.format.open_memmap(path, mode="w+", dtype=np.float64, shape=(2**28,))
    before = psutil.Process().memory_info().rss

    report = scan_package([ScanItem("model/big.npy", 0, partial(path.open, "rb"))], engine="", limits=LIMITS)

    assert report.verdict == "clean"
    assert psutil.Process().memory_info().rss - before < 32 * MEBIBYTE


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        {},
        {"imports": []},
        {"imports": [1], "reasons": []},
        {"imports": [], "reasons": {}},
        {"imports": [], "reasons": [["scan.pickle"]]},
        {"imports": [], "reasons": [["invented", "", []]]},
        {"imports": [], "reasons": [["scan.pickle", 1, []]]},
        {"imports": [], "reasons": [["scan.pickle", "", [1]]]},
        {"imports": [], "reasons": [[["scan.pickle"], "", []]]},
    ],
)
def test_answer_of_another_form_is_not_believed(answer):
    with pytest.raises(ValueError, match=r"imports|reasons"):
        scanner._checked(answer)


def test_every_reason_has_a_sentence():
    said = set(REASONS) - scanner.SILENT

    assert said - known_codes() == set()
    assert all("m.pkl" in message_for(code, {"member": "m.pkl", "names": "n"}) for code in said)
