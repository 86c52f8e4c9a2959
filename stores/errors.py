"""The two ways reading or writing a bucket fails."""

from typing import Any


class SourceUnavailable(Exception):
    """The place did not answer properly: the same request may succeed later.

    `code` says in which way, `params` fill its message; `reason` is for the log alone.
    """

    def __init__(self, reason: str = "", *, code: str = "source.unavailable", **params: Any) -> None:
        super().__init__(reason)
        self.code = code
        self.params = params


class SourceRefused(Exception):
    """The request cannot succeed as it is: `code` says why, `params` fill its message."""

    def __init__(self, code: str, **params: Any) -> None:
        super().__init__(code)
        self.code = code
        self.params = params
