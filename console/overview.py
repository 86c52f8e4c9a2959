"""The figures of the overview page, in a constant number of queries."""

from dataclasses import dataclass

from django.db.models import Count, Sum

from accounts.models import Workspace
from accounts.queries import Person
from importers.models import ImportJob
from importers.queries import jobs_for
from registry.models import Status
from registry.queries import models_for, versions_for
from registry.queries_review import awaiting_review
from stores.models import Bucket
from stores.queries import buckets_for

SHOWN = 5
BUSY = (Status.IMPORTING, Status.BUILDING)
BROKEN = (Status.FAILED, Status.BUILD_FAILED)


@dataclass(frozen=True)
class Figures:
    """`models`, `normal`, `busy` and `broken` count models by the status of their latest version.

    `awaiting` counts the versions that this person may be asked to decide on.
    """

    models: int
    normal: int
    busy: int
    broken: int
    awaiting: int
    versions: int
    size: int
    jobs: tuple[ImportJob, ...]
    buckets: tuple[Bucket, ...]


def figures_of(user: Person, workspace: Workspace) -> Figures:
    """What `user` may see of `workspace`."""
    models = models_for(user).filter(workspace=workspace).order_by()
    by_status = dict(models.values_list("latest_status").annotate(Count("pk")))
    stored = versions_for(user).filter(model__workspace=workspace).aggregate(count=Count("pk"), size=Sum("size"))
    return Figures(
        models=sum(by_status.values()),
        normal=by_status.get(Status.NORMAL, 0),
        busy=sum(by_status.get(status, 0) for status in BUSY),
        broken=sum(by_status.get(status, 0) for status in BROKEN),
        awaiting=awaiting_review(user, workspace).count(),
        versions=stored["count"],
        size=stored["size"] or 0,
        jobs=tuple(jobs_for(user).filter(workspace=workspace).select_related("version__model")[:SHOWN]),
        buckets=tuple(buckets_for(user, workspace)[:SHOWN]),
    )
