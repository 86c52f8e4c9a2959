"""How serving says no: what is somebody's to fix, what is tried again, and what is no longer ours."""

from typing import Any


class BuildRefused(Exception):
    """The environment cannot be built as it is declared; `code` says why. `log` is what the tools wrote."""

    def __init__(self, code: str, *, log: str = "", **params: Any) -> None:
        super().__init__(code)
        self.code, self.log, self.params = code, log, params


class BackendUnavailable(Exception):
    """Something that may pass by itself: try again later. `log` is what the tools wrote."""

    def __init__(self, code: str, *, log: str = "", **params: Any) -> None:
        super().__init__(code)
        self.code, self.log, self.params = code, log, params


class PreparationLost(Exception):
    """The version was cancelled, taken over or handed back: leave quietly."""
