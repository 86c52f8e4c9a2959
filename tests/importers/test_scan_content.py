"""What the scan says of honest and hostile content, whatever the file is called."""

import os
import pickle
import random
import struct

import numpy as np
import pytest

from importers.package.mlmodel import MLModel
from importers.package.scan import scan_file
from importers.package.streams import MEBIBYTE, ScanLimits
from tests import hostile

SMALL = ScanLimits(expansion_floor=4 * MEBIBYTE, entries=500, held_bytes=16 * MEBIBYTE)


@pytest.fixture
def scan(tmp_path):
    def run(content, *, engine="Scikit_Learn", path="model/file", limits=SMALL):
        file = tmp_path / "content"
        file.write_bytes(content)
        with file.open("rb") as opened:
            return scan_file(opened.fileno(), len(content), path, engine=engine, limits=limits)

    return run


CLEAN = {
    "empty": b"",
    "text": b"hello\n" * 1000,
    "chinese": "模型说明\n".encode(),
    "gb18030": "模型说明，中文".encode("gb18030"),
    "utf-16": "label".encode("utf-16"),
    "json": b'{"a": [1, 2]}',
    "python": b'"""A service."""\nimport os\nos.system("ls")\n',
    "word list like an old pickle": b"cos\nsin\ntan\n",
    "labels like an old pickle": b"cat\nsystem\nIris\n",
    "png": b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
    "npy": hostile.saved(np.arange(100)),
    "npz": hostile.savez(a=np.zeros(10), b=np.array(["x"])),
    "safetensors": hostile.safetensors({"a": bytes(range(200)), "b": b"xyz"}),
    "onnx": hostile.onnx(),
    "saved model": hostile.saved_model("MatMul", "Relu"),
    "xgboost ubj": hostile.ubjson(),
    "wheel": hostile.zipped({"pkg/__init__.py": b"x = 1\n", "pkg-1.dist-info/METADATA": b"Name: pkg\n"}),
}
REVIEW = {
    "joblib": hostile.dumped(hostile.arrays()),
    "joblib 0": hostile.dumped(hostile.arrays(), protocol=0),
    "joblib 2": hostile.dumped(hostile.arrays(), protocol=2),
    "joblib 5": hostile.dumped(hostile.arrays(), protocol=5),
    "joblib zlib": hostile.dumped(hostile.arrays(), compress=3),
    "joblib gzip": hostile.dumped(hostile.arrays(), compress=("gzip", 3)),
    "joblib bz2": hostile.dumped(hostile.arrays(), compress=("bz2", 3)),
    "joblib xz": hostile.dumped(hostile.arrays(), compress=("xz", 3)),
    "joblib lzma": hostile.dumped(hostile.arrays(), compress=("lzma", 3)),
    **{f"pickle {protocol}": pickle.dumps(hostile.arrays(), protocol) for protocol in range(6)},
    "object array": hostile.saved(np.array([1, "x"], dtype=object)),
    "scikit-learn": hostile.assemble(
        hostile.Call(hostile.Name("sklearn.linear_model._logistic", "LogisticRegression"), (), {"C": 1.0})
    ),
    "tree": hostile.imports("sklearn.tree._tree", "Tree", 1, 2, 3),
    "xgboost": hostile.imports("xgboost.sklearn", "XGBClassifier"),
    "sparse": hostile.imports("scipy.sparse._csr", "csr_matrix"),
}


@pytest.mark.parametrize("name", CLEAN)
def test_honest_content_without_code_is_clean(scan, name):
    evidence = scan(CLEAN[name])

    assert (evidence.verdict, evidence.reasons) == ("clean", {})


@pytest.mark.parametrize("name", REVIEW)
def test_honest_pickles_are_for_review_and_warn_of_nothing(scan, name):
    evidence = scan(REVIEW[name])

    assert (evidence.verdict, list(evidence.reasons)) == ("review", ["scan.pickle"])


