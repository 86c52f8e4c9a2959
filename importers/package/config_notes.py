"""Findings about a configuration, placed by JSON pointer and by line and column."""

from collections.abc import Collection, Mapping
from typing import Any

from importers.package.notes import Notes
from importers.package.report import CONFIG
from importers.package.source_map import Document, pointer_to
from registry.findings import Severity, Where


class ConfigNotes:
    def __init__(self, notes: Notes, document: Document) -> None:
        self._notes = notes
        self.document = document

    def error(self, code: str, pointer: str = "", **params: Any) -> None:
        self.say(Severity.ERROR, code, pointer, **params)

    def warning(self, code: str, pointer: str = "", **params: Any) -> None:
        self.say(Severity.WARNING, code, pointer, **params)

    def info(self, code: str, pointer: str = "", **params: Any) -> None:
        self.say(Severity.INFO, code, pointer, **params)

    def say(
        self, severity: Severity, code: str, pointer: str = "", *, offset: int | None = None, **params: Any
    ) -> None:
        """Add a finding at a pointer; `offset` says the place in the text when the pointer alone does not."""
        line, column = self.document.place(self.document.offset(pointer) if offset is None else offset)
        self._notes.say(severity, code, Where(CONFIG, line, column, pointer), **params)

    def unknown_keys(self, owner: Mapping[str, Any], known: Collection[str], pointer: str) -> None:
        """Say every key of an object that is not documented."""
        for key in owner:
            if key not in known:
                self.info("config.unknown_key", pointer + pointer_to(key), key=key)
