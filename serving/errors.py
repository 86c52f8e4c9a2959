"""How serving says no: what is somebody's to fix, what is tried again, and what is no longer ours."""

from typing import Any

from registry.findings import message_for

# The codes of the documented API (services.md §15).
API_CODES = {
    "service.name_taken": "ModelArts.3503",
    "use.not_normal": "ModelArts.3515",
    "service.wrong_state": "ModelArts.3519",
    "service.quota": "ModelArts.3520",
    "service.too_many_instances": "ModelArts.3522",
    "use.type_not_allowed": "ModelArts.3589",
}


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


class ServiceRefused(Exception):
    """A service may not be made or changed so: `code` says why, `params` fill its message, `field` is at fault."""

    def __init__(self, code: str, *, field: str = "", **params: Any) -> None:
        super().__init__(code)
        self.code = code
        self.field = field
        self.params = params

    @property
    def api_code(self) -> str:
        """The documented code; empty where the documentation has none."""
        return API_CODES.get(self.code, "")

    @property
    def message(self) -> str:
        """The sentence in the active language, and the documented code behind it."""
        text = message_for(self.code, self.params)
        return f"{text} ({self.api_code})" if self.api_code else text