@pytest.mark.parametrize("make", [hostile.torch_zip, hostile.torch_legacy])
def test_torch_checkpoints_are_for_review_with_their_imports(scan, make):
    evidence = scan(make(), engine="PyTorch")

    assert (evidence.verdict, list(evidence.reasons)) == ("review", ["scan.pickle"])
    assert set(evidence.imports) == {"torch.FloatStorage", "torch._utils._rebuild_tensor_v2", "collections.OrderedDict"}


def test_torch_tensors_that_look_like_broken_archives_change_nothing(scan):
    content = hostile.torch_zip(tensors={"0": b"x\x9c" + bytes(14), "1": b"\x80\x02" + bytes(30)})

    assert list(scan(content, engine="PyTorch").reasons) == ["scan.pickle"]


def test_imports_of_another_engine_are_outside_the_list(scan):
    evidence = scan(REVIEW["scikit-learn"], engine="PyTorch")

    assert evidence.verdict == "review"
    assert evidence.reasons["scan.outside_import"].names == ["sklearn.linear_model._logistic.LogisticRegression"]


def test_tensorflow_variables_are_clean_only_under_their_name(scan):
    content = random.Random(1).randbytes(5000)

    assert scan(content, path="model/variables/variables.data-00000-of-00001").verdict == "clean"
    assert list(scan(content, path="model/weights.bin").reasons) == ["scan.unknown_content"]


def test_pickle_named_like_tensorflow_variables_is_seen(scan):
    evidence = scan(hostile.attack(), path="model/variables/variables.data-00000-of-00001")

    assert evidence.verdict == "blocked"


@pytest.mark.parametrize("protocol", range(6))
def test_attack_is_blocked_in_every_protocol(scan, protocol):
    evidence = scan(hostile.attack(protocol), path="model/readme.txt")

    assert evidence.verdict == "blocked"
    assert evidence.reasons["scan.blocked_import"].names == ["posix.system"]


@pytest.mark.parametrize("packer", hostile.PACKERS)
def test_attack_is_blocked_inside_containers(scan, packer):
    assert scan(hostile.PACKERS[packer](hostile.attack())).verdict == "blocked"


@pytest.mark.parametrize("packer", hostile.PACKERS)
def test_honest_text_is_clean_inside_containers(scan, packer):
    assert scan(hostile.PACKERS[packer](b"some text\n" * 50)).reasons == {}


