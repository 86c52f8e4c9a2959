"""The opcodes of a pickle that push a literal: numbers, text, bytes."""

import codecs
import re
import struct
from typing import Any

from importers.package.arrays import LONG_TEXT, OPAQUE, Made
from importers.package.machine import Machine, operation
from importers.package.streams import ScanStop

TEXT_KEPT = 1024
TEXT_TAPED = 4096
BYTES_TAPED = 4096
# Long lists of numbers are the same opcode again and again; taking them together is many times faster.
MORE_INT1 = re.compile(rb"(?:K.)+", re.DOTALL)
MORE_INT2 = re.compile(rb"(?:M..)+", re.DOTALL)
MORE_FLOAT8 = re.compile(rb"(?:G.{8})+", re.DOTALL)


def decimal(line: bytes) -> int:
    """A whole number written as text."""
    try:
        return int(line[:20]) if len(line) <= 20 else 1 << 64
    except ValueError as error:
        raise ScanStop("scan.damaged") from error


def _number(line: bytes) -> Any:
    """A number that is only a value: unpicklers read more forms than int() does, so what is odd is just unknown."""
    try:
        return int(line, 0) if len(line) <= 20 else OPAQUE
    except ValueError:
        return OPAQUE


@operation(b"\x80")
def proto(self: Machine) -> None:
    self.protocol = self.number("B")
    if self.protocol > 5:
        raise ScanStop("scan.unsupported")


@operation(b"\x95")
def frame(self: Machine) -> None:
    size = self.number("<Q")
    self.untape(9, b"")
    self.frame_end = max(self.frame_end, self.stream.position + size)


@operation(b".")
def stop(self: Machine) -> None:
    self.result = self.pop()
    self.running = False


@operation(b"N")
def none(self: Machine) -> None:
    self.stack.append(None)


@operation(b"\x88")
def true(self: Machine) -> None:
    self.stack.append(True)


@operation(b"\x89")
def false(self: Machine) -> None:
    self.stack.append(False)


@operation(b"J")
def int4(self: Machine) -> None:
    self.stack.append(self.number("<i"))


@operation(b"K")
def int1(self: Machine) -> None:
    self.stack.append(self.number("B"))
    run = self.stream.run(MORE_INT1)
    if run:
        self.note(run)
        self.stack.extend(run[1::2])


@operation(b"M")
def int2(self: Machine) -> None:
    self.stack.append(self.number("<H"))
    run = self.stream.run(MORE_INT2)
    if run:
        self.note(run)
        self.stack.extend(value for _code, value in struct.iter_unpack("<cH", run))


@operation(b"I")
def int_line(self: Machine) -> None:
    line = self.take_line()
    self.stack.append({b"00": False, b"01": True}[line] if line in (b"00", b"01") else _number(line))


@operation(b"L")
def long_line(self: Machine) -> None:
    self.stack.append(_number(self.take_line().rstrip(b"L")))


@operation(b"\x8a")
def long1(self: Machine) -> None:
    self.stack.append(int.from_bytes(self.take(self.number("B")), "little", signed=True))


@operation(b"\x8b")
def long4(self: Machine) -> None:
    size = self.number("<i")
    if size < 0:
        raise ScanStop("scan.damaged")
    self.stream.skip(size)
    self.untape(5, b"N")
    self.stack.append(OPAQUE)


@operation(b"F")
def float_line(self: Machine) -> None:
    self.take_line()
    self.stack.append(OPAQUE)


@operation(b"G")
def float8(self: Machine) -> None:
    self.take(8)
    run = self.stream.run(MORE_FLOAT8)
    self.note(run)
    self.stack.extend([OPAQUE] * (1 + len(run) // 9))


def _text(self: Machine, form: str) -> None:
    size = self.number(form)
    if size < 0:
        raise ScanStop("scan.damaged")
    if size > TEXT_TAPED:
        self.stream.skip(size)
        self.untape(1 + struct.calcsize(form), b"\x8c\x00")
        self.stack.append(LONG_TEXT)
        return
    data = self.take(size)
    try:
        text = data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        raise ScanStop("scan.damaged") from error
    self.stack.append(text if size <= TEXT_KEPT else LONG_TEXT)


@operation(b"\x8c")
def text1(self: Machine) -> None:
    _text(self, "B")


@operation(b"X")
def text4(self: Machine) -> None:
    _text(self, "<I")


@operation(b"\x8d")
def text8(self: Machine) -> None:
    _text(self, "<Q")


@operation(b"V")
def text_line(self: Machine) -> None:
    line = self.take_line()
    try:
        self.stack.append(line.decode("raw-unicode-escape") if len(line) <= TEXT_KEPT else LONG_TEXT)
    except UnicodeDecodeError as error:
        raise ScanStop("scan.damaged") from error


@operation(b"S")
def string_line(self: Machine) -> None:
    line = self.take_line().strip()
    if len(line) < 2 or line[:1] != line[-1:] or line[:1] not in (b"'", b'"'):
        raise ScanStop("scan.damaged")
    try:
        value = codecs.escape_decode(line[1:-1])[0].decode("latin-1")
    except ValueError as error:
        raise ScanStop("scan.damaged") from error
    self.stack.append(value if len(value) <= TEXT_KEPT else LONG_TEXT)


def _old_string(self: Machine, form: str) -> None:
    size = self.number(form)
    if size < 0:
        raise ScanStop("scan.damaged")
    if size <= TEXT_KEPT:
        self.stack.append(self.take(size).decode("latin-1"))
        return
    self.untape(1 + struct.calcsize(form), b"U\x00")
    self.literal(size)
    self.stack.append(LONG_TEXT)


@operation(b"U")
def string1(self: Machine) -> None:
    _old_string(self, "B")


@operation(b"T")
def string4(self: Machine) -> None:
    _old_string(self, "<i")


def _bytes(self: Machine, form: str, empty: bytes) -> None:
    size = self.number(form)
    if size <= BYTES_TAPED:
        self.note(self.stream.peek(size))
    else:
        self.untape(1 + struct.calcsize(form), empty)
    self.stack.append(self.literal(size))


@operation(b"C")
def bytes1(self: Machine) -> None:
    _bytes(self, "B", b"C\x00")


@operation(b"B")
def bytes4(self: Machine) -> None:
    _bytes(self, "<I", b"C\x00")


@operation(b"\x8e")
def bytes8(self: Machine) -> None:
    _bytes(self, "<Q", b"C\x00")


@operation(b"\x96")
def bytearray8(self: Machine) -> None:
    _bytes(self, "<Q", b"\x96" + bytes(8))


@operation(b"\x97")
def next_buffer(self: Machine) -> None:
    self.stack.append(Made(None))


@operation(b"\x98")
def readonly_buffer(self: Machine) -> None:
    self.top()
