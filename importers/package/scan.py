"""Looks through one file whatever its name: unwraps it layer by layer and notes what loading it would do."""

import re
from collections.abc import Callable

from importers.package import formats, protobuf
from importers.package.archives import Member, find_directory, tar_members, zip_members
from importers.package.arrays import read_npy_header
from importers.package.evidence import BLOCKED, CLEAN, REVIEW, Evidence
from importers.package.opinion import Tapes
from importers.package.pickles import PICKLE_HEADS, Pickle, keys_in
from importers.package.signatures import search
from importers.package.streams import (
    Budget,
    Data,
    FileSource,
    MemorySource,
    ScanLimits,
    ScanStop,
    Span,
    Stream,
)
from importers.package.unpacking import Packed

# Raised by a step or two when what is allowed, blocked or recognised changes; stored with every report.
RULES = "2"
TORCH_MAGIC = 0x1950A86A20F9469CFC6C
TORCH_SIZES = {
    "Float": 4, "Double": 8, "Half": 2, "BFloat16": 2, "Long": 8, "Int": 4, "Short": 2, "Char": 1, "Byte": 1,
    "Bool": 1, "QInt8": 1, "QUInt8": 1, "QInt32": 4, "ComplexFloat": 8, "ComplexDouble": 16,
}  # fmt: skip
TORCH_TENSOR = re.compile(r"([^/]+)/(?:data|constants|tensors)/\d+")
PADDING = b"\x00\n\r\t "
PICKLES_KEPT = 5
ZFILE_HEADS = (19, 21)

Look = Callable[[Data, str, int], None]


def scan_file(descriptor: int, size: int, path: str, *, engine: str, limits: ScanLimits) -> Evidence:
    """What was seen in an open file. Never raises for what the file holds."""
    scan = _Scan(engine, limits)
    whole = Span(FileSource(descriptor), 0, size)
    look = scan.look_at_tensors if formats.RAW_TENSORS.fullmatch(path) else scan.look
    look(whole, path, 0)
    scan.tapes.give_opinion(scan.evidence, path)
    return scan.evidence


