"""Commands of the review of versions, and the gate that asks for its outcome."""

from enum import StrEnum

from django.db import transaction
from django.db.models import Q
from django.utils.timezone import now

from accounts.models import User
from accounts.queries import require
from accounts.roles import Action
from accounts.services import record_audit
from registry import transitions
from registry.errors import ReviewRefused, UseRefused
from registry.models import ModelVersion, Proof, Review, ReviewState, Status
from registry.transitions import Line
from registry.values import LONGEST_COMMENT

REQUESTED = Q(review=ReviewState.REQUESTED)


class Use(StrEnum):
    """What a version is approved for."""

    PUBLISH = "publish"
    DEPLOY = "deploy"


@transaction.atomic
def request_review(version: ModelVersion, *, note: str = "", by: User) -> None:
    """Ask the reviewers of the workspace to decide on a Normal version; also once more after they rejected it.

    What they decided then stays on record until they decide again.
    Raises NotAllowed, and ReviewRefused when there is nothing to ask for.
    """
    require(by, Action.EDIT, version.model.workspace)
    _check_length(note)
    if version.status != Status.NORMAL:
        raise ReviewRefused("review.not_normal")
    undecided = Q(status=Status.NORMAL, review__in=[ReviewState.NONE, ReviewState.REJECTED])
    _move(version, ReviewState.REQUESTED, Line("review.requested", {"note": note}), when=undecided, by=by)
    record_audit(version.model.workspace, "review.requested", by=by, **_named(version), note=note)
    values = {"requested_by": by, "requested_by_name": by.get_username(), "requested_at": now(), "note": note}
    Review.objects.update_or_create(version=version, defaults=values)


@transaction.atomic
def withdraw_review(version: ModelVersion, *, by: User) -> None:
    """Take a request back that nobody has decided on; a version rejected before is rejected again.

    Raises NotAllowed and ReviewRefused.
    """
    require(by, Action.EDIT, version.model.workspace)
    rejected = Review.objects.filter(version=version, decided_at__isnull=False).exists()
    to = ReviewState.REJECTED if rejected else ReviewState.NONE
    _move(version, to, Line("review.withdrawn"), when=REQUESTED, by=by)
    record_audit(version.model.workspace, "review.withdrawn", by=by, **_named(version))
    if not rejected:
        Review.objects.filter(version=version).delete()


@transaction.atomic
def approve_version(version: ModelVersion, *, comment: str = "", by: User) -> None:
    """Say yes to a requested version.

    Raises NotAllowed, and ReviewRefused for one's own version (unless the workspace allows that) and when nobody
    asked or somebody else was faster.
    """
    _check_judge(version, by)
    _check_length(comment)
    _move(version, ReviewState.APPROVED, Line("review.approved", {"comment": comment}), when=REQUESTED, by=by)
    record_audit(version.model.workspace, "review.approved", by=by, **_named(version), comment=comment)
    _decide(version, comment, by)


@transaction.atomic
def reject_version(version: ModelVersion, *, comment: str, by: User) -> None:
    """Say no to a requested version, or take an approval back; the comment says why. Raises as `approve_version`."""
    _check_judge(version, by)
    _check_length(comment)
    if not comment.strip():
        raise ReviewRefused("review.comment_missing")
    given = REQUESTED | Q(review=ReviewState.APPROVED)
    _move(version, ReviewState.REJECTED, Line("review.rejected", {"comment": comment}), when=given, by=by)
    record_audit(version.model.workspace, "review.rejected", by=by, **_named(version), comment=comment)
    _decide(version, comment, by)


def why_not_judge(version: ModelVersion, person: User) -> str:
    """The code of the reason why this reviewer may not decide on the version; empty when they may."""
    own = version.created_by_id is not None and version.created_by_id == person.pk
    return "review.own_version" if own and version.model.workspace.four_eyes else ""


def check_use(version: ModelVersion, use: Use, *, deployment_type: str = "") -> None:
    """The gate before a version is published or deployed; raises UseRefused. Every way to either passes here.

    It asks the database, so that neither an old page nor an old object opens it.
    """
    current = ModelVersion.objects.select_related("model__workspace").get(pk=version.pk)
    if refusal := why_not_use(current, use, deployment_type=deployment_type):
        raise UseRefused(refusal, engine=current.engine, type=deployment_type)


def why_not_use(version: ModelVersion, use: Use, *, deployment_type: str = "") -> str:
    """The code of the reason why the version, as it is given, may not be used so; empty when it may."""
    if version.status != Status.NORMAL:
        return "use.not_normal"
    if use == Use.DEPLOY and version.proof == Proof.CANNOT_RUN_HERE:
        return version.proof_code or "use.cannot_run"
    if deployment_type and deployment_type not in version.types:
        return "use.type_not_allowed"
    workspace = version.model.workspace
    needed = workspace.approval_to_publish if use == Use.PUBLISH else workspace.approval_to_deploy
    return "use.not_approved" if needed and version.review != ReviewState.APPROVED else ""


def _check_judge(version: ModelVersion, by: User) -> None:
    require(by, Action.APPROVE, version.model.workspace)
    if reason := why_not_judge(version, by):
        raise ReviewRefused(reason)


def _check_length(text: str) -> None:
    if len(text) > LONGEST_COMMENT:
        raise ReviewRefused("review.text_too_long", most=LONGEST_COMMENT)


def _move(version: ModelVersion, to: ReviewState, event: Line, *, when: Q, by: User) -> None:
    if not transitions.judge(version, to, event, when=when, by=by):
        raise ReviewRefused(_why_not_moved(version, to))


def _named(version: ModelVersion) -> dict[str, str]:
    return {"name": version.model.name, "version": version.number}


def _why_not_moved(version: ModelVersion, to: ReviewState) -> str:
    present = ModelVersion.objects.filter(pk=version.pk).values_list("review", flat=True).first()
    if present is None:
        return "review.version_gone"
    if present == to:
        return f"review.already_{to}"
    return "review.already_approved" if to == ReviewState.REQUESTED else "review.not_requested"


def _decide(version: ModelVersion, comment: str, by: User) -> None:
    decided = {"decided_by": by, "decided_by_name": by.get_username(), "decided_at": now(), "comment": comment}
    Review.objects.filter(version=version).update(**decided)
