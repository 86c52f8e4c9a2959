"""Files made to attack whoever loads or unpacks them, and honest ones that look alike. Nothing here runs a payload."""

import bz2
import gzip
import io
import lzma
import os
import pickle
import struct
import tarfile
import zipfile
import zlib
from dataclasses import dataclass, field
from typing import Any

import joblib
import numpy as np

COMMAND = "echo attacked"


class Calls:
    """Pickles to a call of `function` with `args`."""

    def __init__(self, function, *args):
        self.function, self.args = function, args

    def __reduce__(self):
        return self.function, self.args


def attack(protocol=4):
    """A pickle that calls os.system when it is loaded."""
    return pickle.dumps(Calls(os.system, COMMAND), protocol)


# A small assembler, for pickles whose modules are not installed here or that no pickler writes.


@dataclass(frozen=True)
class Name:
    module: str
    name: str


@dataclass(frozen=True)
class Call:
    function: Any
    args: tuple = ()
    state: Any = None


@dataclass(frozen=True)
class Persistent:
    key: tuple


@dataclass(frozen=True)
class Raw:
    opcodes: bytes


@dataclass
class Assembler:
    parts: list[bytes] = field(default_factory=list)

    def add(self, value):
        for kind, write in self.WRITERS:
            if isinstance(value, kind):
                write(self, value)
                return self
        self.parts.append(pickle.dumps(value, 2)[2:-1])
        return self

    def text(self, value):
        data = value.encode()
        self.parts.append(b"X" + struct.pack("<I", len(data)) + data)

    def name(self, value):
        self.text(value.module)
        self.text(value.name)
        self.parts.append(b"\x93")

    def call(self, value):
        self.add(value.function).add(value.args)
        self.parts.append(b"R")
        if value.state is not None:
            self.add(value.state)
            self.parts.append(b"b")

    def many(self, value):
        self.parts.append(b"(")
        for item in value:
            self.add(item)
        self.parts.append(b"t" if isinstance(value, tuple) else b"l")

    def table(self, value):
        self.parts.append(b"(")
        for key, item in value.items():
            self.add(key).add(item)
        self.parts.append(b"d")

    def persistent(self, value):
        self.add(value.key)
        self.parts.append(b"Q")

    WRITERS = (
        (Name, name),
        (Call, call),
        (Persistent, persistent),
        (Raw, lambda self, value: self.parts.append(value.opcodes)),
        (str, text),
        (tuple, many),
        (list, many),
        (dict, table),
    )


def assemble(value, *, protocol=4):
    return b"\x80" + bytes([protocol]) + b"".join(Assembler().add(value).parts) + b"."


def imports(module, name, *args):
    """A pickle that calls module.name."""
    return assemble(Call(Name(module, name), args))


# Containers


