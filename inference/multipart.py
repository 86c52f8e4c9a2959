"""multipart/form-data, read as it arrives: {key: {file name: BytesIO}} for files, {key: text} for fields."""

from __future__ import annotations

import io
import re
from typing import Dict, Union
from urllib.parse import unquote

Form = Dict[str, Union[str, Dict[str, io.BytesIO]]]
MOST_PARTS = 1_000
LONGEST_PART_HEAD = 8 * 1024
_LONGEST_BOUNDARY = 200
# A value is a token or quoted; browsers write %22 for a quote inside, others \". A quote that is never closed takes the
# rest, so that reading stays linear.
_PARAMETER = re.compile(r'(?s);\s*([!#$%&\'*+.^_`|~0-9A-Za-z-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)(?:"|\\?$)|([^\s;"]*))')
_EXTENDED = re.compile(r"^([\w-]+)'[\w-]*'(.*)$")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class FormError(Exception):
    """The form cannot be read; the text says why."""


def parameters_of(value: str) -> dict[str, str]:
    """The parameters of a header such as `form-data; name="a"`, names in lower case; the first of two counts."""
    found: dict[str, str] = {}
    for name, quoted, token in _PARAMETER.findall(value):
        # A path of Windows in quotes has backslashes that escape nothing.
        found.setdefault(name.lower(), re.sub(r'\\(["\\])', r"\1", quoted) if quoted else token)
    return found


def boundary_of(content_type: str) -> bytes:
    """The boundary that a Content-Type names."""
    boundary = parameters_of(content_type).get("boundary", "")
    if not boundary or len(boundary) > _LONGEST_BOUNDARY or not boundary.isascii():
        raise FormError("The Content-Type of the form names no boundary that can be used")
    return boundary.encode()


class FormReader:
    """Reads one form from pieces of any size; each byte is kept once.

    `feed` and `close` raise FormError. What stands before the first and after the last boundary is ignored.
    """

    def __init__(self, boundary: bytes) -> None:
        self._delimiter = b"\r\n--" + boundary
        # So that a boundary at the very beginning is found like any other.
        self._buffer = bytearray(b"\r\n")
        self._read = self._read_preamble
        self._parts = 0
        self._key = ""
        self._file: str | None = None
        self._charset = "utf-8"
        self._content = io.BytesIO()
        self.form: Form = {}

    def feed(self, data: bytes) -> None:
        """Take the next piece."""
        self._buffer += data
        while self._read():
            pass

    def close(self) -> Form:
        """The form, once everything was fed."""
        if self._read != self._read_epilogue:
            raise FormError("The form ends before its last boundary")
        return self.form

    def _read_preamble(self) -> bool:
        return self._skip_to_delimiter(None)

    def _read_content(self) -> bool:
        if not self._skip_to_delimiter(self._content):
            return False
        self._keep()
        return True

    def _skip_to_delimiter(self, target: io.BytesIO | None) -> bool:
        """Move what precedes the next boundary; a possible beginning of one stays in the buffer."""
        at = self._buffer.find(self._delimiter)
        end = at if at >= 0 else max(0, len(self._buffer) - len(self._delimiter) + 1)
        if target is not None and end:
            with memoryview(self._buffer) as view:
                target.write(view[:end])
        del self._buffer[: end + (len(self._delimiter) if at >= 0 else 0)]
        if at >= 0:
            self._read = self._read_boundary_end
        return at >= 0

    def _read_boundary_end(self) -> bool:
        """After a boundary: `--` ends the form, a line break begins a part; padding is allowed."""
        if self._buffer.startswith(b"--"):
            self._read = self._read_epilogue
            return True
        at = self._buffer.find(b"\r\n")
        if at < 0 and len(self._buffer) <= LONGEST_PART_HEAD:
            return False
        if bytes(self._buffer[: max(at, 0)]).strip(b" \t") or at < 0:
            raise FormError("A boundary of the form is followed by something else than a line break")
        del self._buffer[: at + 2]
        self._read = self._read_head
        return True

    def _read_head(self) -> bool:
        # A part without any header begins with the empty line itself.
        empty = self._buffer.startswith(b"\r\n")
        at = 0 if empty else self._buffer.find(b"\r\n\r\n")
        if at > LONGEST_PART_HEAD or (at < 0 and len(self._buffer) > LONGEST_PART_HEAD):
            raise FormError("The headers of a part of the form are too long")
        if at < 0:
            return False
        head = bytes(self._buffer[:at])
        del self._buffer[: at + (2 if empty else 4)]
        self._begin(head)
        self._read = self._read_content
        return True

    def _read_epilogue(self) -> bool:
        self._buffer.clear()
        return False

    def _begin(self, head: bytes) -> None:
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise FormError(f"The form has more than {MOST_PARTS} parts")
        headers = _headers(head)
        disposition = headers.get("content-disposition", "")
        parameters = parameters_of(disposition)
        if not disposition.lower().startswith("form-data") or "name" not in parameters:
            raise FormError('A part of the form has no Content-Disposition: form-data; name="…"')
        encoding = headers.get("content-transfer-encoding", "binary").lower()
        if encoding not in ("binary", "8bit", "7bit"):
            raise FormError(f"A part of the form is encoded as {encoding[:50]}: send it as it is")
        self._key = unquote(parameters["name"]) if "%22" in parameters["name"] else parameters["name"]
        self._file = _file_name(parameters)
        self._charset = parameters_of(headers.get("content-type", "")).get("charset", "utf-8")
        self._content = io.BytesIO()

    def _keep(self) -> None:
        if self._file is None:
            self._keep_text()
        elif self._file or self._content.tell():
            self._keep_file(self._file or "file")
        # Neither name nor content is what browsers send for a file nobody chose.

    def _keep_text(self) -> None:
        try:
            text = self._content.getvalue().decode(self._charset, "replace")
        except LookupError:
            text = self._content.getvalue().decode("utf-8", "replace")
        if isinstance(self.form.get(self._key), dict):
            raise FormError(f"The key {self._key} of the form holds a file and a text")
        self.form[self._key] = text

    def _keep_file(self, name: str) -> None:
        files = self.form.setdefault(self._key, {})
        if isinstance(files, str):
            raise FormError(f"The key {self._key} of the form holds a text and a file")
        self._content.seek(0)
        files[_free(name, files)] = self._content


def _headers(head: bytes) -> dict[str, str]:
    lines: list[tuple[str, str, str]] = [line.partition(":") for line in head.decode("utf-8", "replace").split("\r\n")]
    return {name.strip().lower(): value.strip() for name, _colon, value in lines}


def _file_name(parameters: dict[str, str]) -> str | None:
    """The last part of the name a file was sent with, safe to be joined to a folder; None when it is no file."""
    name = parameters.get("filename")
    extended = _EXTENDED.match(parameters.get("filename*", ""))
    if extended:
        try:
            name = unquote(extended.group(2), encoding=extended.group(1), errors="replace")
        except LookupError:
            name = unquote(extended.group(2), errors="replace")
    if name is None:
        return None
    last = _CONTROL.sub("", name.replace("%22", '"').replace("\\", "/").rpartition("/")[2]).strip()
    return "file" if last in (".", "..") else last[:255]


def _free(name: str, taken: dict[str, io.BytesIO]) -> str:
    """A name no other file under this key has."""
    stem, dot, suffix = name.rpartition(".")
    number = 2
    found = name
    while found in taken:
        found = "{} ({}){}{}".format(stem or suffix, number, dot if stem else "", suffix if stem else "")
        number += 1
    return found
