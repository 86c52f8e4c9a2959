"""Which versions await a decision, and what to compare them with."""

from django.db.models import Case, Q, QuerySet, When

from accounts.models import User, Workspace
from accounts.queries import Person, workspaces_for
from accounts.roles import Action
from registry.models import ModelVersion, Review, ReviewState
from registry.queries import LARGE, versions_for
from registry.queries_compared import comparable


def awaiting_review(user: Person, workspace: Workspace | None = None) -> QuerySet[ModelVersion]:
    """The versions on which `user` may be asked to decide, the longest waiting first; of one workspace or of all."""
    asked = versions_for(user, Action.APPROVE).filter(review=ReviewState.REQUESTED)
    asked = asked.filter(model__workspace=workspace) if workspace else asked
    return asked.defer(*LARGE).order_by("review_record__requested_at", "pk")


def last_approved(version: ModelVersion) -> ModelVersion | None:
    """The version of the same model that was approved last, not this one itself."""
    approved = comparable(version.model).filter(review=ReviewState.APPROVED).exclude(pk=version.pk)
    return approved.order_by("-review_record__decided_at", "-pk").first()


def reviews_for(user: Person) -> QuerySet[Review]:
    """The last review of every version in the workspaces `user` sees, with version, model and workspace loaded."""
    rows = Review.objects.filter(version__model__workspace__in=workspaces_for(user))
    return rows.select_related("version__model__workspace")


def next_to_judge(user: User, after: Review | None = None) -> Review | None:
    """The review on which `user` may decide that waits longest; after one of them, the next in line."""
    mine = Q(version__created_by=user, version__model__workspace__four_eyes=True)
    waiting = Review.objects.filter(version__in=awaiting_review(user).order_by().values("pk")).exclude(mine)
    waiting = waiting.select_related("version__model").defer(*(f"version__{name}" for name in LARGE))
    if after is None:
        return waiting.order_by("requested_at", "pk").first()
    later = Q(requested_at__gt=after.requested_at) | Q(requested_at=after.requested_at, pk__gt=after.pk)
    in_line = Case(When(later, then=0), default=1)
    return waiting.exclude(pk=after.pk).order_by(in_line, "requested_at", "pk").first()
