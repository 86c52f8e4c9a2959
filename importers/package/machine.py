"""A pickle machine that follows stack and memo without making any object; what opcodes do is registered with it."""

import struct
from collections.abc import Callable
from typing import Any

from importers.package.arrays import OPAQUE
from importers.package.streams import ScanStop, Stream

Handler = Callable[[Any], None]
OPERATIONS: dict[bytes, Handler] = {}

NUMBERS = {form: (struct.Struct(form).unpack, struct.calcsize(form)) for form in ("B", "<H", "<i", "<I", "<Q")}
MEMO_KEPT = 4_000_000
LINE_LIMIT = 16 * 1024 * 1024


def operation(*codes: bytes) -> Callable[[Handler], Handler]:
    """Register the handler of one or more opcodes."""

    def register(handler: Handler) -> Handler:
        OPERATIONS.update(dict.fromkeys(codes, handler))
        return handler

    return register


class Machine:
    """One pickle being followed. Subclasses add what imports, calls and builds mean.

    `tape` is the pickle again with long literals emptied and raw arrays left out, for a second analyser.
    A dry machine changes no container, because it shares them with the machine it was forked from.
    """

    def __init__(self, stream: Stream, *, tape_limit: int = 0, dry: bool = False) -> None:
        self.stream = stream
        self.stack: list[Any] = []
        self.below: list[list[Any]] = []
        self.memo: dict[int, Any] = {}
        self.protocol = 0
        self.dry = dry
        self.tape = bytearray()
        self.tape_limit = tape_limit
        self.frame_end = 0
        self.result: Any = OPAQUE
        self.running = True

    def take(self, size: int) -> bytes:
        """Read operand bytes and keep them on the tape."""
        data = self.stream.read(size)
        if self.tape_limit:
            self.note(data)
        return data

    def take_line(self) -> bytes:
        data = self.stream.line(LINE_LIMIT)
        self.note(data + b"\n")
        return data

    def note(self, data: bytes) -> None:
        """Write on the tape, until it is full."""
        if self.tape_limit:
            self.tape += data
            if len(self.tape) > self.tape_limit:
                self.tape_limit = 0

    def number(self, form: str) -> int:
        """A little-endian operand."""
        unpack, size = NUMBERS[form]
        value: int = unpack(self.take(size))[0]
        return value

    def untape(self, size: int, instead: bytes) -> None:
        """Replace the last bytes of the tape."""
        if self.tape_limit:
            del self.tape[-size:]
            self.tape += instead

    def pop(self) -> Any:
        if not self.stack:
            raise ScanStop("scan.damaged")
        return self.stack.pop()

    def top(self) -> Any:
        if not self.stack:
            raise ScanStop("scan.damaged")
        return self.stack[-1]

    def pop_mark(self) -> list[Any]:
        """What lies above the last mark."""
        if not self.below:
            raise ScanStop("scan.damaged")
        items, self.stack = self.stack, self.below.pop()
        return items

    def remember(self, key: int, value: Any) -> None:
        self.memo[key] = value
        if len(self.memo) > MEMO_KEPT:
            raise ScanStop("scan.too_complex")

    def recall(self, key: int) -> Any:
        if key not in self.memo:
            raise ScanStop("scan.damaged")
        return self.memo[key]

    def literal(self, size: int) -> Any:
        """A bytes literal; subclasses look into it."""
        self.stream.skip(size)
        return OPAQUE
