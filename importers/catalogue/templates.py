"""Model templates: an engine with its runtime and a mode, so that nobody has to write a configuration."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from importers.catalogue.modes import MODES, IOMode
from importers.catalogue.words import Words, entries, words_of
from registry.engines import ENGINES, Engine
from registry.findings import message_for

OWN = "own"
# What a template is made for; `own` are ours for today's Python and stand in no documentation.
KINDS: Mapping[str, Words] = MappingProxyType(
    {
        OWN: Words("Modelport", "Modelport"),
        "common": Words("Common", "通用"),
        "classification": Words("Classification", "分类"),
    }
)


@dataclass(frozen=True)
class RequiredFile:
    """A file that must lie in the model folder: any of the patterns will do."""

    patterns: tuple[str, ...]
    shown: str
    sample: str


@dataclass(frozen=True)
class ModelTemplate:
    """One template. `environment` is the runtime as its card says it, `runtime` as the configuration does."""

    id: str
    name: Words
    kind: str
    engine: str
    engine_version: str
    engine_chip: str
    runtime: str
    environment: str
    mode: str
    overridable: bool
    mode_ids: tuple[str, ...]
    files: tuple[RequiredFile, ...]
    notes: tuple[Words, ...]

    @property
    def own(self) -> bool:
        return self.kind == OWN

    @property
    def kind_words(self) -> Words:
        return KINDS[self.kind]

    @property
    def built_in(self) -> IOMode:
        return MODES[self.mode]

    @property
    def modes(self) -> tuple[IOMode, ...]:
        """The modes that may be chosen; only its own when that is fixed."""
        return tuple(MODES[mode] for mode in self.mode_ids)

    @property
    def ai_engine(self) -> Engine:
        return ENGINES[self.engine]

    @property
    def cannot_run(self) -> str:
        """Why a model of this engine cannot run here, as a sentence; empty when it can."""
        reason = self.ai_engine.cannot_run_reason
        return message_for(reason, {}) if reason else ""

    @property
    def demanded_files(self) -> tuple[str, ...]:
        """Patterns beyond those by which every package of this engine is recognised."""
        known = {pattern for part in self.ai_engine.weights for pattern in part} | {*self.ai_engine.fallback_weights}
        return tuple(file.patterns[0] for file in self.files if not known & {*file.patterns})

    def config_text(self, mode: IOMode) -> str:
        """The configuration this template writes for a mode."""
        config = {
            "model_algorithm": mode.algorithm,
            "model_type": self.engine,
            "runtime": self.runtime,
            "apis": [dict(mode.written)],
        }
        return json.dumps(config, indent=2) + "\n"


def _template(stored: Mapping[str, Any]) -> ModelTemplate:
    overridable = stored.get("overridable", True)
    return ModelTemplate(
        id=stored["id"],
        name=words_of(stored["name"]),
        kind=stored["kind"],
        engine=stored["engine"],
        engine_version=stored["engine_version"],
        engine_chip=stored["engine_chip"],
        runtime=stored["runtime"],
        environment=stored["environment"],
        mode=stored["mode"],
        overridable=overridable,
        mode_ids=tuple(stored.get("modes", MODES)) if overridable else (stored["mode"],),
        files=tuple(RequiredFile(tuple(each["patterns"]), each["shown"], each["sample"]) for each in stored["files"]),
        notes=tuple(words_of(note) for note in stored.get("notes", ())),
    )


# The newest first: ours, then the documented ones from the last to the first.
TEMPLATES: Mapping[str, ModelTemplate] = MappingProxyType(
    {template.id: template for template in map(_template, reversed(entries("templates.json")))}
)
