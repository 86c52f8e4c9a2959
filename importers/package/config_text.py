"""From the bytes or the edited text of a configuration to a parsed document, or to a repair that could be accepted."""

from dataclasses import dataclass

from importers.package.notes import Notes
from importers.package.repair import Decoded, decode, repaired
from importers.package.report import CONFIG
from importers.package.source_map import Document, JsonProblem, Lines, parse
from registry.findings import Where

LARGEST_CONFIG = 1024 * 1024


@dataclass(frozen=True)
class ConfigText:
    """A configuration as text. `document` is None when neither it nor its repair is JSON."""

    text: str | None = None
    repair: str | None = None
    document: Document | None = None


def read_bytes(data: bytes, notes: Notes) -> ConfigText:
    """The configuration found in a package."""
    if len(data) > LARGEST_CONFIG:
        notes.error("config.too_large", Where(CONFIG))
        return ConfigText()
    decoded = decode(data)
    if decoded is None:
        notes.error("config.undecodable", Where(CONFIG, *_first_bad_byte(data)))
        return ConfigText(_storable(data.decode("utf-8", "replace")))
    return _read(decoded, notes)


def read_text(text: str, notes: Notes) -> ConfigText:
    """A configuration from the form."""
    data = text.encode("utf-8", "replace") if len(text) <= LARGEST_CONFIG else b""
    if len(text) > LARGEST_CONFIG or len(data) > LARGEST_CONFIG:
        notes.error("config.too_large", Where(CONFIG))
        return ConfigText()
    return _read(Decoded(data.decode("utf-8"), "utf-8"), notes)


def _first_bad_byte(data: bytes) -> tuple[int, int]:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return Lines(data[: error.start].decode("utf-8") + "?").place(len(data[: error.start].decode("utf-8")))
    return 1, 1


def _read(decoded: Decoded, notes: Notes) -> ConfigText:
    text = decoded.text
    clean = decoded.encoding == "utf-8" and not text.startswith("\ufeff")
    try:
        document = parse(text.removeprefix("\ufeff"))
    except JsonProblem as problem:
        return _read_repaired(text, problem, notes)
    if clean:
        return ConfigText(text, document=document)
    notes.error("config.encoding", Where(CONFIG, 1, 1), encoding=decoded.encoding.upper())
    return ConfigText(text, document.text, document)


def _read_repaired(text: str, problem: JsonProblem, notes: Notes) -> ConfigText:
    line, column = Lines(text.removeprefix("\ufeff")).place(problem.offset)
    where = Where(CONFIG, line, column)
    candidate = None if problem.code == "config.too_deep" else repaired(text)
    if candidate is None:
        notes.error(problem.code, where, found=problem.found)
        return ConfigText(_storable(text))
    notes.error("config.repairable", where, found=problem.found)
    return ConfigText(_storable(text), candidate, parse(candidate))


def _storable(text: str) -> str:
    """The text as a database takes it; a JSON text never needs this."""
    return text.replace("\x00", "\ufffd")
