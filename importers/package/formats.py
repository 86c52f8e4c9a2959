"""Recognises content by its bytes, and checks the formats that hold no code as far as needed to be sure of them."""

import codecs
import json
import re
import struct

from importers.package.evidence import Evidence
from importers.package.streams import ScanStop, Stream

HEAD = 1024
HEADER_LIMIT = 64 * 1024 * 1024

MAGIC = (
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"PK\x07\x08", "zip"),
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bz2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x5d\x00\x00", "lzma"),
    (b"\x93NUMPY", "npy"),
    (b"\x89HDF\r\n\x1a\n", "hdf5"),
    (b"\x04\x22\x4d\x18", "unsupported"),
    (b"\x28\xb5\x2f\xfd", "unsupported"),
    (b"7z\xbc\xaf\x27\x1c", "unsupported"),
    (b"Rar!\x1a\x07", "unsupported"),
    (b"\x7fELF", "native"),
    (b"\xfe\xed\xfa\xce", "native"),
    (b"\xfe\xed\xfa\xcf", "native"),
    (b"\xce\xfa\xed\xfe", "native"),
    (b"\xcf\xfa\xed\xfe", "native"),
    (b"\xca\xfe\xba\xbe", "native"),
    (b"\x89PNG\r\n\x1a\n", "data"),
    (b"\xff\xd8\xff", "data"),
    (b"GIF87a", "data"),
    (b"GIF89a", "data"),
    (b"II*\x00", "data"),
    (b"MM\x00*", "data"),
    (b"\x00\x00\x01\x00", "data"),
    (b"%PDF-", "data"),
    (b"OggS", "data"),
    (b"fLaC", "data"),
    (b"PAR1", "data"),
    (b"ARROW1", "data"),
    (b"ORC", "data"),
    (b"Obj\x01", "data"),
    (b"GGUF", "data"),
    (b"SQLite format 3\x00", "data"),
    # The list of arrays MXNet writes.
    (b"\x12\x01\x00\x00\x00\x00\x00\x00", "data"),
)
# Raw tensors have no signature; these names are only ever read as raw tensors, by their own formats.
RAW_TENSORS = re.compile(r"(.*/)?(variables\.data-\d{5}-of-\d{5}|[^/]+\.onnx[._]data)")
# Weights that no loader reads from a text: what is left of a broken copy, or a pointer of Git LFS.
NEVER_TEXT = re.compile(r".*\.(joblib|pkl|pickle|pth?|skops|onnx|pb|h5|keras|ubj|bst|npy|npz|safetensors|tflite|om)")
# XGBoost reads its JSON under this name too, and the weights of a logged model in JSON are given it.
JSON_TOO = ".bst"
TABLE_END = b"\x57\xfb\x80\x8b\x24\x75\x47\xdb"
LAYER_CODE = re.compile(rb"class_name\\?\"\s*:\s*\\?\"(?:TFOp)?Lambda\\?\"")
YAML_CODE = re.compile(rb"(?:^|\n)[ \t]*(?:- +|[\w.-]+: +)?!!python/(?:object|name|module)[/\w]*:")
# Control characters that no text has; tabs, line ends, form feeds and escape sequences are common.
CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")
WATCHED_BYTES = 64 * 1024 * 1024


def recognise(head: bytes, size: int | None) -> str:
    """What the content says it is; "" when its first bytes decide nothing. `size` is None when unknown."""
    for magic, kind in MAGIC:
        if head.startswith(magic):
            return kind
    for test, kind in _TESTS:
        if test(head, size):
            return kind
    return ""


def _is_pickle(head: bytes, size: int | None) -> bool:
    return len(head) > 1 and head[0] == 0x80 and 0 <= head[1] <= 5 and head[:8] != b"\x80\x00\x00\x00\x00\x00\x00\x00"


def _is_zlib(head: bytes, size: int | None) -> bool:
    return len(head) > 2 and head[0] == 0x78 and not head[1] & 0x20 and int.from_bytes(head[:2]) % 31 == 0


def _is_joblib_zfile(head: bytes, size: int | None) -> bool:
    return head.startswith(b"ZF0x")


