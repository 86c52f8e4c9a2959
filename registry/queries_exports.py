"""Which export jobs a user may see, and which need attention."""

from datetime import datetime

from django.db.models import Q, QuerySet

from accounts.queries import Person, workspaces_for
from accounts.roles import Action
from registry.models import ModelVersion
from registry.models_exports import ExportJob, ExportState

LAST_SHOWN = 5


def exports_for(user: Person, action: Action = Action.VIEW) -> QuerySet[ExportJob]:
    """The jobs of the workspaces in which `user` may do `action`."""
    return ExportJob.objects.filter(workspace__in=workspaces_for(user, action))


def last_exports(user: Person, version: ModelVersion, *, limit: int = LAST_SHOWN) -> list[ExportJob]:
    """The newest exports of a version into buckets."""
    return list(exports_for(user).filter(version_uuid=version.uuid)[:limit])


def claimable(now: datetime) -> Q:
    """What a worker may take: a queued job whose time has come, or one whose worker fell silent."""
    return _due(now) | lost(now)


def lost(now: datetime) -> Q:
    """Jobs under way whose worker has not been heard of for a whole lease."""
    return Q(state=ExportState.WRITING, lease_until__lt=now)


def unrung(now: datetime) -> Q:
    """Queued jobs whose time has come and whose last bell nobody answered within a lease."""
    return _due(now) & Q(lease_until__lt=now)


def stoppable() -> Q:
    """What has not ended, but for an object that gets its name this moment."""
    return Q(state=ExportState.QUEUED) | Q(state=ExportState.WRITING, placing=False)


def complete() -> Q:
    """Jobs whose version and bucket are both still there."""
    return Q(version__isnull=False, bucket__isnull=False)


def incomplete() -> Q:
    """Jobs that lost their version or their bucket; a negation would match rows by a slower way."""
    return Q(version__isnull=True) | Q(bucket__isnull=True)


def _due(now: datetime) -> Q:
    return Q(state=ExportState.QUEUED) & (Q(not_before=None) | Q(not_before__lte=now))
