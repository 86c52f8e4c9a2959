"""Looks for plainly written attacks in pickle bytes that could not be followed opcode by opcode."""

import re

from importers.package.evidence import Evidence
from importers.package.imports import DANGEROUS_ROOTS, Judgement, judge
from importers.package.streams import MEBIBYTE, ScanStop, Stream

SEARCHED_BYTES = 256 * MEBIBYTE
OVERLAP = 512
_ROOTS = "|".join(sorted([*DANGEROUS_ROOTS, "builtins", "__builtin__", "types", "operator"], key=len, reverse=True))
_MODULE = rf"((?:{_ROOTS})(?:\.\w{{1,40}}){{0,4}})"
_NAME = r"([A-Za-z_][\w.]{0,80})"
_LINES = re.compile(rf"[ci]{_MODULE}\n{_NAME}\n".encode())
# Two texts with their lengths in front, either form, remembered or not, and the opcode that joins them.
_SHORT, _LONG, _KEPT = r"\x8c(.)", r"X(.)\x00\x00\x00", r"(?:\x94|q.|r....)?"
_TEXTS = re.compile(
    rf"(?:{_SHORT}|{_LONG}){_MODULE}{_KEPT}(?:{_SHORT}|{_LONG}){_NAME}{_KEPT}\x93".encode("latin-1"), re.DOTALL
)


def search(stream: Stream, evidence: Evidence, member: str) -> None:
    """Note imports of attack surface written out in what is left of a stream."""
    before = b""
    try:
        while stream.position < SEARCHED_BYTES and (data := stream.some()):
            window = before + data
            _search(window, evidence, member)
            before = window[-OVERLAP:]
    except ScanStop:
        return


def _search(window: bytes, evidence: Evidence, member: str) -> None:
    for match in _LINES.finditer(window):
        _note(match[1], match[2], evidence, member)
    for match in _TEXTS.finditer(window):
        short, long, module, name_short, name_long, name = match.groups()
        if (short or long)[0] == len(module) and (name_short or name_long)[0] == len(name):
            _note(module, name, evidence, member)


def _note(module: bytes, name: bytes, evidence: Evidence, member: str) -> None:
    words = module.decode(), name.decode()
    if judge(*words, evidence.engine) is Judgement.DANGEROUS:
        evidence.imported(*words, member)
