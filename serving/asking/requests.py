"""Turns what was filled in into the bytes of a request."""

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from registry.config import FORM_TYPE, JSON_TYPE, Api
from serving.asking.fields import Field, Kind, fields, method_of, sends_form, text_of
from serving.asking.schema import NotOfKind, cast, kind_of, properties_of

_MEDIA_TYPE = re.compile(r"[\w.+-]{1,80}/[\w.+-]{1,80}")
_BREAKING = {'"': "%22", "\r": "%0D", "\n": "%0A"}
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PATH_SAFE = "/:@!$&'()*+,;=-._~"
LONGEST_FILE_NAME = 200
_LONGEST_LINE = 88
# What a narrow editor shows of a list that needs several lines.
_FILLED_LINE = 52
# Deeper than that JSON stays on its line: margins must not grow into many times the text.
_DEEPEST_SHOWN = 16
OCTETS = "application/octet-stream"


@dataclass(frozen=True)
class SentFile:
    """One file of a form."""

    name: str
    content_type: str
    data: bytes


@dataclass(frozen=True)
class Asked:
    """A request, ready to be sent."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def as_dict(self) -> dict[str, Any]:
        """The form that is stored; `from_dict` reads it back."""
        body = base64.b64encode(self.body).decode()
        return {"method": self.method, "path": self.path, "headers": dict(self.headers), "body": body}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> "Asked":
        return cls(stored["method"], stored["path"], stored["headers"], base64.b64decode(stored["body"]))


@dataclass(frozen=True)
class Problem:
    """Why a field cannot be sent, by code; `name` is empty where it is about the whole."""

    name: str
    code: str
    params: Mapping[str, Any] = field(default_factory=dict)


class NotAskable(Exception):
    """What was filled in makes no request."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__()
        self.problems = problems


def request_of(api: Api, values: Mapping[str, str], files: Mapping[str, Sequence[SentFile]]) -> Asked:
    """The request that the filled in fields make: a query, a form, or JSON whose types follow the schema.

    An empty field that is not required is left out. Raises NotAskable with every problem there is.
    """
    declared = fields(api)
    problems = [problem for each in declared for problem in _problems(each, values, files)]
    if problems:
        raise NotAskable(*problems)
    texts = {each.name: values[each.name] for each in declared if not each.is_file and values.get(each.name, "")}
    if method_of(api) == "GET":
        query = urlencode(texts, errors="replace")
        return Asked("GET", path_of(api) + (f"?{query}" if query else ""))
    if sends_form(api):
        parts = {each.name: tuple(files.get(each.name, ())) for each in declared if each.is_file}
        return form_request(api, texts, parts)
    kinds = {name: kind_of(schema) for name, schema in properties_of(api.request.schema)}
    return json_request(api, json.dumps({name: _typed(declared, kinds, name, text) for name, text in texts.items()}))


def json_request(api: Api, text: str) -> Asked:
    """A request with this JSON text; NotAskable where it is none."""
    try:
        json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        where = {"line": error.lineno, "column": error.colno, "error": error.msg}
        raise NotAskable(Problem("", "ask.json_malformed", where)) from None
    except (ValueError, RecursionError):
        raise NotAskable(Problem("", "ask.json_unusable")) from None
    return Asked("POST", path_of(api), {"Content-Type": JSON_TYPE}, text.encode(errors="replace"))


def form_request(api: Api, texts: Mapping[str, str], files: Mapping[str, Sequence[SentFile]]) -> Asked:
    """A form with these texts and files, whatever is declared."""
    parts = [_part(name, text.encode(errors="replace")) for name, text in texts.items()]
    parts += [_part(name, each.data, each) for name, group in files.items() for each in group]
    content = b"".join(parts)
    boundary = _boundary(content)
    body = b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts) + b"--" + boundary + b"--\r\n"
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary.decode()}"}
    return Asked("POST", path_of(api), headers, body)


def path_of(api: Api) -> str:
    """The path of an API as it may stand in a request line."""
    path = quote(api.url.strip(), safe=_PATH_SAFE, errors="replace")
    return path if path.startswith("/") else f"/{path}"


def _problems(each: Field, values: Mapping[str, str], files: Mapping[str, Sequence[SentFile]]) -> list[Problem]:
    if each.is_file:
        missing = each.required and not files.get(each.name)
        return [Problem(each.name, "ask.file_missing")] if missing else []
    text = values.get(each.name, "")
    if not text:
        return [Problem(each.name, "ask.value_missing")] if each.required else []
    try:
        _value(each, text)
    except NotOfKind:
        return [Problem(each.name, f"ask.not_{each.kind.value}")]
    return []


