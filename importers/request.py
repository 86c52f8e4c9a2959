"""What somebody asked to import, in a form that travels and is stored on the job."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from registry.services import SpecValues, VersionDetails
from registry.versions import Version


@dataclass(frozen=True)
class ImportRequest:
    """One version to import. `source` are the parameters of its kind (obs: `{"path": "/bucket/prefix/"}`).

    `config_text` replaces the source's config.json; `config_origin` says where it came from: found, edited,
    repaired or obs. What a source generates itself counts before it. `submission` names the form that was sent, so
    that sending it twice is recognised. `consent` says which words of its source were agreed to. `sample` is what the
    model is asked after its build (see `ModelVersion.sample`); it goes to the version and is not kept twice.
    """

    name: str
    number: Version
    details: VersionDetails = field(default_factory=VersionDetails)
    source_kind: str = "obs"
    source: Mapping[str, str] = field(default_factory=dict)
    engine: str = ""
    config_text: str | None = None
    config_origin: str = "found"
    proof_wanted: bool = True
    submission: str = ""
    consent: str = ""
    sample: Mapping[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        """The JSON form that is stored; `from_dict` reads it back."""
        return {
            "name": self.name,
            "number": str(self.number),
            "details": _details_as_dict(self.details),
            "source_kind": self.source_kind,
            "source": dict(self.source),
            "engine": self.engine,
            "config_text": self.config_text,
            "config_origin": self.config_origin,
            "proof_wanted": self.proof_wanted,
            "submission": self.submission,
            "consent": self.consent,
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> "ImportRequest":
        return cls(
            **{
                **stored,
                "number": Version.parse(stored["number"]),
                "details": _details_from_dict(stored["details"]),
            }
        )


def pinned(request: ImportRequest, pins: Mapping[str, str]) -> ImportRequest:
    """The same request for the very thing that was looked at, whatever its names mean later."""
    return replace(request, source={**request.source, **pins})


def _details_as_dict(details: VersionDetails) -> dict[str, Any]:
    spec = details.spec
    return {
        "description": details.description,
        "labels": list(details.labels),
        "documents": [list(document) for document in details.documents],
        "deployment_types": list(details.deployment_types),
        "spec": spec
        and {"cpu": str(spec.cpu), "memory": spec.memory, "gpu": str(spec.gpu), "ascend": str(spec.ascend)},
    }


def _details_from_dict(stored: Mapping[str, Any]) -> VersionDetails:
    spec = stored["spec"]
    return VersionDetails(
        description=stored["description"],
        labels=tuple(stored["labels"]),
        documents=tuple((name, url) for name, url in stored["documents"]),
        deployment_types=tuple(stored["deployment_types"]),
        spec=spec
        and SpecValues(
            cpu=Decimal(spec["cpu"]), memory=spec["memory"], gpu=Decimal(spec["gpu"]), ascend=Decimal(spec["ascend"])
        ),
    )
