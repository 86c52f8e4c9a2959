"""State changes of versions: one conditional UPDATE and one event, and the model's `latest_*` columns with them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import Q

from accounts.models import User
from registry.models import DeploymentType, ModelVersion, RegisteredModel, ReviewState, Status, VersionEvent
from registry.queries import LARGE, TYPE_COLUMNS


@dataclass(frozen=True)
class Line:
    """One line of a version's history, not yet written."""

    code: str
    params: Mapping[str, Any] = field(default_factory=dict)
    abnormal: bool = False


def lock_model(model_id: int) -> RegisteredModel | None:
    """Hold the model's row until the transaction ends; whoever changes a version of it comes here first."""
    rows = RegisteredModel.objects.select_for_update(of=("self",)).select_related("workspace")
    return rows.filter(pk=model_id).first()


@transaction.atomic
def move(
    version: ModelVersion,
    to: Status,
    *events: Line,
    when: Q,
    by: User | None = None,
    values: Mapping[str, Any] | None = None,
) -> bool:
    """Bring the version to `to` together with `values`, if `when` still holds; records `events`.

    False, with nothing changed, when somebody else was faster. The given instance follows the row.
    """
    model = lock_model(version.model_id)
    changes = {"status": to, "lease_until": None, **(values or {})}
    if model is None or ModelVersion.objects.filter(when, pk=version.pk).update(**changes) != 1:
        return False
    append_events(version, *events, by=by)
    refresh_latest(model)
    for name, value in changes.items():
        setattr(version, name, value)
    return True


@transaction.atomic
def claim(version: ModelVersion, event: Line, *, when: Q, values: Mapping[str, Any]) -> bool:
    """Take the version for work without changing its status, if `when` still holds."""
    if ModelVersion.objects.filter(when, pk=version.pk).update(**values) != 1:
        return False
    append_events(version, event)
    version.refresh_from_db(fields=[*values])
    return True


def hold(version: ModelVersion, *, when: Q, values: Mapping[str, Any]) -> bool:
    """Change how long the version is somebody's, if `when` still holds; no event."""
    if ModelVersion.objects.filter(when, pk=version.pk).update(**values) != 1:
        return False
    version.refresh_from_db(fields=[*values])
    return True


@transaction.atomic
def judge(version: ModelVersion, to: ReviewState, event: Line, *, when: Q, by: User) -> bool:
    """Bring the version's review to `to`, if `when` still holds; records `event`. False when it does not."""
    if lock_model(version.model_id) is None:
        return False
    if ModelVersion.objects.filter(when, pk=version.pk).update(review=to) != 1:
        return False
    append_events(version, event, by=by)
    version.review = to
    return True


def append_events(version: ModelVersion, *events: Line, by: User | None = None) -> None:
    actor = by.get_username() if by else ""
    for line in events:
        VersionEvent.objects.create(
            version=version, code=line.code, params=dict(line.params), abnormal=line.abnormal, actor_name=actor
        )


def refresh_latest(model: RegisteredModel) -> None:
    """Make the `latest_*` columns and the count true again; the highest version by its numbers is the latest."""
    latest = model.versions.defer(*LARGE).first()
    types = latest.types if latest else []
    values = {
        "latest": latest,
        "latest_status": latest.status if latest else Status.IMPORTING,
        "latest_engine": latest.engine if latest else "",
        "latest_source": latest.model_source if latest else "",
        "latest_source_kind": latest.source_kind if latest else "",
        "latest_types": ",".join(types),
        "version_count": model.versions.count(),
        **{TYPE_COLUMNS[kind]: kind in types for kind in DeploymentType.values},
    }
    RegisteredModel.objects.filter(pk=model.pk).update(**values)
    for name, value in values.items():
        setattr(model, name, value)
