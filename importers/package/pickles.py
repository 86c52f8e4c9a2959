"""Follows a pickle, also one of joblib with raw arrays inside, and notes what loading it would import and call."""

from collections.abc import Callable
from typing import Any

from importers.package import containers, literals  # noqa: F401 - they register their opcodes
from importers.package.arrays import LONG_TEXT, OPAQUE, Blob, Global, Items, Made, Table, wrapper_layout
from importers.package.evidence import BLOCKED, Evidence
from importers.package.machine import OPERATIONS, Machine, operation
from importers.package.opinion import TAPE_BYTES, Tapes
from importers.package.streams import MemorySource, ScanStop, Span, Stream

WINDOW = 64 * 1024
WRAPPERS = frozenset(
    {
        Global("joblib.numpy_pickle", "NumpyArrayWrapper"),
        Global("sklearn.externals.joblib.numpy_pickle", "NumpyArrayWrapper"),
    }
)
# Functions that make an object of the class they are given first.
CONSTRUCTORS = frozenset(
    f"{module}.{name}"
    for module in ("copyreg", "copy_reg")
    for name in ("_reconstructor", "__newobj__", "__newobj_ex__")
) | {"pandas.core.indexes.base._new_Index"}
PLAIN_OBJECTS = (Global("builtins", "object"), Global("__builtin__", "object"))
LOADS_BYTES = Global("torch.storage", "_load_from_bytes")
PICKLE_HEADS = tuple(bytes([0x80, protocol]) for protocol in range(2, 6))
NESTED_HEADS = (*PICKLE_HEADS, b"PK\x03\x04", b"\x1f\x8b\x08", b"BZh", b"\xfd7zXZ\x00", b"\x93NUMPY")
NESTED_HEADS += (b"x\x01", b"x\x5e", b"x\x9c", b"x\xda")

Nested = Callable[[bytes], bool]


class Pickle(Machine):
    """One pickle. `nested` looks into bytes that a literal holds and says whether it saw all of them.

    `joblib` follows raw arrays behind joblib's placeholders, as joblib's own unpickler does.
    """

    def __init__(
        self,
        stream: Stream,
        evidence: Evidence,
        member: str,
        *,
        nested: Nested,
        tapes: Tapes | None = None,
        held_bytes: int,
        joblib: bool = True,
        dry: bool = False,
    ) -> None:
        super().__init__(stream, tape_limit=0 if dry or tapes is None else TAPE_BYTES, dry=dry)
        self.evidence = evidence
        self.member = member
        self.nested = nested
        self.tapes = tapes
        self.held_bytes = held_bytes
        self.joblib = joblib
        self.effects = False
        self.called = False
        self.wrapped = False
        self.storages: dict[str, tuple[str, int]] = {}

    def run(self) -> None:
        """Follow opcodes to STOP; what was seen is kept for the second opinion, also when it broke off."""
        try:
            self._follow()
        finally:
            if self.tapes and self.effects:
                self.tapes.add(bytes(self.tape), whole=not self.running and self.tape_limit > 0)
            self.tape.clear()

    def _follow(self) -> None:
        read, tape = self.stream.read, self.tape
        while self.running:
            code = read(1)
            handler = OPERATIONS.get(code)
            if handler is None:
                raise ScanStop("scan.damaged")
            if self.tape_limit:
                tape += code
            handler(self)
        if self.frame_end > self.stream.position:
            # What follows is read from here by some, and from the end of the frame by others.
            raise ScanStop("scan.ambiguous")

    def literal(self, size: int) -> Any:
        if self.dry or not self.stream.peek(8)[:size].startswith(NESTED_HEADS):
            self.stream.skip(size)
            return Blob()
        if size > self.held_bytes:
            self.stream.skip(size)
            self.evidence.add("scan.too_large", self.member)
            return Blob()
        return Blob(self.nested(self.stream.read(size)))

    def imports(self, module: str, name: str) -> Global:
        """Note an import."""
        self.effects = True
        self.evidence.imported(module, name, self.member)
        found = Global(module, name)
        self.wrapped = self.wrapped or found in WRAPPERS
        return found

    def call(self, function: Any, args: Any) -> Any:
        """Note a call and give what it makes."""
        self.effects = self.called = True
        if isinstance(function, Made):
            made_by = function.maker.full if function.maker else "?"
            self.evidence.add("scan.computed_call", self.member, made_by)
            return Made(None)
        if not isinstance(function, Global):
            raise ScanStop("scan.damaged")
        if function == LOADS_BYTES and args != (Blob(analysed=True),):
            self.evidence.add("scan.blocked_import", self.member, function.full)
        if function.full in CONSTRUCTORS and isinstance(args, tuple) and args and isinstance(args[0], Global):
            return self.make(args[0], () if args[1:] in ((), *((plain, None) for plain in PLAIN_OBJECTS)) else args[1:])
        return self.make(function, args)

    def make(self, cls: Any, args: Any) -> Made:
        """An object of a class; an array placeholder only in the one form joblib writes."""
        self.effects = self.called = True
        if not isinstance(cls, Global):
            self.evidence.add("scan.computed_call", self.member, "?")
            return Made(None)
        if (cls in WRAPPERS and args != ()) or _mentions_wrapper(args, 0):
            raise ScanStop("scan.ambiguous")
        return Made(cls, args)

    def build(self, target: Any, state: Any) -> None:
        """Give an object its state; behind an array placeholder the array itself follows."""
        if isinstance(target, Global):
            self.evidence.add("scan.tampered", self.member, target.full)
        elif isinstance(target, Made) and target.maker in WRAPPERS and not self.dry:
            self._build_wrapper(target, state)
        elif isinstance(target, Made):
            if target.maker is None and self.wrapped:
                raise ScanStop("scan.ambiguous")
            if not self.dry:
                target.state = state

    def _build_wrapper(self, wrapper: Made, state: Any) -> None:
        unsure = not isinstance(state, Table) or not state.whole or self.frame_end > self.stream.position
        if unsure or not self.joblib:
            raise ScanStop("scan.ambiguous")
        wrapper.attributes.update(state.values)
        layout = wrapper_layout(wrapper.attributes)
        self._look_as_plain_pickle(objects=layout.objects)
        if layout.objects:
            self._follow_objects()
        else:
            if layout.padded:
                self.stream.skip(self.stream.read(1)[0])
            self.stream.skip(layout.size)
        self.stack[-1] = Made(Global("numpy", "ndarray"))

    def _follow_objects(self) -> None:
        inner = Pickle(
            self.stream,
            self.evidence,
            self.member,
            nested=self.nested,
            tapes=self.tapes,
            held_bytes=self.held_bytes,
            joblib=False,
        )
        inner.run()

    def _look_as_plain_pickle(self, *, objects: bool) -> None:
        """A loader that does not know joblib reads array bytes as opcodes; see what that would do.

        Where those bytes are a pickle themselves, only what is certain counts: its memo is another one.
        """
        if self.stream.peek(1) not in OPERATIONS:
            return
        window = self.stream.peek(WINDOW)
        evidence = Evidence(self.evidence.engine)
        fork = Pickle(
            Span(MemorySource(window), 0, len(window)).open(),
            evidence,
            self.member,
            nested=self.nested,
            held_bytes=self.held_bytes,
            dry=True,
        )
        fork.stack, fork.memo = list(self.stack), dict(self.memo)
        fork.below = [list(level) for level in self.below]
        try:
            fork.run()
        except ScanStop as stop:
            went_on = stop.code == "scan.truncated" and len(window) >= WINDOW
        else:
            went_on = False
        if objects:
            evidence.reasons.pop("scan.hidden_import", None)
        if fork.called:
            self.evidence.merge(evidence, only=(BLOCKED,))
        if not objects and (fork.called or went_on):
            self.evidence.add("scan.ambiguous", self.member)


