"""Which versions await a decision, and what to compare them with."""

from django.db.models import QuerySet

from accounts.models import Workspace
from accounts.queries import Person
from accounts.roles import Action
from registry.models import ModelVersion, ReviewState
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