def _value(each: Field, text: str) -> Any:
    """What a field's text means; NotOfKind where it is not what the field takes."""
    if each.kind is Kind.CHOICE and text not in each.choices:
        raise NotOfKind
    if each.kind is Kind.JSON:
        try:
            return json.loads(text, parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            raise NotOfKind from None
    kinds = {Kind.NUMBER: "number", Kind.INTEGER: "integer", Kind.BOOLEAN: "boolean"}
    return cast(kinds.get(each.kind, "string"), text)


def _typed(declared: Sequence[Field], kinds: Mapping[str, str], name: str, text: str) -> Any:
    each = next(candidate for candidate in declared if candidate.name == name)
    if each.kind is not Kind.CHOICE:
        return _value(each, text)
    try:
        return cast(kinds[name] or "string", text)
    except NotOfKind:
        return text


def files_of(asked: Asked) -> list[SentFile]:
    """The files of a form as `form_request` writes it; none of a request that is no such form."""
    kind, _, boundary = asked.headers.get("Content-Type", "").partition("boundary=")
    if not kind.startswith(FORM_TYPE) or not boundary:
        return []
    parts = (b"\r\n" + asked.body).split(b"\r\n--" + boundary.encode() + b"\r\n")[1:]
    ended = [part.removesuffix(b"\r\n--" + boundary.encode() + b"--\r\n") for part in parts]
    return [file for file in map(_file_in, ended) if file is not None]


def _file_in(part: bytes) -> SentFile | None:
    head, _, data = part.partition(b"\r\n\r\n")
    name = re.search(r'; filename="([^"]*)"(?:\r\nContent-Type: (.*))?', head.decode(errors="replace"))
    return SentFile(name[1], name[2] or "", data) if name else None


def _part(name: str, data: bytes, file: SentFile | None = None) -> bytes:
    head = f'Content-Disposition: form-data; name="{_quoted(name)}"'
    if file is not None:
        media = file.content_type if _MEDIA_TYPE.fullmatch(file.content_type) else OCTETS
        head += f'; filename="{_quoted(_base(file.name)) or "file"}"\r\nContent-Type: {media}'
    return head.encode(errors="replace") + b"\r\n\r\n" + data


def _base(name: str) -> str:
    """Without the folders some programs send along."""
    return name.replace("\\", "/").rpartition("/")[2][-LONGEST_FILE_NAME:]


def _quoted(name: str) -> str:
    """As browsers write it: what would end the name or the line is escaped, other control characters are gone."""
    escaped = "".join(_BREAKING.get(character, character) for character in name)
    return _CONTROL.sub("_", escaped).replace("\\", "/")


def _boundary(content: bytes) -> bytes:
    """The same for the same content, and never part of it."""
    number = 0
    while True:
        boundary = b"modelport-" + hashlib.sha256(content + str(number).encode()).hexdigest()[:32].encode()
        if boundary not in content:
            return boundary
        number += 1


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


def pretty(value: Any) -> str:
    """JSON as people read it: a list of plain values fills its lines; what JSON has no form for is a text."""
    return _pretty(value, 0)


def _pretty(value: Any, depth: int) -> str:
    margin, inner = "  " * depth, "  " * (depth + 1)
    if not value or depth == _DEEPEST_SHOWN:
        return _line(value)
    if isinstance(value, Mapping):
        pairs = (f"{inner}{_line(str(name))}: {_pretty(each, depth + 1)}" for name, each in value.items())
        return "{\n" + ",\n".join(pairs) + f"\n{margin}}}"
    if isinstance(value, list) and not _fits(value):
        if _is_plain(value):
            return "[\n" + _filled(value, inner) + f"\n{margin}]"
        return "[\n" + ",\n".join(inner + _pretty(each, depth + 1) for each in value) + f"\n{margin}]"
    return _line(value)


def _fits(values: Sequence[Any]) -> bool:
    return _is_plain(values) and len(values) <= _LONGEST_LINE and len(_line(values)) <= _LONGEST_LINE


def _is_plain(values: Sequence[Any]) -> bool:
    return not any(isinstance(each, Mapping | list) for each in values)


def _filled(values: Sequence[Any], margin: str) -> str:
    """As many values on each line as it holds, so that a long list of numbers is no long column."""
    lines, line = [], ""
    for text in (_line(each) for each in values):
        if line and len(line) + len(text) + 3 > _FILLED_LINE:
            lines.append(f"{line},")
            line = ""
        line = f"{line}, {text}" if line else margin + text
    return "\n".join([*lines, line])


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=text_of)
