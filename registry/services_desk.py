"""Commands of the review desk: a decision on what the person really saw, on one version or on several."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from django.core.exceptions import PermissionDenied
from django.db import transaction

from accounts.models import User
from registry.errors import ReviewRefused
from registry.models import ModelVersion, Review, ReviewState
from registry.services_review import approve_version, reject_version
from registry.transitions import lock_model


class Decision(StrEnum):
    APPROVE = "approve"
    REJECT = "reject"


@dataclass(frozen=True)
class Refusal:
    """A version that was not decided on, and the code and parameters of the reason."""

    version: ModelVersion
    code: str
    params: dict[str, object]


@transaction.atomic
def decide(version: ModelVersion, decision: Decision, *, seen: str, comment: str, by: User) -> None:
    """Approve or reject a version whose review is still in the state `seen`, so that nobody undoes what they never saw.

    Raises what the two commands raise, and ReviewRefused when somebody was faster.
    """
    lock_model(version.model_id)
    present = ModelVersion.objects.filter(pk=version.pk).values_list("review", flat=True).first()
    if present is None:
        raise ReviewRefused("review.version_gone")
    if present != seen:
        raise ReviewRefused("review.changed_meanwhile", name=_last_actor(version))
    if decision is Decision.APPROVE:
        approve_version(version, comment=comment, by=by)
    else:
        reject_version(version, comment=comment, by=by)


def decide_all(
    versions: Iterable[ModelVersion], decision: Decision, *, comment: str, by: User
) -> tuple[list[ModelVersion], list[Refusal]]:
    """Decide on each version that awaits it; the others come back with their reasons."""
    decided, refused = [], []
    for version in versions:
        try:
            decide(version, decision, seen=ReviewState.REQUESTED, comment=comment, by=by)
            decided.append(version)
        except ReviewRefused as refusal:
            refused.append(Refusal(version, refusal.code, refusal.params))
        except PermissionDenied:
            refused.append(Refusal(version, "review.no_role", {"workspace": version.model.workspace.name}))
    return decided, refused


def _last_actor(version: ModelVersion) -> str:
    record = Review.objects.filter(version=version).select_related("version").first()
    if record is None:
        return "--"
    asked_again = record.version.review == ReviewState.REQUESTED
    return record.requested_by_name if asked_again else record.decided_by_name