class _Scan:
    def __init__(self, engine: str, limits: ScanLimits) -> None:
        self.evidence = Evidence(engine)
        self.limits = limits
        self.budget = Budget(limits)
        self.tapes = Tapes()
        self._kinds: dict[str, Look] = {
            "zip": self._zip,
            "tar": self._tar,
            "npy": self._npy,
            "pickle": self._pickles,
            "safetensors": self._safetensors,
            "zfile": self._zfile,
            "hdf5": self._watched,
            "data": self._as_it_is,
            "native": self._noted("scan.native_code"),
            "bytecode": self._noted("scan.bytecode"),
            "unsupported": self._noted("scan.unsupported"),
        }
        for codec in ("gzip", "bz2", "xz", "lzma", "zlib"):
            self._kinds[codec] = self._packed(codec)

    def look(self, data: Data, member: str, depth: int) -> None:
        """Look through content; whatever stops that is a reason and not an error."""
        if depth > self.limits.depth:
            self.evidence.add("scan.too_deep", member)
            return
        try:
            kind = formats.recognise(data.open().peek(formats.HEAD), data.size if isinstance(data, Span) else None)
            handle = self._kinds.get(kind)
            if handle is not None:
                handle(data, member, depth)
            else:
                self._unmarked(data, member, depth)
            if kind != "zip":
                self._zip_behind(data, member, depth)
        except ScanStop as stop:
            self.evidence.add(stop.code, member)
        except (MemoryError, RecursionError):
            self.evidence.add("scan.too_large", member)

    def _aside(self) -> "_Scan":
        """A second scan with evidence of its own, that spends from the same budget."""
        aside = _Scan(self.evidence.engine, self.limits)
        aside.budget, aside.tapes = self.budget, self.tapes
        return aside

    def look_at_tensors(self, data: Data, member: str, depth: int) -> None:
        """Raw tensors may look like anything, broken archives included; only what would really run counts."""
        aside = self._aside()
        aside.look(data, member, depth)
        self.evidence.merge(aside.evidence, only=(REVIEW, BLOCKED))

    def _noted(self, code: str) -> Look:
        def note(data: Data, member: str, depth: int) -> None:
            self.evidence.add(code, member)

        return note

    def _as_it_is(self, data: Data, member: str, depth: int) -> None:
        """Recognised, and of a kind that holds no code."""

    def _watched(self, data: Data, member: str, depth: int) -> None:
        formats.watch(data.open(), self.evidence, member)

    # Containers

    def _zip_behind(self, data: Data, member: str, depth: int) -> None:
        """Some loaders find a zip by its end, whatever stands before it."""
        if isinstance(data, Span) and find_directory(data) is not None:
            self.evidence.add("scan.archive_hides", member)
            self._zip(data, member, depth)

    def _zip(self, data: Data, member: str, depth: int) -> None:
        span = self._held(data)
        tensors: set[str] = set()
        for part in zip_members(span, self.budget, self.evidence, member):
            match = TORCH_TENSOR.fullmatch(part.name)
            if part.name.endswith("/data.pkl"):
                tensors.add(part.name.removesuffix("/data.pkl"))
            raw = bool(match and match[1] in tensors)
            self._member(part, member, depth, look=self.look_at_tensors if raw else self.look)

    def _member(self, part: Member, member: str, depth: int, *, look: Look | None = None) -> None:
        name = f"{member}/{part.name}" if part.name else member
        (look or self.look)(part.data, name, depth + 1)
        if isinstance(part.data, Packed):
            self._whole(part.data, name)

    def _whole(self, packed: Packed, member: str) -> None:
        """An entry of an archive must be unpackable to its end, and nothing may lie behind that."""
        try:
            if _end_of(packed) is not None:
                self.evidence.add("scan.archive_hides", member)
        except ScanStop as stop:
            self.evidence.add(stop.code, member)

    def _tar(self, data: Data, member: str, depth: int) -> None:
        for part in tar_members(data, self.budget, self.evidence, member):
            self._member(part, member, depth)

    def _held(self, data: Data) -> Span:
        """The content where any place of it can be read; unpacked content is held in memory for that."""
        if isinstance(data, Span):
            return data
        content = data.open().peek(self.limits.held_bytes + 1)
        if len(content) > self.limits.held_bytes:
            raise ScanStop("scan.too_large")
        return Span(MemorySource(content), 0, len(content))

    def _packed(self, codec: str) -> Look:
        def unpack(data: Data, member: str, depth: int) -> None:
            packed = Packed(data, codec, self.budget)
            self.look(packed, member, depth + 1)
            behind = _end_of(packed)
            if behind is not None:
                self._rest(data.rest(behind), member, depth + 1)

        return unpack

    def _zfile(self, data: Data, member: str, depth: int) -> None:
        """joblib before 0.10: a head that tells the size, then zlib."""
        head = data.open().peek(max(ZFILE_HEADS) + 2)
        start = next((size for size in ZFILE_HEADS if head[size : size + 1] == b"\x78"), None)
        if start is None:
            raise ScanStop("scan.damaged")
        self.look(data.rest(start), member, depth + 1)

    def _rest(self, rest: Data, member: str, depth: int) -> None:
        """What follows content that was complete: padding is nothing, all else is looked at."""
        stream = rest.open()
        head = stream.peek(formats.HEAD)
        if not head.strip(PADDING) and (len(head) < formats.HEAD or stream.drain() < 0):
            return
        aside = self._aside()
        aside.look(rest, member, depth + 1)
        if aside.evidence.reasons.pop("scan.unknown_content", None):
            self.evidence.add("scan.trailing_data", member)
        self.evidence.merge(aside.evidence)

    # Pickles and arrays

    def _pickle(
        self, stream: Stream, evidence: Evidence, tapes: Tapes, member: str, depth: int, *, joblib: bool = True
    ) -> Pickle:
        def nested(content: bytes) -> bool:
            inside = self._aside()
            inside.look(Span(MemorySource(content), 0, len(content)), member, depth + 1)
            evidence.merge(inside.evidence, only=(REVIEW, BLOCKED))
            return inside.evidence.verdict in (CLEAN, REVIEW)

        return Pickle(
            stream,
            evidence,
            member,
            nested=nested,
            tapes=tapes,
            held_bytes=self.limits.held_bytes,
            joblib=joblib,
        )

    def _pickles(self, data: Data, member: str, depth: int, *, joblib: bool = True) -> None:
        """Pickles one after another, as many loaders write and read them; behind those of torch raw tensors follow."""
        self.evidence.add("scan.pickle", member)
        stream = data.open()
        results: list[Pickle] = []
        while True:
            pickle = self._pickle(stream, self.evidence, self.tapes, member, depth, joblib=joblib)
            try:
                pickle.run()
            except ScanStop:
                search(data.open(), self.evidence, member)
                raise
            pickle.memo.clear()
            if len(results) < PICKLES_KEPT:
                results.append(pickle)
                _skip_torch_tensors(stream, results)
            if not stream.peek(2).startswith(PICKLE_HEADS):
                break
            self.budget.entry()
        if not stream.at_end():
            self._rest(data.rest(stream.position), member, depth)

    def _npy(self, data: Data, member: str, depth: int) -> None:
        stream = data.open()
        layout = read_npy_header(stream)
        if layout.objects:
            self._pickles(data.rest(stream.position), member, depth, joblib=False)
            return
        stream.skip(layout.size)
        if not stream.at_end():
            self._rest(data.rest(stream.position), member, depth)

    def _safetensors(self, data: Data, member: str, depth: int) -> None:
        stream = data.open()
        formats.check_safetensors(stream)
        if not stream.at_end():
            self._rest(data.rest(stream.position), member, depth)

    # Content without a mark of its own

    def _unmarked(self, data: Data, member: str, depth: int) -> None:
        first = data.open().peek(formats.HEAD)
        if first and self._old_pickle(data, member, depth):
            return
        if formats.check_text(data.open(), self.evidence, member):
            if not depth and formats.is_never_text(member, first):
                self.evidence.add("scan.unexpected_text" if first else "scan.empty", member)
            return
        if self._is_structured(data, first, member):
            return
        if not _is_sorted_table(data):
            self.evidence.add("scan.unknown_content", member)

    def _old_pickle(self, data: Data, member: str, depth: int) -> bool:
        """Follow a pickle of protocol 0 or 1, which has no mark; texts may begin like one, so it must prove itself."""
        seen, tapes = Evidence(self.evidence.engine), Tapes()
        stream = data.open()
        pickle = self._pickle(stream, seen, tapes, member, depth)
        try:
            pickle.run()
        except ScanStop as stop:
            if not pickle.called or seen.verdict != BLOCKED:
                return False
            seen.add(stop.code, member)
        else:
            if not pickle.effects:
                return False
        self.evidence.add("scan.pickle", member)
        tapes.give_opinion(seen, member)
        self.evidence.merge(seen)
        if not pickle.running and not stream.at_end():
            self._rest(data.rest(stream.position), member, depth)
        return True

    def _is_structured(self, data: Data, first: bytes, member: str) -> bool:
        if protobuf.looks_like_saved_model(first) and protobuf.is_protobuf(data.open(), frozenset({1, 2})):
            protobuf.check_saved_model(data.open(), self.evidence, member)
            return True
        if protobuf.is_protobuf(data.open()):
            formats.watch(data.open(), self.evidence, member)
            return True
        return protobuf.is_ubjson(data.open())


def _end_of(packed: Packed) -> int | None:
    """Where in the packed content something else follows; unpacks everything to know, unless that was done already."""
    if not packed.ends:
        packed.open().drain()
    return packed.ends[0]


def _skip_torch_tensors(stream: Stream, pickles: list[Pickle]) -> None:
    """Behind torch's five pickles: for each key its number of elements, then the elements."""
    if len(pickles) < PICKLES_KEPT or pickles[0].result != TORCH_MAGIC:
        return
    storages = pickles[3].storages
    for key in keys_in(pickles[4].result) or ():
        kind, count = storages.get(key, ("", -1))
        width = TORCH_SIZES.get(kind.removesuffix("Storage"), 0)
        if int.from_bytes(stream.peek(8), "little") != count or not width:
            return
        stream.skip(8 + count * width)


def _is_sorted_table(data: Data) -> bool:
    """The index beside TensorFlow's variables; its mark is at its end."""
    return isinstance(data, Span) and data.at(data.size - 8, 8) == formats.TABLE_END
