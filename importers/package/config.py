"""The rules of config.json: from a parsed text to a normalised configuration, with every finding on the way."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from importers.package.apis import ApiRules
from importers.package.config_notes import ConfigNotes
from importers.package.dependencies import DependencyRules
from importers.package.notes import Notes, shown
from importers.package.report import CheckOptions
from importers.package.shape import prepare
from importers.package.source_map import Document, pointer_to
from importers.package.spelling import METRIC_KEYS, TOP_KEYS, close_match, meant_engine, rename_keys
from registry.config import Metric, ModelConfig
from registry.engines import ENGINES, IMAGE, engine_of
from registry.findings import Severity

_ENGINE_LENGTH = 36
_ALGORITHM = re.compile("[A-Za-z][^\u4e00-\u9fff&!'\"<>=\\\\]{0,35}")
_PYTHON = re.compile(r"py(?:thon)?[-_]?([23])\.?(\d*)", re.IGNORECASE)


@dataclass(frozen=True)
class Surroundings:
    """What the rules must know beside the text: the engine the files speak for, and the paths of the package."""

    derived_engine: str = ""
    paths: frozenset[str] = frozenset()


@dataclass(frozen=True)
class CheckedConfig:
    """A normalised configuration. `engine_derived` is False when the engine is the form's choice."""

    config: ModelConfig
    engine_derived: bool


def without_config(derived: str, options: CheckOptions) -> CheckedConfig:
    """What is known when there is no configuration, or none that can be read; nothing is said again."""
    name = IMAGE if options.source == "image" else derived or shown(options.engine, _ENGINE_LENGTH)
    config = ModelConfig(engine=name)
    return CheckedConfig(config, bool(name) and name in {IMAGE, derived})


def check_config(document: Document, around: Surroundings, options: CheckOptions, notes: Notes) -> CheckedConfig:
    """Apply every rule; what cannot be used is left out after its finding."""
    marked = ConfigNotes(notes, document)
    if not isinstance(document.value, dict):
        marked.error("config.not_object")
        return without_config(around.derived_engine, options)
    value: dict[str, Any] = document.value
    _say_reading(document, marked)
    for pointer, found, meant in rename_keys(value):
        marked.warning("config.key_spelling", pointer, found=found, meant=meant)
    prepare(value, marked)
    declared = value.get("model_type", "").strip()
    engine = choose_engine(declared, around.derived_engine, options, marked)
    config = _Rules(value, marked, options, around).read(engine)
    return CheckedConfig(config, bool(declared or around.derived_engine or engine == IMAGE))


def _say_reading(document: Document, notes: ConfigNotes) -> None:
    for pointer, offset in document.duplicates:
        notes.say(Severity.WARNING, "config.duplicate_key", pointer, offset=offset, key=pointer.rpartition("/")[2])
    for offset in document.odd:
        notes.say(Severity.WARNING, "config.unstorable", offset=offset)


def choose_engine(declared: str, derived: str, options: CheckOptions, notes: ConfigNotes) -> str:
    """The engine: what the configuration declares, else what the files speak for, else what the form says."""
    if options.source == "image":
        return _image_engine(declared, notes)
    if declared:
        if options.engine and options.engine != declared:
            notes.info("config.choice_ignored", "/model_type", chosen=options.engine, found=declared)
        return _declared_engine(declared, notes)
    if derived:
        notes.info("config.engine_derived", engine=derived)
    elif options.engine:
        notes.info("config.engine_chosen", engine=options.engine)
    else:
        notes.error("config.model_type_missing", engines=", ".join(ENGINES))
    return shown(derived or options.engine, _ENGINE_LENGTH)


def _image_engine(declared: str, notes: ConfigNotes) -> str:
    if not declared:
        notes.info("config.model_type_image")
    elif declared != IMAGE:
        notes.error("config.model_type_not_image", "/model_type", found=declared)
    return IMAGE


def _declared_engine(declared: str, notes: ConfigNotes) -> str:
    if engine_of(declared) is None:
        meant = meant_engine(declared)
        code = "config.model_type_similar" if meant else "config.model_type_unknown"
        notes.warning(code, "/model_type", found=declared, meant=meant)
    return shown(declared, _ENGINE_LENGTH)


