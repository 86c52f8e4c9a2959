"""How importers says no to what is not an import."""

from typing import Any


class RunConflict(Exception):
    """What is said of a run contradicts what was said before: `field` names where, `code` how."""

    def __init__(self, code: str, *, field: str, **params: Any) -> None:
        super().__init__(code)
        self.code = code
        self.field = field
        self.params = {"field": field, **params}
