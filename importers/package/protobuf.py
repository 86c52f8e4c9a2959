"""Reads protobuf and UBJSON content forward: enough to be sure of ONNX, SavedModel and XGBoost files."""

from collections.abc import Iterator

from importers.package.evidence import Evidence
from importers.package.streams import ScanStop, Stream

ONNX_FIELDS = frozenset({1, 2, 3, 4, 5, 6, 7, 8, 14, 20, 25, 26})
DEPTH = 64
NAME_LIMIT = 1024
# Writing files as a model answers is a way to run code; the others read files or call back into Python.
BLOCKED_OPERATIONS = frozenset({"WriteFile"})
RISKY_OPERATIONS = frozenset(
    {"PyFunc", "PyFuncStateless", "EagerPyFunc", "ReadFile", "MatchingFiles", "DebugIdentity", "DebugIdentityV2"}
    | {"DebugIdentityV3", "PrintV2", "WholeFileReader", "WholeFileReaderV2", "CopyHost"}
)


def _varint(stream: Stream) -> int:
    value = shift = 0
    while shift < 64:
        byte = stream.read(1)[0]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value
        shift += 7
    raise ScanStop("scan.damaged")


def fields(stream: Stream, end: int | None) -> Iterator[tuple[int, int, int]]:
    """(number, wire type, length or value) of each field; the caller may read a length-delimited one or leave it."""
    while not stream.at_end() if end is None else stream.position < end:
        key = _varint(stream)
        number, wire = key >> 3, key & 7
        if number == 0 or wire not in (0, 1, 2, 5):
            raise ScanStop("scan.damaged")
        value = _varint(stream) if wire in (0, 2) else {1: 8, 5: 4}[wire]
        after = stream.position + (value if wire else 0)
        if end is not None and after > end:
            raise ScanStop("scan.damaged")
        yield number, wire, value
        if wire:
            stream.skip(after - stream.position)


def is_protobuf(stream: Stream, known: frozenset[int] | None = None) -> bool:
    """Whether the content is protobuf fields to its end (at least two), with known numbers only where given."""
    count = 0
    try:
        for number, _wire, _value in fields(stream, None):
            count += 1
            if number > 2000 or (known is not None and number not in known):
                return False
    except ScanStop:
        return False
    return count > 1


# MetaGraphDef → GraphDef → NodeDef or FunctionDefLibrary → FunctionDef → NodeDef → op.
_NODE = {2: "op"}
_SAVED_MODEL = {2: {2: {1: _NODE, 2: {1: {3: _NODE}}}}}


def looks_like_saved_model(head: bytes) -> bool:
    return head.startswith(b"\x08\x01\x12")


def check_saved_model(stream: Stream, evidence: Evidence, member: str) -> None:
    """Note operations that touch files or call Python."""
    _descend(stream, None, _SAVED_MODEL, evidence, member)


def _descend(stream: Stream, end: int | None, path: dict, evidence: Evidence, member: str) -> None:  # type: ignore[type-arg]
    for number, wire, size in fields(stream, end):
        below = path.get(number) if wire == 2 else None
        if isinstance(below, dict):
            _descend(stream, stream.position + size, below, evidence, member)
        elif below and size <= NAME_LIMIT:
            _note_operation(stream.read(size).decode("utf-8", "replace"), evidence, member)


def _note_operation(name: str, evidence: Evidence, member: str) -> None:
    if name in BLOCKED_OPERATIONS:
        evidence.add("scan.blocked_operation", member, name)
    elif name in RISKY_OPERATIONS:
        evidence.add("scan.operation", member, name)


_WIDTHS = {b"i": 1, b"U": 1, b"I": 2, b"u": 2, b"l": 4, b"m": 4, b"L": 8, b"M": 8, b"d": 4, b"D": 8, b"C": 1, b"h": 2}
_LENGTHS = b"iUIlL"


def is_ubjson(stream: Stream) -> bool:
    """Whether the content is one UBJSON object to its end, as XGBoost writes it."""
    try:
        if stream.read(1) != b"{":
            return False
        _container(stream, b"{", 0)
        return stream.at_end()
    except ScanStop:
        return False


def _length(stream: Stream) -> int:
    marker = stream.read(1)
    if marker not in _LENGTHS:
        raise ScanStop("scan.damaged")
    size = int.from_bytes(stream.read(_WIDTHS[marker]), "big", signed=marker != b"U")
    if size < 0:
        raise ScanStop("scan.damaged")
    return size


def _value(stream: Stream, marker: bytes, depth: int) -> None:
    if marker in (b"{", b"["):
        _container(stream, marker, depth + 1)
    elif marker in (b"S", b"H"):
        stream.skip(_length(stream))
    elif marker in _WIDTHS:
        stream.skip(_WIDTHS[marker])
    elif marker not in (b"Z", b"T", b"F", b"N"):
        raise ScanStop("scan.damaged")


def _container(stream: Stream, opening: bytes, depth: int) -> None:
    if depth > DEPTH:
        raise ScanStop("scan.too_deep")
    kind = b""
    if stream.peek(1) == b"$":
        stream.skip(1)
        kind = stream.read(1)
    count = None
    if stream.peek(1) == b"#":
        stream.skip(1)
        count = _length(stream)
    if kind and count is not None and opening == b"[" and kind in _WIDTHS:
        stream.skip(count * _WIDTHS[kind])
        return
    _elements(stream, opening, kind, count, depth)


def _elements(stream: Stream, opening: bytes, kind: bytes, count: int | None, depth: int) -> None:
    if opening == b"[" and kind in (b"Z", b"T", b"F", b"N"):
        return
    closing = b"}" if opening == b"{" else b"]"
    done = 0
    while count is None or done < count:
        if count is None and stream.peek(1) == closing:
            stream.skip(1)
            return
        if opening == b"{":
            stream.skip(_length(stream))
        _value(stream, kind or stream.read(1), depth)
        done += 1