class _Rules:
    """The rules of one configuration whose shape is right."""

    def __init__(self, value: dict[str, Any], notes: ConfigNotes, options: CheckOptions, around: Surroundings) -> None:
        self.value = value
        self.notes = notes
        self.options = options
        self.around = around

    def read(self, engine: str) -> ModelConfig:
        config = ModelConfig(
            algorithm=self._algorithm(),
            engine=engine,
            runtime=self._runtime(engine),
            swr_location=self._image(engine),
            metrics=self._metrics(),
            apis=ApiRules(self.notes, engine, strict=self.options.strict).read(self.value),
            dependencies=DependencyRules(self.notes, engine, self.around.paths).read(self.value),
        )
        return replace(config, health=self._health(engine), extra=self._extra())

    def _algorithm(self) -> str:
        written = self.value.get("model_algorithm", "")
        if not written:
            self.notes.warning("config.algorithm_missing")
            return "custom"
        if not _ALGORITHM.fullmatch(written):
            self.notes.warning("config.algorithm_malformed", "/model_algorithm", found=written)
        return shown(written, 100)

    def _runtime(self, name: str) -> str:
        written = self.value.get("runtime", "").strip()
        engine = engine_of(name)
        if engine is None or not engine.runtimes:
            return "" if engine else shown(written, 100)
        if not written:
            self.notes.info("config.runtime_missing", runtime=engine.default_runtime)
            return engine.default_runtime
        if written in engine.runtimes:
            return str(written)
        used = _nearest_runtime(written, engine.runtimes)
        self.notes.warning("config.runtime_unknown", "/runtime", found=written, used=used, engine=name)
        return used

    def _image(self, engine: str) -> str:
        location = self.value.get("swr_location", "").strip()
        place = "/swr_location" if "swr_location" in self.value else ""
        if self.options.source == "image":
            return ""
        if engine != IMAGE:
            if location:
                self.notes.error("config.image_forbidden", place, engine=engine)
            return ""
        hosts = self.options.registry_hosts
        if not location:
            self.notes.error("config.image_missing", place)
        elif hosts is None:
            self.notes.info("config.image_unchecked", place, image=location)
        elif location.partition("/")[0].lower() not in {host.lower() for host in hosts}:
            self.notes.error("config.image_registry", place, host=location.partition("/")[0])
        return shown(location, 500)

    def _metrics(self) -> tuple[Metric, ...]:
        metrics: Mapping[str, Any] = self.value.get("metrics", {})
        for name, value in metrics.items():
            usual = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
            if not usual or name not in METRIC_KEYS:
                self.notes.info("config.metric_unusual", pointer_to("metrics", name), name=name)
        return tuple(Metric(name, value) for name, value in metrics.items())

    def _health(self, engine: str) -> Mapping[str, Any]:
        health: Mapping[str, Any] = self.value.get("health", {})
        if "health" in self.value and engine != IMAGE:
            self.notes.info("config.health_ignored", "/health", engine=engine)
        elif "health" in self.value and not (health.get("url") or health.get("command")):
            self.notes.warning("config.health_incomplete", "/health")
        return health

    def _extra(self) -> Mapping[str, Any]:
        extra = {key: member for key, member in self.value.items() if key not in TOP_KEYS}
        for key in extra:
            meant = close_match(key, TOP_KEYS)
            code = "config.unknown_key_similar" if meant else "config.unknown_key"
            self.notes.info(code, pointer_to(key), key=key, meant=meant)
        return extra


def _nearest_runtime(written: str, runtimes: tuple[str, ...]) -> str:
    """The runtime of the same Python, else the newest of the same major, else the default."""
    match = _PYTHON.search(written)
    if match is None:
        return runtimes[0]
    same = [name for name in runtimes if f"python{match[1]}.{match[2]}" in name]
    major = [name for name in runtimes if f"python{match[1]}" in name and "-" not in name]
    return same[0] if same else major[-1] if major else runtimes[0]
