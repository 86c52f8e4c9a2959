"""Keeps the log of the gateway small, whatever instances and callers make it say."""

import logging
import time
from collections import Counter

_SECONDS = 600.0
_OF_ONE_EVENT = 10
_OF_ALL = 50
# Of what names an event; messages that are made anew each time must not fill the memory instead.
_EVENT_CHARACTERS = 80


class Sparing(logging.Filter):
    """Lets a few records of each event pass in ten minutes; the first one after that says how many were left out."""

    def __init__(self) -> None:
        super().__init__()
        self._since = time.monotonic()
        self._passed: Counter[str] = Counter()
        self._left_out = 0

    def filter(self, record: logging.LogRecord) -> bool:
        if time.monotonic() - self._since > _SECONDS:
            self._since = time.monotonic()
            self._passed.clear()
        event = f"{record.name} {str(record.msg)[:_EVENT_CHARACTERS]}"
        if self._passed[event] >= _OF_ONE_EVENT or self._passed.total() >= _OF_ALL:
            self._left_out += 1
            return False
        self._passed[event] += 1
        if self._left_out:
            record.left_out, self._left_out = self._left_out, 0
        return True
