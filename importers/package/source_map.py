"""Reading JSON with the place of every value: no recursion, strict, duplicate keys reported."""

import json
import re
from bisect import bisect_right
from functools import cached_property
from typing import Any

DEEPEST = 64
MOST_DUPLICATES = 100
_LONGEST_NUMBER = 300
_SPACE = re.compile(r"[ \t\n\r]*")
_STRING = re.compile(r'"[^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*)*"')
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_WORD = re.compile(r"true|false|null")
_WORDS = {"true": True, "false": False, "null": None}
# PostgreSQL stores neither in its JSON; both are legal in a JSON text.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_SNIPPET = re.compile(r"//|/\*|\w{1,20}|.", re.DOTALL)


class JsonProblem(Exception):
    """The text is not JSON, or nested too deep: a code, where, and what was found there."""

    def __init__(self, code: str, offset: int, found: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.offset = offset
        self.found = found


class Node:
    """An object or array: its place, its value and the places of its members."""

    __slots__ = ("closing", "members", "offset", "value")

    def __init__(self, offset: int, value: dict[str, Any] | list[Any]) -> None:
        self.offset = offset
        self.value = value
        self.members: dict[str | int, Node | int] = {}
        self.closing = "}" if isinstance(value, dict) else "]"


class Lines:
    """Turns offsets into lines and columns, both from 1."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(match.end() for match in re.finditer("\n", self.text))]

    def place(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1


class Document(Lines):
    """A parsed text. `duplicates` are pointers with the offset of the repeated key; `odd` are offsets of values
    that had to be changed: unstorable characters became U+FFFD, numbers out of range became text."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.duplicates: list[tuple[str, int]] = []
        self.odd: list[int] = []
        self.root: Node | int = 0
        self.value: Any = None

    def offset(self, pointer: str) -> int:
        """Where the value of a JSON pointer begins; its nearest parent's place when it is not in the text."""
        node = self.root
        for part in pointer.split("/")[1:]:
            child = _member(node, part)
            if child is None:
                break
            node = child
        return node.offset if isinstance(node, Node) else node

    def number_text(self, pointer: str) -> str:
        """A number as it was written, so that 1.10 stays 1.10."""
        match = _NUMBER.match(self.text, self.offset(pointer))
        return match[0] if match else ""


def _member(node: Node | int, part: str) -> Node | int | None:
    if isinstance(node, int):
        return None
    if isinstance(node.value, list):
        return node.members.get(int(part)) if part.isdecimal() and len(part) < 9 else None
    return node.members.get(part.replace("~1", "/").replace("~0", "~"))


def pointer_to(*parts: str | int) -> str:
    """The JSON pointer of a path of keys and indexes."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def parse(text: str) -> Document:
    """Read a JSON text strictly; raises JsonProblem at the first fault."""
    return _Reader(text).read()


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.stack: list[Node] = []
        self.keys: list[str | int] = []
        self.document = Document(text)

    def read(self) -> Document:
        self.document.value, self.document.root = self._value()
        while self.stack:
            self._step()
        self._skip()
        if self.at < len(self.text):
            raise self._unexpected("config.syntax_extra")
        return self.document

    def _step(self) -> None:
        """Read one member of the innermost open container, or its end."""
        node = self.stack[-1]
        self._skip()
        if self.text.startswith(node.closing, self.at):
            self.at += 1
            self.stack.pop()
            if self.keys:
                self.keys.pop()
            return
        if node.members:
            self._expect(",")
        if isinstance(node.value, dict):
            self._object_member(node, node.value)
        else:
            self._array_member(node, node.value)

    def _object_member(self, node: Node, members: dict[str, Any]) -> None:
        self._skip()
        start = self.at
        if not self.text.startswith('"', start):
            raise self._unexpected()
        key = self._string()
        if key in members and len(self.document.duplicates) < MOST_DUPLICATES:
            self.document.duplicates.append((pointer_to(*self.keys, key), start))
        self._expect(":")
        members[key], node.members[key] = self._value(key)

    def _array_member(self, node: Node, members: list[Any]) -> None:
        value, place = self._value(len(members))
        node.members[len(members)] = place
        members.append(value)

    def _value(self, key: str | int | None = None) -> tuple[Any, Node | int]:
        self._skip()
        start = self.at
        first = self.text[start : start + 1]
        if first in {"{", "["}:
            return self._open(start, {} if first == "{" else [], key)
        if first == '"':
            return self._string(), start
        if match := _NUMBER.match(self.text, start):
            self.at = match.end()
            return self._number(match), start
        if match := _WORD.match(self.text, start):
            self.at = match.end()
            return _WORDS[match[0]], start
        raise self._unexpected()

    def _open(self, start: int, value: dict[str, Any] | list[Any], key: str | int | None) -> tuple[Any, Node]:
        if len(self.stack) >= DEEPEST:
            raise JsonProblem("config.too_deep", start)
        node = Node(start, value)
        self.stack.append(node)
        if key is not None:
            self.keys.append(key)
        self.at += 1
        return value, node

    def _string(self) -> str:
        match = _STRING.match(self.text, self.at)
        if match is None:
            raise JsonProblem("config.syntax_string", self.at)
        start, self.at = self.at, match.end()
        text: str = json.loads(match[0]) if "\\" in match[0] else match[0][1:-1]
        if _UNSTORABLE.search(text):
            self.document.odd.append(start)
            text = _UNSTORABLE.sub("\ufffd", text)
        return text

    def _number(self, match: re.Match[str]) -> int | float | str:
        raw = match[0]
        number = float(raw) if match[1] or match[2] or len(raw) > _LONGEST_NUMBER else int(raw)
        if number in (float("inf"), float("-inf")):
            self.document.odd.append(match.start())
            return raw
        return number

    def _expect(self, char: str) -> None:
        self._skip()
        if not self.text.startswith(char, self.at):
            raise self._unexpected()
        self.at += 1

    def _skip(self) -> None:
        match = _SPACE.match(self.text, self.at)
        self.at = match.end() if match else self.at

    def _unexpected(self, code: str = "config.syntax_unexpected") -> JsonProblem:
        snippet = _SNIPPET.match(self.text, self.at)
        return JsonProblem(code, self.at, snippet[0]) if snippet else JsonProblem("config.syntax_ended", self.at)
