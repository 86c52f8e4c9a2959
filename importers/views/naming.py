"""What the name and version typed into the form mean beside the models that exist."""

from dataclasses import dataclass

from accounts.models import Workspace
from accounts.queries import Person
from registry.models import ModelVersion, RegisteredModel, Status
from registry.queries import models_for, next_number
from registry.versions import Version


@dataclass(frozen=True)
class Naming:
    """An existing model of that name, the number to propose for it, and the version that has the number already."""

    model: RegisteredModel
    proposed: Version | None
    taken: ModelVersion | None

    @property
    def replaceable(self) -> bool:
        return self.taken is not None and self.taken.status == Status.FAILED


def naming_of(user: Person, workspace: Workspace, *, name: str, number: str) -> Naming | None:
    """None while the name is free."""
    if not name or "\0" in name:
        return None
    model = models_for(user).filter(workspace=workspace, name=name).first()
    if model is None:
        return None
    return Naming(model, next_number(model), _version_of(model, number))


def _version_of(model: RegisteredModel, number: str) -> ModelVersion | None:
    try:
        major, minor, patch = Version.parse(number)
    except ValueError:
        return None
    return model.versions.filter(major=major, minor=minor, patch=patch).first()
