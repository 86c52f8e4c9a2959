"""What goes into a package check and what comes out of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from registry.config import ModelConfig
from registry.findings import Finding, has_errors

ALL_TYPES = ("real-time", "batch", "edge")
CONFIG = "model/config.json"
CODE = "model/customize_service.py"
# A path and the most bytes wanted; the content's beginning.
Read = Callable[[str, int], bytes]


@dataclass(frozen=True)
class FileEntry:
    """One file of a listing. `link` marks what is no plain file: a link, a device, a pipe."""

    path: str
    size: int
    modified: datetime | None = None
    etag: str = ""
    link: bool = False


@dataclass(frozen=True)
class Limits:
    """How large a package may be; callers pass the settings."""

    bytes: int = 5 * 1024**3
    files: int = 20_000
    depth: int = 32
    key_bytes: int = 1024
    expansion: int = 100


@dataclass(frozen=True)
class CheckOptions:
    """What the form knows. `engine` is its choice, `config_text` replaces the configuration found in the package.

    `registry_hosts` are those of the registry connections; None when nobody can know them here. `folder_name` is
    the last part of the chosen path, which tells when `model/` itself was chosen. `required_files` are what the
    source demands beside the engine's own files (`fnmatch`, by path below `model/`).
    """

    engine: str = ""
    config_text: str | None = None
    deployment_types: tuple[str, ...] = ALL_TYPES
    strict: bool = False
    limits: Limits = field(default_factory=Limits)
    registry_hosts: tuple[str, ...] | None = ()
    source: str = "obs"
    folder_name: str = ""
    required_files: tuple[str, ...] = ()


@dataclass(frozen=True)
class PackageReport:
    """Everything a check found out.

    `files` have paths from `model/` on. `root` is what was put in front of the listed paths: empty, or `model/` when
    the chosen folder itself was the model folder; `source_path` undoes it. `engine_derived` is False when the engine
    is the form's choice. `repair` is the configuration with its mechanical faults taken out, when that parses.
    `facts` and `pins` are what the source knows beside the files (`sources.base.About`).
    """

    findings: tuple[Finding, ...] = ()
    engine: str = ""
    engine_derived: bool = False
    runtime: str = ""
    config: ModelConfig = field(default_factory=ModelConfig)
    config_found: str | None = None
    config_used: str | None = None
    repair: str | None = None
    root: str = ""
    files: tuple[FileEntry, ...] = ()
    total_bytes: int = 0
    file_count: int = 0
    deployment_types: tuple[str, ...] = ()
    inference_code: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    pins: Mapping[str, str] = field(default_factory=dict)

    @property
    def importable(self) -> bool:
        return not has_errors(self.findings)

    def source_path(self, path: str) -> str:
        """The path of a package file below the chosen folder, as it was listed."""
        return path.removeprefix(self.root)