def _mentions_wrapper(value: Any, depth: int) -> bool:
    if isinstance(value, tuple) and depth < 8:
        return any(_mentions_wrapper(item, depth + 1) for item in value)
    return value in WRAPPERS if isinstance(value, Global) else isinstance(value, Made) and value.maker in WRAPPERS


def _is_text_or_unknown(value: Any) -> bool:
    return isinstance(value, str | Made) or value is LONG_TEXT


@operation(b"\x93")
def stack_global(self: Pickle) -> None:
    name, module = self.pop(), self.pop()
    if isinstance(name, str) and isinstance(module, str):
        self.stack.append(self.imports(module, name))
        return
    if not (_is_text_or_unknown(name) and _is_text_or_unknown(module)):
        raise ScanStop("scan.damaged")
    self.effects = True
    self.evidence.add("scan.hidden_import", self.member)
    self.stack.append(Made(None))


def _line(self: Pickle) -> str:
    try:
        return self.take_line().decode("utf-8")
    except UnicodeDecodeError as error:
        raise ScanStop("scan.damaged") from error


@operation(b"c")
def global_line(self: Pickle) -> None:
    module = _line(self)
    self.stack.append(self.imports(module, _line(self)))


@operation(b"i")
def instance_line(self: Pickle) -> None:
    module = _line(self)
    cls = self.imports(module, _line(self))
    args = tuple(self.pop_mark())
    self.stack.append(self.call(cls, args))


@operation(b"o")
def instance(self: Pickle) -> None:
    items = self.pop_mark()
    if not items:
        raise ScanStop("scan.damaged")
    self.stack.append(self.call(items[0], tuple(items[1:])))


@operation(b"R")
def reduce(self: Pickle) -> None:
    args, function = self.pop(), self.pop()
    self.stack.append(self.call(function, args))


@operation(b"\x81")
def new_object(self: Pickle) -> None:
    args, cls = self.pop(), self.pop()
    self.stack.append(self.make(cls, args))


@operation(b"\x92")
def new_object_with_keywords(self: Pickle) -> None:
    keywords, args, cls = self.pop(), self.pop(), self.pop()
    given = () if isinstance(keywords, Table) and keywords.whole and not keywords.values else (keywords,)
    self.stack.append(self.make(cls, args if not given else OPAQUE))


@operation(b"b")
def build(self: Pickle) -> None:
    state = self.pop()
    self.build(self.top(), state)


def _extension(self: Pickle, form: str) -> None:
    self.effects = True
    self.evidence.add("scan.outside_import", self.member, f"copyreg extension {self.number(form)}")
    self.stack.append(Made(None))


@operation(b"\x82")
def extension1(self: Pickle) -> None:
    _extension(self, "B")


@operation(b"\x83")
def extension2(self: Pickle) -> None:
    _extension(self, "<H")


@operation(b"\x84")
def extension4(self: Pickle) -> None:
    _extension(self, "<i")


@operation(b"P")
def persistent_line(self: Pickle) -> None:
    self.take_line()
    self.effects = True
    self.stack.append(Made(None))


@operation(b"Q")
def persistent(self: Pickle) -> None:
    key = self.pop()
    self.effects = True
    if isinstance(key, tuple) and len(key) >= 5 and key[0] == "storage" and isinstance(key[1], Global):
        self.storages[str(key[2])] = (key[1].name, key[4] if type(key[4]) is int else -1)
    self.stack.append(Made(None))


def keys_in(value: Any) -> list[str] | None:
    """The texts of a list, when it holds nothing else."""
    if isinstance(value, Items) and value.whole and all(isinstance(key, str) for key in value.values):
        return list(value.values)
    return None
