"""The deploy form as one thing: what is offered, what was typed, and the plan that follows from both."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.core import signing
from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from accounts.models import User, Workspace
from registry.models import ModelVersion, RegisteredModel
from registry.queries import versions_for
from registry.views.base import as_uuid
from serving.errors import ServiceRefused
from serving.forms import DeployForm, VariablesFormSet, generated_name
from serving.models import Service
from serving.queries_deployable import (
    MODELS_SHOWN,
    VERSIONS_SHOWN,
    Running,
    deployable_models,
    deployable_versions,
    environment_of,
    needs_of,
)
from serving.queries_services import counted
from serving.services import machine_now, why_not_deploy
from serving.services_environments import environment_stands
from serving.specs import (
    Machine,
    Needs,
    Offer,
    Specification,
    offers,
    refusal_params,
    specification_of,
    suitable,
    why_not,
)
from serving.specs_variables import looks_secret
from serving.values import HOUR, Deployment

SALT = "serving.submission"


@dataclass(frozen=True)
class Option:
    """A version in the drop-down; one that cannot be deployed says why."""

    version: ModelVersion
    refused: ServiceRefused | None


@dataclass(frozen=True)
class Problem:
    """One thing to correct, with the control it is about."""

    target: str
    label: str | Promise
    message: str


@dataclass(frozen=True)
class Plan:
    """What submitting the form would do. Sizes in MiB, times in seconds; `unclear` names what was typed wrongly."""

    version: ModelVersion | None
    refusals: tuple[str, ...]
    running: Running
    builds_first: bool
    specification: Specification
    instances: int
    machine: Machine
    address: str
    stops: int | None
    timeout: int
    variables: int
    used: int
    quota: int
    unclear: frozenset[str] = frozenset()

    @property
    def needed(self) -> int:
        return self.specification.memory * self.instances

    @property
    def after(self) -> int:
        """What would be promised then, for the bar; at most all there is."""
        return min(self.machine.memory, self.machine.promised + self.needed)


class DeployPage:
    """`data` is what was sent; without it the form is new and `asked` is the version it was opened for."""

    def __init__(
        self, user: User, workspace: Workspace, *, data: QueryDict | None = None, asked: ModelVersion | None = None
    ) -> None:
        self.user, self.workspace = user, workspace
        self.submitted = self.chosen_anew = False
        given: Mapping[str, Any] = data if data is not None else {}
        named = as_uuid(given.get("version", ""))
        self.version = asked or self._visible_version(named)
        self.model = self._chosen_model(given.get("model", ""))
        if self.model and (self.version is None or self.version.model_id != self.model.pk):
            self.version = next((option.version for option in self.options if not option.refused), None)
        if data is not None:
            data = data.copy()
            data["version"] = str(self.version.uuid) if self.version else ""
            data["model"] = str(self.model.uuid) if self.model else ""
        self.form = DeployForm(data, initial=self._initial())
        self.variables = VariablesFormSet(data, prefix="variables")

    @cached_property
    def models(self) -> list[RegisteredModel]:
        """By name; the chosen one is among them however many there are."""
        rows = list(deployable_models(self.user, self.workspace)[: MODELS_SHOWN + 1])
        shown = rows[:MODELS_SHOWN]
        return shown if self.model is None or self.model in shown else [self.model, *shown]

    @cached_property
    def options(self) -> list[Option]:
        if self.model is None:
            return []
        rows = list(deployable_versions(self.model)[:VERSIONS_SHOWN])
        if self.version and self.version.model_id == self.model.pk and self.version not in rows:
            rows = [self.version, *rows]
        return [Option(row, why_not_deploy(row)) for row in rows]

    @property
    def refused(self) -> ServiceRefused | None:
        """What stands against the chosen version."""
        return next((option.refused for option in self.options if option.version == self.version), None)

    @cached_property
    def machine(self) -> Machine:
        return machine_now()

    @cached_property
    def offered(self) -> tuple[Offer, ...]:
        return offers(self.machine, self.needs)

    @cached_property
    def needs(self) -> Needs:
        return needs_of(self.version) if self.version else Needs()

    @property
    def chosen_specification(self) -> str:
        """What is ticked: what was sent where that can be had, else what suits the version, also one just chosen."""
        sent = self.form.data.get("specification", "") if self.form.is_bound and not self.chosen_anew else ""
        return sent if specification_of(sent) else suitable(self.offered, self.needs).specification.code

    @cached_property
    def plan(self) -> Plan:
        typed = self._typed()
        specification = specification_of(self.chosen_specification) or self.offered[0].specification
        instances = typed["instances"]
        refusals = [self.refused.message] if self.refused else []
        code = why_not(specification, self.machine, instances=instances)
        if code and "instances" not in typed["unclear"]:
            told = ServiceRefused(code, **refusal_params(specification, self.machine, instances))
            refusals.append(told.message)
        used = counted(Service.objects.all(), self.workspace, self.user)
        if used >= settings.SERVICE_QUOTA:
            refusals.append(ServiceRefused("service.quota", quota=settings.SERVICE_QUOTA).message)
        return Plan(
            version=self.version,
            refusals=tuple(refusals),
            running=environment_of(self.version) if self.version else Running(),
            builds_first=bool(self.version and not self.refused and not environment_stands(self.version)),
            specification=specification,
            instances=instances,
            machine=self.machine,
            address=f"{settings.GATEWAY_URL}/infer/{self.uuid}/",
            stops=typed["stops"],
            timeout=typed["timeout"],
            variables=len(list(self.variables.typed_names)),
            used=used,
            quota=settings.SERVICE_QUOTA,
            unclear=typed["unclear"],
        )

    @property
    def secret_names(self) -> list[str]:
        return [name for name in self.variables.typed_names if looks_secret(name)]

    @cached_property
    def uuid(self) -> UUID:
        """Of the service to come: ours and unchanged, so that a form sent twice makes one service."""
        signed = self.form["submission"].value() or ""
        try:
            return UUID(signing.Signer(salt=SALT).unsign(signed))
        except (signing.BadSignature, ValueError):
            return uuid4()

    @property
    def submission(self) -> str:
        return signing.Signer(salt=SALT).sign(str(self.uuid))

    def is_valid(self) -> bool:
        """Both parts are looked at, so that everything to correct is told at once."""
        self.submitted = True
        return all([self.form.is_valid(), self.variables.is_valid()])

    def deployment(self) -> Deployment:
        """What a valid form asks for."""
        data = self.form.cleaned_data
        return Deployment(
            name=data["name"],
            description=data["description"],
            specification=data["specification"],
            auto_stop_seconds=self.form.seconds,
            instances=data["instances"],
            variables=self.variables.variables,
            timeout=data["timeout"],
            uuid=self.uuid,
        )

    def add_refusal(self, refused: ServiceRefused) -> None:
        self.form.add_error(refused.field or None, refused.message)

    @property
    def problems(self) -> list[Problem]:
        """Everything to correct, in the order of the page."""
        if not self.submitted:
            return []
        found = [Problem("", "", str(error)) for error in self.form.non_field_errors()]
        for field in self.form:
            found += [Problem(self._target(field.name), field.label, str(error)) for error in field.errors]
        for number, row in enumerate(self.variables, start=1):
            for field in row:
                label = _row_label(number, row["name"].value())
                found += [Problem(field.id_for_label, label, str(error)) for error in field.errors]
        return found

    def _target(self, name: str) -> str:
        return "specifications" if name == "specification" else str(self.form[name].id_for_label)

    def _typed(self) -> dict[str, Any]:
        """What can be read of the form so far, with what it began with in the place of the rest."""
        fields = self.form.fields
        typed = {"instances": fields["instances"].initial, "timeout": fields["timeout"].initial, "stops": HOUR}
        typed["unclear"] = frozenset()
        if not self.form.is_bound:
            return typed
        self.form.is_valid()
        cleaned = self.form.cleaned_data
        typed |= {name: cleaned[name] for name in ("instances", "timeout") if cleaned.get(name)}
        broken = {"stops" if name.startswith("auto_stop") else name for name in self.form.errors}
        typed["unclear"] = frozenset(broken & set(typed))
        return typed if "stops" in broken else typed | {"stops": self.form.seconds}

    def _initial(self) -> dict[str, Any]:
        return {
            "name": generated_name(),
            "version": self.version.uuid if self.version else None,
            "model": self.model.uuid if self.model else None,
            "submission": signing.Signer(salt=SALT).sign(str(uuid4())),
        }

    def _visible_version(self, code: UUID | None) -> ModelVersion | None:
        rows = versions_for(self.user).filter(model__workspace=self.workspace).select_related("inference_spec")
        return rows.filter(uuid=code).first() if code else None

    def _chosen_model(self, text: str) -> RegisteredModel | None:
        """The one chosen in its drop-down; before that the one of the version."""
        if code := as_uuid(text):
            return deployable_models(self.user, self.workspace).filter(uuid=code).first()
        return self.version.model if self.version else None


def _row_label(number: int, name: str) -> str:
    """`Environment variable 2 (MODE)`."""
    label = _("Environment variable %(number)s") % {"number": number}
    return f"{label} ({name})" if name else label
