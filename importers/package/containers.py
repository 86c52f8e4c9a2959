"""The opcodes of a pickle that move the stack, build containers and use the memo."""

from typing import Any

from importers.package.arrays import OPAQUE, Items, Table
from importers.package.literals import decimal
from importers.package.machine import Machine, operation
from importers.package.streams import ScanStop

CONTAINER_KEPT = 4096


@operation(b"(")
def mark(self: Machine) -> None:
    self.below.append(self.stack)
    self.stack = []


@operation(b"0")
def drop(self: Machine) -> None:
    if self.stack:
        self.stack.pop()
    else:
        self.pop_mark()


@operation(b"1")
def drop_mark(self: Machine) -> None:
    self.pop_mark()


@operation(b"2")
def duplicate(self: Machine) -> None:
    self.stack.append(self.top())


@operation(b")")
def empty_tuple(self: Machine) -> None:
    self.stack.append(())


def _tuple(items: list[Any]) -> Any:
    return tuple(items) if len(items) <= 64 else OPAQUE


@operation(b"t")
def make_tuple(self: Machine) -> None:
    items = self.pop_mark()
    self.stack.append(_tuple(items))


@operation(b"\x85")
def tuple1(self: Machine) -> None:
    self.stack.append((self.pop(),))


@operation(b"\x86")
def tuple2(self: Machine) -> None:
    second, first = self.pop(), self.pop()
    self.stack.append((first, second))


@operation(b"\x87")
def tuple3(self: Machine) -> None:
    third, second, first = self.pop(), self.pop(), self.pop()
    self.stack.append((first, second, third))


@operation(b"]")
def empty_list(self: Machine) -> None:
    self.stack.append(Items())


@operation(b"l")
def make_list(self: Machine) -> None:
    values = self.pop_mark()
    self.stack.append(Items(values[:CONTAINER_KEPT], len(values) <= CONTAINER_KEPT))


def _extend(self: Machine, target: Any, values: list[Any]) -> None:
    if self.dry or not isinstance(target, Items):
        return
    if target.whole and len(target.values) + len(values) <= CONTAINER_KEPT:
        target.values.extend(values)
    else:
        target.whole = False


@operation(b"a")
def append(self: Machine) -> None:
    value = self.pop()
    _extend(self, self.top(), [value])


@operation(b"e", b"\x90")
def extend(self: Machine) -> None:
    values = self.pop_mark()
    _extend(self, self.top(), values)


@operation(b"}")
def empty_dict(self: Machine) -> None:
    self.stack.append(Table())


def _set(self: Machine, target: Any, values: list[Any]) -> None:
    if len(values) % 2:
        raise ScanStop("scan.damaged")
    if self.dry or not isinstance(target, Table):
        return
    for key, value in zip(values[::2], values[1::2], strict=True):
        if target.whole and type(key) is str and len(target.values) < CONTAINER_KEPT:
            target.values[key] = value
        else:
            target.whole = False


@operation(b"d")
def make_dict(self: Machine) -> None:
    values = self.pop_mark()
    table = Table()
    dry, self.dry = self.dry, False
    _set(self, table, values)
    self.dry = dry
    self.stack.append(table)


@operation(b"s")
def set_item(self: Machine) -> None:
    value, key = self.pop(), self.pop()
    _set(self, self.top(), [key, value])


@operation(b"u")
def set_items(self: Machine) -> None:
    values = self.pop_mark()
    _set(self, self.top(), values)


@operation(b"\x8f")
def empty_set(self: Machine) -> None:
    self.stack.append(OPAQUE)


@operation(b"\x91")
def frozen_set(self: Machine) -> None:
    self.pop_mark()
    self.stack.append(OPAQUE)


@operation(b"g")
def get_line(self: Machine) -> None:
    self.stack.append(self.recall(decimal(self.take_line())))


@operation(b"h")
def get1(self: Machine) -> None:
    self.stack.append(self.recall(self.number("B")))


@operation(b"j")
def get4(self: Machine) -> None:
    self.stack.append(self.recall(self.number("<I")))


@operation(b"p")
def put_line(self: Machine) -> None:
    self.remember(decimal(self.take_line()), self.top())


@operation(b"q")
def put1(self: Machine) -> None:
    self.remember(self.number("B"), self.top())


@operation(b"r")
def put4(self: Machine) -> None:
    self.remember(self.number("<I"), self.top())


@operation(b"\x94")
def memoize(self: Machine) -> None:
    self.remember(len(self.memo), self.top())
