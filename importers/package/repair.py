"""Mechanical repair of a configuration that is nearly JSON: its encoding, comments and trailing commas."""

import json
import re
from dataclasses import dataclass

from importers.package.source_map import JsonProblem, parse

_WHITE = " \t\n\r"
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_PLAIN = re.compile(r'[^"/#,\]}\s]+|\s+')
_LINE_COMMENT = re.compile(r"(?://|#)[^\n]*")
_NOT_NEWLINE = re.compile(r"[^\n]")


@dataclass(frozen=True)
class Decoded:
    """The text of a file and the encoding that gave it; `utf-8` is the only one that needs no repair."""

    text: str
    encoding: str


def decode(data: bytes) -> Decoded | None:
    """Find the encoding among UTF-8, UTF-16, UTF-32 and GB 18030 (with GBK); None when none fits."""
    detected = json.detect_encoding(data)
    for encoding in (detected, "gb18030") if detected.startswith("utf-8") else (detected,):
        try:
            return Decoded(data.decode(encoding), encoding)
        except UnicodeDecodeError:
            continue
    return None


def repaired(text: str) -> str | None:
    """The text without byte-order mark, comments and trailing commas, when it then is JSON.

    What is taken out becomes spaces, so that lines and columns stay those of the original.
    """
    candidate = "".join(_without_comments_and_commas(text.removeprefix("\ufeff")))
    candidate = "\n".join(line.rstrip(" \t") for line in candidate.split("\n"))
    try:
        parse(candidate)
    except JsonProblem:
        return None
    return candidate


def _without_comments_and_commas(text: str) -> list[str]:
    """One linear pass over pieces; a comma waits in its place until the next piece says whether it trails."""
    pieces: list[str] = []
    waiting = -1
    before = "{"
    at = 0
    while at < len(text):
        piece, kept = _next_piece(text, at)
        at += len(piece)
        if kept in {"}", "]"} and waiting >= 0:
            pieces[waiting] = " "
        if kept.strip(_WHITE):
            waiting = len(pieces) if kept == "," and not before.endswith(("{", "[")) else -1
            before = kept
        pieces.append(kept)
    return pieces


def _next_piece(text: str, at: int) -> tuple[str, str]:
    """The next piece of the text, and what is kept of it."""
    comment = _comment(text, at)
    if comment:
        return comment, _NOT_NEWLINE.sub(" ", comment)
    match = _STRING.match(text, at) or _PLAIN.match(text, at)
    if match is None and text[at] == '"':
        # A string without an end: nothing behind it can be read safely.
        return text[at:], text[at:]
    piece = match[0] if match else text[at]
    return piece, piece


def _comment(text: str, at: int) -> str:
    if text.startswith("/*", at):
        end = text.find("*/", at + 2)
        return text[at:] if end < 0 else text[at : end + 2]
    match = _LINE_COMMENT.match(text, at)
    return match[0] if match else ""
