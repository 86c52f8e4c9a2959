"""The scan against Python's own unpickler: what that would import and call, the scan must have seen."""

import io
import os
import pickle
import pickletools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importers.package.evidence import BLOCKED, UNSCANNED
from importers.package.imports import readable
from importers.package.scan import scan_file
from importers.package.streams import ScanLimits
from tests import hostile

SEEDS = [
    hostile.attack(0),
    hostile.attack(2),
    hostile.attack(4),
    hostile.dumped([np.arange(3.0), hostile.Calls(os.system, "id")]),
    hostile.dumped(np.array([1, hostile.Calls(os.system, "id")], dtype=object)),
    hostile.torch_legacy(),
    pickle.dumps(hostile.arrays(), 2),
    pickle.dumps({"a": [1, 2.5, "x", (None, True)], "b": {"c": frozenset([1])}}, 4),
]
OPCODES = [opcode.code.encode("latin-1") for opcode in pickletools.opcodes]
PIECES = [*OPCODES, b"cos\nsystem\n", b"\x8c\x02os\x8c\x06system\x93", hostile.attack()[2:-1], b"\x00", b"\xff"]
EDITS = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 6), st.sampled_from(PIECES)), max_size=4)


class Inert:
    """Stands for everything imported."""

    def __init__(self, *args, **keywords):
        pass

    def __call__(self, *args, **keywords):
        return Inert()

    def __setstate__(self, state):
        pass

    def __setitem__(self, key, value):
        pass

    append = extend = __call__


class Recorder(pickle._Unpickler):
    """Loads with nothing but inert objects, and keeps what was imported and whether an attack was called."""

    def __init__(self, file):
        super().__init__(file)
        self.names, self.attacked = set(), False

    def find_class(self, module, name):
        self.names.add(readable(module, name))
        return self._attack if (module, name) in (("posix", "system"), ("os", "system")) else Inert

    def _attack(self, *args):
        self.attacked = True
        return Inert()

    def persistent_load(self, key):
        return Inert()


def load(content):
    recorder = Recorder(io.BytesIO(content))
    try:
        recorder.load()
    except (Exception, MemoryError):
        return recorder
    return recorder


def edited(seed, edits):
    content = bytearray(seed)
    for place, removed, piece in edits:
        at = int(place * len(content))
        content[at : at + removed] = piece
    return bytes(content)


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    path = tmp_path_factory.mktemp("fuzz") / "file"

    def run(content):
        path.write_bytes(content)
        with path.open("rb") as file:
            return scan_file(file.fileno(), len(content), "model/file", engine="", limits=ScanLimits())

    return run


@settings(max_examples=200, deadline=None, derandomize=True)
@given(seed=st.sampled_from(SEEDS), edits=EDITS)
def test_edited_pickles_hide_nothing(scan, seed, edits):
    content = edited(seed, edits)

    evidence = scan(content)

    loaded = load(content)
    assert not loaded.attacked or evidence.verdict == BLOCKED
    if content.startswith(b"\x80") and evidence.verdict not in (BLOCKED, UNSCANNED):
        assert loaded.names <= set(evidence.imports)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(content=st.binary(max_size=400))
def test_any_bytes_get_a_verdict(scan, content):
    assert scan(content).verdict in ("clean", "review", "could-not-scan", "blocked")


@settings(max_examples=100, deadline=None, derandomize=True)
@given(packer=st.sampled_from(sorted(hostile.PACKERS)), edits=EDITS)
def test_edited_archives_get_a_verdict(scan, packer, edits):
    content = edited(hostile.PACKERS[packer](hostile.attack() + bytes(99)), edits)

    assert scan(content).verdict in ("clean", "review", "could-not-scan", "blocked")
