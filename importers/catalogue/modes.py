"""Input and output modes: what goes in, what comes out, and what that makes of a configuration."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from importers.catalogue.words import Words, entries, words_of
from registry.config import Api, ModelConfig, Payload

UNDEFINED = "undefined"


@dataclass(frozen=True)
class IOMode:
    """One mode. `api` is the entry of `apis` that it writes, `algorithm` what it marks a model as."""

    id: str
    name: Words
    line: Words
    purpose: Words
    algorithm: str
    written: Mapping[str, Any]

    @property
    def allows_batch(self) -> bool:
        """A batch service maps files or columns to the parameters of a request, so there must be some."""
        return bool(self.api.request.parameters)

    @property
    def declared(self) -> ModelConfig:
        """A configuration of this mode alone, for the parameter viewer."""
        return ModelConfig(apis=(self.api,))

    @property
    def api(self) -> Api:
        """The API as the parameter viewer shows it."""
        sides = (Payload.from_dict(self.written[side]) for side in ("request", "response"))
        return Api(self.written["protocol"], self.written["url"], self.written["method"].upper(), *sides)


def _mode(stored: Mapping[str, Any]) -> IOMode:
    return IOMode(
        id=stored["id"],
        name=words_of(stored["name"]),
        line=words_of(stored["line"]),
        purpose=words_of(stored["for"]),
        algorithm=stored["algorithm"],
        written=MappingProxyType(stored["api"]),
    )


# In the order of the choice.
MODES: Mapping[str, IOMode] = MappingProxyType({mode.id: mode for mode in map(_mode, entries("modes.json"))})
