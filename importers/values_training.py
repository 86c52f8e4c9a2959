"""What somebody says of a training run, as it travels from a form, a script or a tracking server."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from importers.catalogue_algorithms import ALGORITHMS
from importers.models import AlgorithmKind, RunStatus
from registry.findings import message_for
from registry.validators import has_hidden_characters
from stores.errors import SourceRefused
from stores.paths import parse_location

LONGEST_NAME = 128
LONGEST_PATH = 2048
LONGEST_ENGINE = 36
MOST_ENTRIES = 200
LONGEST_VALUE = 2000
# Of the times of a run: every clock in the world can show them.
YEARS = range(1970, 9999)


@dataclass(frozen=True)
class RunValues:
    """One run of the job called `job`. What is empty is not said, which never contradicts what was said before.

    A new run needs a status; without a kind it is one of a common framework. `metrics` are numbers by name,
    `parameters` plain JSON values by name.
    """

    job: str
    external_id: str
    status: str = ""
    kind: str = ""
    algorithm: str = ""
    project: str = ""
    engine: str = ""
    output_path: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    deployed: bool = False
    external_url: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None


def check_run(values: RunValues, *, new: bool = False) -> None:
    """Raise ValidationError with everything that is wrong with the values, by field.

    `new` asks for what must be said of a run that nobody knows of yet.
    """
    problems: dict[str, list[ValidationError]] = {}
    for name, rule in (*_RULES, *(_NEW_RULES if new else ())):
        try:
            rule(values)
        except ValidationError as error:
            problems.setdefault(name, []).append(error)
    if problems:
        raise ValidationError(problems)


def problems_of(values: RunValues, *, new: bool) -> dict[str, list[str]]:
    """What `check_run` would raise, in words."""
    try:
        check_run(values, new=new)
    except ValidationError as error:
        return error.message_dict
    return {}


def _named(text: str, *, required: bool) -> None:
    if required and not text:
        raise ValidationError(_("This field is required."), code="required")
    if len(text) > LONGEST_NAME:
        raise ValidationError(_("At most %(most)s characters."), params={"most": LONGEST_NAME}, code="too_long")
    if text != text.strip() or has_hidden_characters(text):
        raise ValidationError(
            _("Remove the spaces around it and every control or direction character."), code="hidden_characters"
        )


def _check_status(values: RunValues) -> None:
    if values.status and values.status not in RunStatus.values:
        raise ValidationError(
            _("“%(value)s” is no status. Choose one of: %(known)s."),
            params={"value": values.status[:40], "known": ", ".join(RunStatus.values)},
            code="unknown",
        )


def _check_kind(values: RunValues) -> None:
    if values.kind and values.kind not in AlgorithmKind.values:
        raise ValidationError(
            _("“%(value)s” is no kind of algorithm. Choose one of: %(known)s."),
            params={"value": values.kind[:40], "known": ", ".join(AlgorithmKind.values)},
            code="unknown",
        )


def _check_algorithm(values: RunValues) -> None:
    _named(values.algorithm, required=values.kind == AlgorithmKind.BUILT_IN)
    if values.kind == AlgorithmKind.BUILT_IN and values.algorithm not in ALGORITHMS:
        raise ValidationError(
            _("“%(value)s” is no built-in algorithm. Choose one of: %(known)s."),
            params={"value": values.algorithm[:40], "known": ", ".join(ALGORITHMS)},
            code="unknown",
        )


def _check_project(values: RunValues) -> None:
    _named(values.project, required=values.kind == AlgorithmKind.EXEML)
    if values.project and values.kind and values.kind != AlgorithmKind.EXEML:
        raise ValidationError(_("Only a run of ExeML has a project."), code="not_exeml")


def _check_output(values: RunValues) -> None:
    if not values.output_path:
        return
    if len(values.output_path) > LONGEST_PATH:
        raise ValidationError(_("At most %(most)s characters."), params={"most": LONGEST_PATH}, code="too_long")
    try:
        parse_location(values.output_path)
    except SourceRefused as error:
        raise ValidationError(message_for(error.code, error.params), code=error.code) from error


def _check_engine(values: RunValues) -> None:
    _named(values.engine, required=False)
    if len(values.engine) > LONGEST_ENGINE:
        raise ValidationError(_("At most %(most)s characters."), params={"most": LONGEST_ENGINE}, code="too_long")


def _check_deployed(values: RunValues) -> None:
    if values.deployed and values.kind and values.kind != AlgorithmKind.EXEML:
        raise ValidationError(_("Only runs of ExeML are imported because they were deployed."), code="not_exeml")
    if values.deployed and values.status and values.status != RunStatus.SUCCESSFUL:
        raise ValidationError(_("Only a successful run can have been deployed."), code="not_successful")


def _check_new_status(values: RunValues) -> None:
    if not values.status:
        raise ValidationError(_("This field is required."), code="required")


def _check_new_output(values: RunValues) -> None:
    if values.deployed and not values.output_path:
        raise ValidationError(_("Say where the deployed run left its output."), code="required")


def _check_entries(entries: Mapping[str, Any]) -> None:
    if len(entries) > MOST_ENTRIES:
        raise ValidationError(_("At most %(most)s entries."), params={"most": MOST_ENTRIES}, code="too_many")
    for name in entries:
        _named(name, required=True)


def _check_metrics(values: RunValues) -> None:
    _check_entries(values.metrics)
    wrong = [name for name, value in values.metrics.items() if not _finite(value)]
    if wrong:
        raise ValidationError(
            _("A metric is a finite number; this is not: %(names)s."),
            params={"names": ", ".join(wrong[:5])},
            code="not_a_number",
        )


def _finite(value: Any) -> bool:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _check_parameters(values: RunValues) -> None:
    _check_entries(values.parameters)
    wrong = [name for name, value in values.parameters.items() if len(str(value)) > LONGEST_VALUE]
    if wrong:
        raise ValidationError(
            _("The value of a parameter has at most %(most)s characters: %(names)s."),
            params={"most": LONGEST_VALUE, "names": ", ".join(wrong[:5])},
            code="too_long",
        )


def _check_url(values: RunValues) -> None:
    address = values.external_url
    if address and (not re.fullmatch(r"https?://\S{1,2000}", address) or has_hidden_characters(address)):
        raise ValidationError(_("An address begins with http:// or https://."), code="no_address")


def _check_year(moment: datetime | None) -> None:
    if moment and moment.year not in YEARS:
        raise ValidationError(
            _("Only times from the years %(first)s to %(last)s can be kept."),
            params={"first": YEARS[0], "last": YEARS[-1]},
            code="year",
        )


def _check_times(values: RunValues) -> None:
    if values.started_at and values.finished_at and values.finished_at < values.started_at:
        raise ValidationError(_("A run cannot finish before it started."), code="order")


_RULES: tuple[tuple[str, Callable[[RunValues], None]], ...] = (
    ("job", lambda values: _named(values.job, required=True)),
    ("external_id", lambda values: _named(values.external_id, required=True)),
    ("status", _check_status),
    ("kind", _check_kind),
    ("algorithm", _check_algorithm),
    ("project", _check_project),
    ("engine", _check_engine),
    ("output_path", _check_output),
    ("deployed", _check_deployed),
    ("metrics", _check_metrics),
    ("parameters", _check_parameters),
    ("external_url", _check_url),
    ("started_at", lambda values: _check_year(values.started_at)),
    ("finished_at", lambda values: _check_year(values.finished_at)),
    ("finished_at", _check_times),
)
_NEW_RULES: tuple[tuple[str, Callable[[RunValues], None]], ...] = (
    ("status", _check_new_status),
    ("output_path", _check_new_output),
)