def zipped(files, *, method=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def tarred(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def tar_with_link(target):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        info = tarfile.TarInfo("link")
        info.type, info.linkname = tarfile.SYMTYPE, target
        archive.addfile(info)
    return out.getvalue()


PACKERS = {
    "zlib": lambda content: zlib.compress(content, 3),
    "gzip": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "lzma": lambda content: lzma.compress(content, lzma.FORMAT_ALONE),
    "zip": lambda content: zipped({"a": content}),
    "stored zip": lambda content: zipped({"a": content}, method=zipfile.ZIP_STORED),
    "zip in zip": lambda content: zipped({"b.zip": zipped({"a": content})}),
    "tar": lambda content: tarred({"a": content}),
    "tar.gz": lambda content: gzip.compress(tarred({"a": content})),
    "gzip in bz2 in xz": lambda content: lzma.compress(bz2.compress(gzip.compress(content))),
    "old joblib": lambda content: b"ZF" + hex(len(content)).ljust(19).encode() + zlib.compress(content),
}


def dumped(value, **options):
    """What joblib.dump writes into a file."""
    out = io.BytesIO()
    joblib.dump(value, out, **options)
    return out.getvalue()


def saved(array, **options):
    out = io.BytesIO()
    np.save(out, array, **options)
    return out.getvalue()


def savez(**arrays):
    out = io.BytesIO()
    np.savez_compressed(out, **arrays)
    return out.getvalue()


def arrays():
    """Every kind of array whose bytes lie raw in a joblib file."""
    random = np.random.default_rng(7)
    return {
        "float": random.normal(size=(100, 3)),
        "int": np.arange(1000),
        "fortran": np.asfortranarray(random.normal(size=(4, 5))),
        "objects": np.array([1, "x", None], dtype=object),
        "text": np.array(["ab", "c"]),
        "bytes": np.array([b"ab", b"c"]),
        "record": np.zeros(5, dtype=[("x", "f8"), ("y", "i4", (2,))]),
        "empty": np.zeros((0, 3)),
        "scalar": np.float64(3),
        "zero-dimensional": np.array(3.0),
        "dates": np.array(["2020-01-01"], dtype="M8[ns]"),
        "flags": np.array([True, False]),
        "half": np.zeros(3, np.float16),
        "again": "text after the arrays",
    }


# Files of libraries that are not installed here


def safetensors(tensors):
    """`tensors`: name → bytes."""
    header, position = {}, 0
    for name, content in tensors.items():
        header[name] = {"dtype": "U8", "shape": [len(content)], "data_offsets": [position, position + len(content)]}
        position += len(content)
    head = repr(header).replace("'", '"').encode()
    return struct.pack("<Q", len(head)) + head + b"".join(tensors.values())


def _storage(key, count):
    return Persistent(("storage", Name("torch", "FloatStorage"), key, "cpu", count))


def _tensor(key, count):
    rebuild = Name("torch._utils", "_rebuild_tensor_v2")
    return Call(rebuild, (_storage(key, count), 0, (count,), (1,), False, Call(Name("collections", "OrderedDict"))))


def torch_zip(*, state=None, tensors=None):
    """A checkpoint as torch has written it since 1.6; `state` replaces its state dict."""
    content = {"weight": _tensor("0", 4)} if state is None else state
    files = {"model/data.pkl": assemble(content, protocol=2), "model/version": b"3\n", "model/byteorder": b"little"}
    files |= {f"model/data/{key}": value for key, value in (tensors or {"0": struct.pack("<4f", 1, 2, 3, 4)}).items()}
    return _streamed_large_zip(files)


class _Forward(io.RawIOBase):
    """A file that can only be written forward, so that sizes come behind the entries."""

    def __init__(self):
        self.content = bytearray()

    def writable(self):
        return True

    def write(self, data):
        self.content += data
        return len(data)


def _streamed_large_zip(files):
    """A zip as torch writes it: sizes behind the entries, and a 64-bit end whatever the size."""
    out = _Forward()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            with archive.open(name, "w", force_zip64=True) as entry:
                entry.write(content)
    content = bytes(out.content)
    end = content.rfind(b"PK\x05\x06")
    count, size, offset = struct.unpack_from("<HII", content, end + 10)
    large = b"PK\x06\x06" + struct.pack("<QHHIIQQQQ", 44, 30, 45, 0, 0, count, count, size, offset)
    locator = b"PK\x06\x07" + struct.pack("<IQI", 0, end, 1)
    return content[:end] + large + locator + content[end:]


def torch_legacy(*, state=None, tail=b""):
    """A checkpoint as torch wrote it before: five pickles, then the raw tensors."""
    magic = pickle.dumps(0x1950A86A20F9469CFC6C, 2)
    protocol, system = pickle.dumps(1001, 2), pickle.dumps({"little_endian": True}, 2)
    content = assemble({"weight": _tensor("0", 4)} if state is None else state, protocol=2)
    keys = pickle.dumps(["0"], 2)
    return magic + protocol + system + content + keys + struct.pack("<q4f", 4, 1, 2, 3, 4) + tail


def _varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def message(*fields):
    """A protobuf message of (number, bytes or int)."""
    out = b""
    for number, value in fields:
        if isinstance(value, int):
            out += _varint(number << 3) + _varint(value)
        else:
            out += _varint(number << 3 | 2) + _varint(len(value)) + value
    return out


def onnx():
    node = message((1, b"x"), (2, b"y"), (4, b"Relu"))
    return message((1, 8), (2, b"maker"), (7, message((1, node), (2, b"graph"))), (8, message((2, 17))))


def saved_model(*operations, in_function=False):
    nodes = [message((1, f"n{i}".encode()), (2, name.encode())) for i, name in enumerate(operations)]
    if in_function:
        graph = message((2, message((1, message(*((3, node) for node in nodes))))))
    else:
        graph = message(*((1, node) for node in nodes))
    return message((1, 1), (2, message((1, message((4, b"serve"))), (2, graph))))


def ubjson():
    """What XGBoost writes: objects with long keys, typed arrays."""
    key = b"L" + struct.pack(">q", 7) + b"learner"
    weights = b"[$d#L" + struct.pack(">q", 3) + struct.pack(">3f", 1, 2, 3)
    inner = b"{" + b"L" + struct.pack(">q", 1) + b"w" + weights + b"L" + struct.pack(">q", 1) + b"n" + b"U\x05" + b"}"
    return b"{" + key + inner + b"L" + struct.pack(">q", 1) + b"s" + b"SL" + struct.pack(">q", 2) + b"ab" + b"}"