@pytest.mark.parametrize("packer", hostile.PACKERS)
def test_broken_tails_are_never_clean(scan, packer):
    content = hostile.PACKERS[packer](random.Random(2).randbytes(4000).hex().encode())

    assert scan(content[: len(content) * 2 // 3]).verdict == "could-not-scan"


@pytest.mark.parametrize("compress", [0, 3, ("gzip", 3), ("bz2", 3), ("xz", 3), ("lzma", 3)])
def test_payload_after_raw_arrays_is_blocked(scan, compress):
    content = hostile.dumped([np.arange(5000.0), hostile.Calls(os.system, "id")], compress=compress)

    assert scan(content).reasons["scan.blocked_import"].names == ["posix.system"]


BLOCKED = {
    "payload in an object array": hostile.saved(np.array([hostile.Calls(os.system, "id")], dtype=object)),
    "payload in an object array of joblib": hostile.dumped(np.array([hostile.Calls(os.system, "id")], dtype=object)),
    "payload after an array": hostile.saved(np.arange(10)) + hostile.attack(),
    "payload in an npz": hostile.savez(a=np.array([hostile.Calls(os.system, "id")], dtype=object)),
    "second pickle": pickle.dumps(1) + pickle.dumps(2) + hostile.attack(),
    "second pickle of protocol 0": pickle.dumps(1) + hostile.attack(0),
    "zip behind a pickle": pickle.dumps(1) + hostile.zipped({"a": hostile.attack()}),
    "broken tail": hostile.attack()[:-2],
    "broken tail of protocol 0": hostile.attack(0)[:-1],
    "broken gzip": hostile.PACKERS["gzip"](hostile.attack() + random.Random(3).randbytes(9000))[:-4000],
    "broken zip": hostile.PACKERS["stored zip"](hostile.attack())[:-30],
    "getattr": hostile.assemble(hostile.Call(hostile.Name("builtins", "getattr"), (hostile.Name("numpy", "os"), "x"))),
    "__import__": hostile.imports("builtins", "__import__", "os"),
    "__import__ of Python 2": hostile.imports("__builtin__", "__import__", "os"),
    "attrgetter": hostile.imports("operator", "attrgetter", "system"),
    "partial of system": hostile.assemble(
        hostile.Call(hostile.Name("functools", "partial"), (hostile.Name("os", "system"), "id"))
    ),
    "dotted name": hostile.imports("sklearn.utils", "os.system", "id"),
    "dotted globals": hostile.imports("sklearn.base", "clone.__globals__.get", "os"),
    "module in a module": hostile.imports("sklearn.base", "sys"),
    "old name of subprocess": hostile.imports("commands", "getoutput", "id"),
    "ufunc loader": hostile.imports("numpy.core", "_ufunc_reconstruct", "os", "system"),
    "numpy test helper": hostile.imports("numpy.testing._private.utils", "runstring", "1", {}),
    "numpy.load": hostile.imports("numpy", "load", "x"),
    "joblib.load": hostile.imports("joblib", "load", "x"),
    "torch.hub": hostile.imports("torch.hub", "load", "x"),
    "torch loader of unknown bytes": hostile.imports("torch.storage", "_load_from_bytes", "x"),
    "cloudpickle": hostile.imports("cloudpickle.cloudpickle", "_make_function"),
    "pip": hostile.imports("pip", "main", ["install", "x"]),
    "code object": hostile.imports("types", "CodeType"),
    "name with a newline": hostile.imports("os\n", "system", "id"),
    "name from a call": hostile.assemble(
        hostile.Raw(b"".join(hostile.Assembler().add(hostile.Call(hostile.Name("builtins", "str"), ("os",))).parts)
                    + b"X\x06\x00\x00\x00system\x93")
    ),
    "name from the memo": b"\x80\x04\x8c\x02os\x940\x8c\x06system\x940h\x00h\x01\x93\x8c\x02id\x85R.",
    "escaped string": b"\x80\x04S'\\x6fs'\nS'sys\\x74em'\n\x93X\x02\x00\x00\x00id\x85R.",
    "odd numbers before": b"\x80\x04I0x10\n0L0b1L\n0F1_0\n0cos\nsystem\n\x8c\x02id\x85R.",
    "method that writes": hostile.imports("numpy", "ndarray.tofile", "x"),
    "instance opcode": b"(X\x02\x00\x00\x00idios\nsystem\n.",
    "object opcode": b"(cos\nsystem\nX\x02\x00\x00\x00ido.",
    "state on a class": hostile.assemble(hostile.Raw(b"csklearn.base\nBaseEstimator\n}b")),
    "graph that writes files": hostile.saved_model("MatMul", "WriteFile"),
    "function that writes files": hostile.saved_model("WriteFile", in_function=True),
    "pickle in bytes": pickle.dumps({"x": hostile.attack()}),
    "deflated pickle in bytes": pickle.dumps({"x": hostile.PACKERS["zlib"](hostile.attack())}),
}  # fmt: skip


@pytest.mark.parametrize("name", BLOCKED)
def test_attack_surface_is_blocked(scan, name):
    assert scan(BLOCKED[name]).verdict == "blocked"


@pytest.mark.parametrize("make", [hostile.torch_zip, hostile.torch_legacy])
def test_attack_in_a_torch_checkpoint_is_blocked(scan, make):
    content = make(state={"w": hostile.Call(hostile.Name("os", "system"), ("id",))})

    assert scan(content, engine="PyTorch").reasons["scan.blocked_import"].names == ["os.system"]


def test_payload_behind_torch_tensors_is_blocked(scan):
    assert scan(hostile.torch_legacy(tail=hostile.attack()), engine="PyTorch").verdict == "blocked"


OUTSIDE = {
    "own module": (hostile.imports("my_model", "Net"), "scan.outside_import"),
    "main": (hostile.imports("__main__", "Net"), "scan.outside_import"),
    "path imported by a library": (hostile.imports("sklearn.pipeline", "Path"), "scan.outside_import"),
    "partial": (hostile.imports("functools", "partial"), "scan.outside_import"),
    "extension": (b"\x80\x02\x82\x05.", "scan.outside_import"),
    "call of an object": (
        hostile.assemble(hostile.Call(hostile.Call(hostile.Name("collections", "Counter")), ())),
        "scan.computed_call",
    ),
    "machine code": (b"\x7fELF\x02\x01\x01" + bytes(200), "scan.native_code"),
    "compiled python": (b"\xa7\r\r\n" + bytes(60), "scan.bytecode"),
    "lambda layer": (b'{"layers": [{"class_name": "Lambda", "config": {}}]}', "scan.layer_code"),
    "lambda layer in hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(9) + b'"class_name": "Lambda"', "scan.layer_code"),
    "yaml object": (b"a: !!python/object/apply:os.system ['id']\n", "scan.layer_code"),
    "graph that calls python": (hostile.saved_model("PyFunc"), "scan.operation"),
}


@pytest.mark.parametrize("name", OUTSIDE)
def test_unexpected_code_is_for_review_with_a_reason(scan, name):
    content, code = OUTSIDE[name]

    evidence = scan(content)

    assert evidence.verdict == "review"
    assert code in evidence.reasons


UNSCANNED = {
    "random": (random.Random(4).randbytes(9000), "scan.unknown_content"),
    "truncated pickle": (pickle.dumps(hostile.arrays())[:-40], "scan.truncated"),
    "truncated joblib": (hostile.dumped(hostile.arrays())[:-9000], "scan.truncated"),
    "truncated npy": (hostile.saved(np.arange(100))[:-8], "scan.truncated"),
    "truncated safetensors": (hostile.safetensors({"a": bytes(500)})[:-1], "scan.truncated"),
    "safetensors with a hole": (hostile.safetensors({"a": bytes(500)}).replace(b"[0,", b"[9,"), "scan.damaged"),
    "something behind a pickle": (pickle.dumps(1) + random.Random(5).randbytes(90), "scan.trailing_data"),
    "something behind torch tensors": (hostile.torch_legacy(tail=b"\x01\xff\xfe"), "scan.trailing_data"),
    "pickle that no loader reaches": (pickle.dumps(1) + bytes(3000) + hostile.attack(), "scan.trailing_data"),
    "zstandard": (b"\x28\xb5\x2f\xfd" + bytes(50), "scan.unsupported"),
    "frame beyond the end": (b"\x80\x04\x95\x09" + bytes(7) + b"K\x01." + b"\x80\x04K\x01.", "scan.ambiguous"),
    "future protocol": (b"\x80\x09N.", "scan.unknown_content"),
    "twenty layers": (None, "scan.too_deep"),
}


@pytest.mark.parametrize("name", UNSCANNED)
def test_what_cannot_be_analysed_to_its_end_says_why(scan, name):
    content, code = UNSCANNED[name]
    if content is None:
        content = b"text"
        for _layer in range(20):
            content = hostile.PACKERS["gzip"](content)

    evidence = scan(content, engine="")

    assert (evidence.verdict, [reason for reason in evidence.reasons if reason != "scan.pickle"]) == (
        "could-not-scan",
        [code],
    )


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


@pytest.mark.parametrize("path", ["model/model.joblib", "model/Weights.PTH", "model/saved_model.pb", "model/a.onnx"])
def test_weights_that_are_text_or_empty_are_not_called_clean(scan, path):
    text, empty = scan(LFS, path=path), scan(b"", path=path)

    assert (text.verdict, list(text.reasons)) == ("could-not-scan", ["scan.unexpected_text"])
    assert (empty.verdict, list(empty.reasons)) == ("could-not-scan", ["scan.empty"])


@pytest.mark.parametrize("path", ["model/words.txt", "model/model.m", "model/model.json", "model/saved_model.pbtxt"])
def test_files_that_may_be_text_or_empty_are_clean(scan, path):
    assert (scan(b"a b c\n", path=path).verdict, scan(b"", path=path).verdict) == ("clean", "clean")


def test_json_of_xgboost_is_clean_under_the_name_an_import_gives_it(scan):
    path = MLModel("XGBoost", "xgboost", "model.json").place

    assert (path, scan(b'{"learner": {}}', path=path, engine="XGBoost").verdict) == ("model.bst", "clean")
    assert list(scan(LFS, path=path).reasons) == ["scan.unexpected_text"]
    assert list(scan(b'{"learner": {}}', path="model.ubj").reasons) == ["scan.unexpected_text"]


def test_encrypted_archive_could_not_be_scanned(scan):
    content = bytearray(hostile.zipped({"a": b"secret"}))
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.find(mark) + at] |= 1

    assert list(scan(bytes(content)).reasons) == ["scan.encrypted"]


ARCHIVES = {
    "zip slip": (hostile.zipped({"../../etc/x": b"x"}), "scan.archive_escapes"),
    "absolute name": (hostile.zipped({"/etc/x": b"x"}), "scan.archive_escapes"),
    "backslash": (hostile.zipped({"a\\..\\b": b"x"}), "scan.archive_escapes"),
    "tar slip": (hostile.tarred({"../x": b"x"}), "scan.archive_escapes"),
    "tar link outside": (hostile.tar_with_link("../../etc/passwd"), "scan.archive_escapes"),
    "absolute link": (hostile.tar_with_link("/etc/passwd"), "scan.archive_escapes"),
    "gzip bomb": (hostile.PACKERS["gzip"](bytes(20 * MEBIBYTE)), "scan.archive_bomb"),
    "xz bomb": (hostile.PACKERS["xz"](bytes(20 * MEBIBYTE)), "scan.archive_bomb"),
    "zip bomb": (hostile.zipped({"a": bytes(20 * MEBIBYTE)}), "scan.archive_bomb"),
    "too many entries": (hostile.zipped({f"f{i}": b"" for i in range(501)}), "scan.archive_bomb"),
    "something before a zip": (b"#!/bin/sh\n" + hostile.zipped({"a": b"x"}), "scan.archive_hides"),
    "picture and zip": (CLEAN["png"] + hostile.zipped({"a": b"x"}), "scan.archive_hides"),
    "wrong name in front": (hostile.zipped({"abcd": b"x"}).replace(b"abcd", b"evil", 1), "scan.archive_hides"),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_archives_that_escape_bomb_or_hide_are_blocked(scan, name):
    content, code = ARCHIVES[name]

    evidence = scan(content)

    assert evidence.verdict == "blocked"
    assert code in evidence.reasons


def test_entry_missing_in_the_table_is_found(scan):
    whole = hostile.zipped({"hidden": hostile.attack(), "seen": b"x"}, method=0)
    table = whole.find(b"PK\x01\x02")
    second = whole.find(b"PK\x01\x02", table + 4)
    end = whole.rfind(b"PK\x05\x06")
    entries = whole[second:end]
    content = whole[:table] + entries + b"PK\x05\x06" + struct.pack("<4HIIH", 0, 0, 1, 1, len(entries), table, 0)

    assert list(scan(content).reasons) == ["scan.archive_hides"]