def _is_tar(head: bytes, size: int | None) -> bool:
    return head[257:262] == b"ustar"


def _is_safetensors(head: bytes, size: int | None) -> bool:
    length = int.from_bytes(head[:8], "little")
    return len(head) > 9 and head[8:9] == b"{" and head[9:10] in b'"} \n\t' and (size is None or length <= size)


def _is_windows_program(head: bytes, size: int | None) -> bool:
    at = int.from_bytes(head[60:64], "little")
    return head.startswith(b"MZ") and head[at : at + 4] == b"PE\x00\x00"


def _is_bytecode(head: bytes, size: int | None) -> bool:
    return len(head) >= 16 and head[2:4] == b"\r\n" and head[1] in (0x03, 0x0C, 0x0D, 0x0E, 0x0F)


def _is_media(head: bytes, size: int | None) -> bool:
    riff = head.startswith(b"RIFF") and head[8:12] in (b"WEBP", b"WAVE", b"AVI ")
    bitmap = head.startswith(b"BM") and head[6:10] == bytes(4) and head[14:18] in (b"\x28\0\0\0", b"\x7c\0\0\0")
    return riff or bitmap or head[4:8] in (b"ftyp", b"TFL3")


_TESTS = (
    (_is_pickle, "pickle"),
    (_is_zlib, "zlib"),
    (_is_joblib_zfile, "zfile"),
    (_is_tar, "tar"),
    (_is_safetensors, "safetensors"),
    (_is_windows_program, "native"),
    (_is_bytecode, "bytecode"),
    (_is_media, "data"),
)


def check_safetensors(stream: Stream) -> None:
    """The header must describe every byte that follows, once."""
    length = struct.unpack("<Q", stream.read(8))[0]
    if length > HEADER_LIMIT:
        raise ScanStop("scan.too_large")
    try:
        header = json.loads(stream.read(length))
        spans = sorted(tuple(entry["data_offsets"]) for name, entry in header.items() if name != "__metadata__")
        position = 0
        for start, end in spans:
            if start != position or end < start:
                raise ScanStop("scan.damaged")
            position = end
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ScanStop("scan.damaged") from error
    stream.skip(position)


def is_never_text(path: str, first: bytes) -> bool:
    """Whether a text that begins like this, or nothing, is no file of the kind its name says."""
    name = path.lower()
    return bool(NEVER_TEXT.fullmatch(name)) and not (name.endswith(JSON_TOO) and first.startswith(b"{"))


def check_text(stream: Stream, evidence: Evidence, member: str) -> bool:
    """Whether it is text to its end, in an encoding files really come in. Notes code that its readers may run."""
    first = stream.peek(HEAD)
    if first.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _decodes(stream, "utf-16", None, member)
    seen = _Watch(evidence, member)
    if _looks_like(first, "utf-8"):
        return _decodes(stream, "utf-8", seen, member)
    return _looks_like(first, "gb18030") and _decodes(stream, "gb18030", seen, member)


class _Watch:
    """Looks for what some loaders of texts run, over the borders of pieces."""

    def __init__(self, evidence: Evidence, member: str) -> None:
        self._evidence, self._member, self._before = evidence, member, b""

    def see(self, data: bytes) -> None:
        text = self._before + data
        layers = b"Lambda" in text and LAYER_CODE.search(text)
        if layers or (b"!!python" in text and YAML_CODE.search(text)):
            self._evidence.add("scan.layer_code", self._member)
        self._before = text[-256:]


def _looks_like(first: bytes, encoding: str) -> bool:
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(first)
    except UnicodeDecodeError:
        return False
    return _plain(text)


def _plain(text: str) -> bool:
    return CONTROL.search(text) is None


def _decodes(stream: Stream, encoding: str, watch: _Watch | None, member: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        while data := stream.some():
            if not _plain(decoder.decode(data)):
                return False
            if watch:
                watch.see(data)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def watch(stream: Stream, evidence: Evidence, member: str) -> None:
    """Content that holds data, but in which a Keras model may name layers that are code."""
    seen = _Watch(evidence, member)
    while stream.position < WATCHED_BYTES and (data := stream.some()):
        seen.see(data)
