"""The configuration of a model in its normalised form, and the words it is shown with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

JSON_TYPE = "application/json"
FORM_TYPE = "multipart/form-data"
OPERATORS = {"EXACT": "==", "ATLEAST": ">=", "ATMOST": "<="}
_CONSTRAINTS: dict[str, Promise] = {
    "EXACT": _("current version"),
    "ATLEAST": _("current version or later"),
    "ATMOST": _("current version or earlier"),
}
METRIC_DECIMALS = 17
_PLAIN_BELOW = 1e17


@dataclass(frozen=True)
class Metric:
    """One measure of precision, shown as the author gave it."""

    name: str
    value: Any

    @property
    def text(self) -> str:
        """The value, cut (not rounded) after 17 decimals."""
        text = str(self.value)
        if isinstance(self.value, float) and abs(self.value) < _PLAIN_BELOW:
            text = format(Decimal(text), "f")
        whole, point, decimals = text.partition(".")
        return whole + point + decimals[:METRIC_DECIMALS] if decimals.isdigit() else text


@dataclass(frozen=True)
class Parameter:
    """One property of a request or an answer."""

    name: str
    type: str
    schema: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Payload:
    """What one side of an API carries; an empty schema means that nothing was declared."""

    content_type: str = JSON_TYPE
    schema: Mapping[str, Any] = field(default_factory=dict)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return properties_of(self.schema)

    @property
    def takes_file(self) -> bool:
        return any(parameter.type == "file" for parameter in self.parameters)

    def as_dict(self) -> dict[str, Any]:
        return {"Content-type": self.content_type, "data": dict(self.schema)}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> "Payload":
        return cls(stored["Content-type"], stored["data"])


@dataclass(frozen=True)
class Api:
    """One path a model answers; an API nobody described is a free POST to `/`."""

    protocol: str = "https"
    url: str = "/"
    method: str = "POST"
    request: Payload = field(default_factory=Payload)
    response: Payload = field(default_factory=Payload)

    def as_dict(self) -> dict[str, Any]:
        return {
            "protocol": self.protocol,
            "url": self.url,
            "method": self.method,
            "request": self.request.as_dict(),
            "response": self.response.as_dict(),
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> "Api":
        request, response = Payload.from_dict(stored["request"]), Payload.from_dict(stored["response"])
        return cls(stored["protocol"], stored["url"], stored["method"], request, response)


@dataclass(frozen=True)
class Requirement:
    """One package to install. `restraint` is EXACT, ATLEAST, ATMOST or empty (any version).

    `specifier` is set instead of both for what the three words cannot say (`>=1.2,<2`); `wheel` is the path of a
    wheel file inside the package (`model/x.whl`).
    """

    name: str
    extras: tuple[str, ...] = ()
    version: str = ""
    restraint: str = ""
    specifier: str = ""
    wheel: str = ""

    @property
    def constraint_label(self) -> str:
        """The word of the dependency table."""
        return self.specifier or str(_CONSTRAINTS.get(self.restraint, "--"))

    @property
    def line(self) -> str:
        """The requirement as pip reads it, rebuilt from its parts."""
        extras = f"[{','.join(self.extras)}]" if self.extras else ""
        operator = OPERATORS.get(self.restraint, "")
        return f"{self.name}{extras}{self.specifier or (operator + self.version if operator else '')}"

    def as_dict(self) -> dict[str, Any]:
        return {
            "package_name": self.name,
            "extras": list(self.extras),
            "package_version": self.version,
            "restraint": self.restraint,
            "specifier": self.specifier,
            "wheel": self.wheel,
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> "Requirement":
        return cls(
            stored["package_name"],
            tuple(stored["extras"]),
            stored["package_version"],
            stored["restraint"],
            stored["specifier"],
            stored["wheel"],
        )


@dataclass(frozen=True)
class Dependency:
    """Packages one installer installs together; several follow each other in order."""

    installer: str
    packages: tuple[Requirement, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return {"installer": self.installer, "packages": [package.as_dict() for package in self.packages]}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> "Dependency":
        return cls(stored["installer"], tuple(Requirement.from_dict(package) for package in stored["packages"]))


@dataclass(frozen=True)
class InstalledRow:
    """One line of the dependency table: the requirement and who installs it."""

    installer: str
    requirement: Requirement

    @property
    def name(self) -> str:
        extras = self.requirement.extras
        return f"{self.requirement.name}[{','.join(extras)}]" if extras else self.requirement.name

    @property
    def version(self) -> str:
        return self.requirement.version

    @property
    def constraint_label(self) -> str:
        return self.requirement.constraint_label

    @property
    def constraint(self) -> str:
        """`== 3.2.0`: the constraint as pip has it; empty when any version will do, or the label says it already."""
        operator = OPERATORS.get(self.requirement.restraint, "")
        return f"{operator} {self.version}" if operator and not self.requirement.specifier else ""


@dataclass(frozen=True)
class ModelConfig:
    """A configuration after the checks: defaults filled in, misprints mapped, unknown keys kept in `extra`."""

    algorithm: str = ""
    engine: str = ""
    runtime: str = ""
    swr_location: str = ""
    metrics: tuple[Metric, ...] = ()
    apis: tuple[Api, ...] = ()
    dependencies: tuple[Dependency, ...] = ()
    health: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def requirements(self) -> tuple[InstalledRow, ...]:
        """All packages of all dependencies, in the order of installation."""
        return tuple(
            InstalledRow(entry.installer, package) for entry in self.dependencies for package in entry.packages
        )

    def as_dict(self) -> dict[str, Any]:
        """The form that is stored, in the words of config.json; `from_dict` reads it back."""
        return {
            "model_algorithm": self.algorithm,
            "model_type": self.engine,
            "runtime": self.runtime,
            "swr_location": self.swr_location,
            "metrics": {metric.name: metric.value for metric in self.metrics},
            "apis": [api.as_dict() for api in self.apis],
            "dependencies": [dependency.as_dict() for dependency in self.dependencies],
            "health": dict(self.health),
            "extra": dict(self.extra),
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> "ModelConfig":
        """Read what `as_dict` wrote; an empty mapping (nothing imported yet) gives an empty configuration."""
        return cls(
            stored.get("model_algorithm", ""),
            stored.get("model_type", ""),
            stored.get("runtime", ""),
            stored.get("swr_location", ""),
            tuple(Metric(name, value) for name, value in stored.get("metrics", {}).items()),
            tuple(Api.from_dict(api) for api in stored.get("apis", ())),
            tuple(Dependency.from_dict(dependency) for dependency in stored.get("dependencies", ())),
            stored.get("health", {}),
            stored.get("extra", {}),
        )


def properties_of(schema: Mapping[str, Any]) -> tuple[Parameter, ...]:
    """The properties of an object's schema."""
    properties = schema.get("properties")
    if not isinstance(properties, Mapping):
        return ()
    return tuple(
        Parameter(name, type_label(inner), inner if isinstance(inner, Mapping) else {})
        for name, inner in properties.items()
    )


def type_label(schema: Any) -> str:
    """The type of a schema as one word for the parameter table."""
    declared = schema.get("type") if isinstance(schema, Mapping) else None
    if isinstance(declared, str):
        return declared
    if isinstance(declared, Sequence):
        return " | ".join(str(name) for name in declared)
    if isinstance(schema, Mapping) and "properties" in schema:
        return "object"
    return "array" if isinstance(schema, Mapping) and "items" in schema else ""
