"""What commands on versions take, answer and raise."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db.models import Model

from registry.findings import Finding
from registry.models import DeploymentType, ModelVersion

ALL_TYPES = tuple(DeploymentType.values)
LONGEST_COMMENT = 1000


@dataclass(frozen=True)
class SpecValues:
    cpu: Decimal
    memory: int  # MiB
    gpu: Decimal = Decimal(0)
    ascend: Decimal = Decimal(0)


@dataclass(frozen=True)
class VersionDetails:
    """What people say about a version beside its package."""

    description: str = ""
    labels: tuple[str, ...] = ()
    documents: tuple[tuple[str, str], ...] = ()  # name, URL
    deployment_types: tuple[str, ...] = ALL_TYPES
    spec: SpecValues | None = None


@dataclass(frozen=True)
class PackageFile:
    path: str
    size: int
    sha256: str


@dataclass(frozen=True)
class HandOver:
    """What an import found out; it lasts on the version. `known_*` were in the store and not fetched again.

    `image` is the digest of the container image that belongs to the package beside its files.
    """

    engine: str = ""
    runtime: str = ""
    files: tuple[PackageFile, ...] = ()
    image: str = ""
    config_found: str | None = None
    config_used: str | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    scan: Mapping[str, Any] = field(default_factory=dict)
    has_inference_code: bool = False
    deployment_types: tuple[str, ...] = ALL_TYPES
    source_params: Mapping[str, Any] = field(default_factory=dict)
    known_files: int = 0
    known_bytes: int = 0


class VersionTaken(Exception):
    """Name and version belong to `version` already; it may be replaced when its import failed."""

    def __init__(self, version: ModelVersion, *, replaceable: bool) -> None:
        super().__init__(str(version))
        self.version = version
        self.replaceable = replaceable


class VersionInUse(Exception):
    """The version cannot go while `users` (services and the like, rows of other apps) rest on it."""

    def __init__(self, version: ModelVersion, users: tuple[Model, ...]) -> None:
        super().__init__(str(version))
        self.version = version
        self.users = users


@dataclass(frozen=True)
class Removal:
    """What deleting a model came to; `remaining` counts versions that are still there, used ones included."""

    deleted: tuple[str, ...]
    in_use: tuple[VersionInUse, ...]
    remaining: int
