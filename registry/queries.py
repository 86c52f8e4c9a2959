"""What a user may see of models and versions, and the pages of their lists."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.models import Workspace
from accounts.queries import Person, workspaces_for
from accounts.queries_lists import ListFilter as ListFilter
from accounts.queries_lists import cleaned as cleaned
from accounts.queries_lists import order_of, sorts_of
from accounts.roles import Action
from registry.keyset import slice_of
from registry.models import DeploymentType, Label, ModelSource, ModelVersion, RegisteredModel, SourceKind, Status
from registry.versions import FIRST, HIGHEST, Version

PAGE_SIZE = 25
MOST_COUNTED = 10_000
MODEL_ORDERS = {"name": ("name",), "created_at": ("created_at", "id"), "version_count": ("version_count", "id")}
VERSION_ORDERS = {"number": ("major", "minor", "patch"), "created_at": ("created_at", "id"), "size": ("size", "id")}
TYPE_COLUMNS = {
    DeploymentType.REAL_TIME.value: "latest_real_time",
    DeploymentType.BATCH.value: "latest_batch",
    DeploymentType.EDGE.value: "latest_edge",
}
# Texts and reports of a version can be large and no list shows them.
LARGE = ("source_params", "sample", "config_found", "config_used", "config", "findings", "scan")

# From one engine to the next along an index, instead of through every model.
ENGINES = """
WITH RECURSIVE found(engine) AS (
    SELECT MIN(latest_engine) FROM registry_registeredmodel
    WHERE workspace_id = %(workspace)s AND latest_engine > ''
    UNION ALL
    SELECT (SELECT MIN(latest_engine) FROM registry_registeredmodel
            WHERE workspace_id = %(workspace)s AND latest_engine > found.engine)
    FROM found WHERE found.engine IS NOT NULL
)
SELECT engine FROM found WHERE engine IS NOT NULL
"""


@dataclass(frozen=True)
class ModelFilter(ListFilter):
    """The model list: all filters but `q` (part of the name) are about the latest version."""

    sort: str = "-created_at"
    status: str = ""
    engine: str = ""
    source_kind: str = ""
    source: str = ""
    type: str = ""
    label: str = ""

    known: ClassVar[Mapping[str, frozenset[str]]] = {
        "sort": sorts_of(MODEL_ORDERS),
        "status": frozenset(Status.values),
        "source_kind": frozenset(SourceKind.values),
        "source": frozenset(ModelSource.values),
        "type": frozenset(DeploymentType.values),
    }


@dataclass(frozen=True)
class VersionFilter(ListFilter):
    """The version table of one model; `q` is the beginning of a version string."""

    sort: str = "-number"

    known: ClassVar[Mapping[str, frozenset[str]]] = {"sort": sorts_of(VERSION_ORDERS)}


@dataclass(frozen=True)
class ModelPage:
    """`next` and `previous` are cursors for `after` and `before`, empty where there is nothing more.

    `uncounted` says that there are more rows than `total`: what a filter leaves is counted no further.
    """

    rows: tuple[RegisteredModel, ...]
    total: int
    next: str
    previous: str
    uncounted: bool = False


@dataclass(frozen=True)
class VersionPage:
    """Like ModelPage, of one model's versions."""

    rows: tuple[ModelVersion, ...]
    total: int
    next: str
    previous: str


def models_for(user: Person) -> QuerySet[RegisteredModel]:
    return RegisteredModel.objects.filter(workspace__in=workspaces_for(user))


def versions_for(user: Person, action: Action = Action.VIEW) -> QuerySet[ModelVersion]:
    """Those of the workspaces in which `user` may do `action`, with model and workspace loaded."""
    rows = ModelVersion.objects.filter(model__workspace__in=workspaces_for(user, action))
    return rows.select_related("model__workspace")


def model_page(models: QuerySet[RegisteredModel], wanted: ModelFilter, *, limit: int = PAGE_SIZE) -> ModelPage:
    """A page of `models` (those of one workspace), each with `latest` loaded but for its texts and reports."""
    rows = models.filter(_model_condition(wanted))
    listed = rows.select_related("latest").defer(*(f"latest__{name}" for name in LARGE))
    order = order_of(MODEL_ORDERS, wanted.sort)
    found = slice_of(listed, order, after=wanted.after, before=wanted.before, limit=limit)
    total = rows.order_by()[: MOST_COUNTED + 1].count() if wanted.narrowed else rows.count()
    many = wanted.narrowed and total > MOST_COUNTED
    return ModelPage(found.rows, MOST_COUNTED if many else total, found.next, found.previous, uncounted=many)


def version_page(versions: QuerySet[ModelVersion], wanted: VersionFilter, *, limit: int = PAGE_SIZE) -> VersionPage:
    """A page of the versions of one model, without their texts and reports."""
    rows = versions.filter(_begins_with(wanted.q))
    order = order_of(VERSION_ORDERS, wanted.sort)
    found = slice_of(rows.defer(*LARGE), order, after=wanted.after, before=wanted.before, limit=limit)
    return VersionPage(found.rows, rows.count(), found.next, found.previous)


def engines_of(workspace: Workspace | None) -> list[str]:
    """The engines of the latest versions: what the list offers to filter by."""
    if workspace is None:
        return []
    with connection.cursor() as cursor:
        cursor.execute(ENGINES, {"workspace": workspace.pk})
        return [engine for (engine,) in cursor.fetchall()]


def next_number(model: RegisteredModel) -> Version | None:
    """The number offered for a new version: the one after the highest; None at the end of the numbers."""
    highest = model.versions.order_by("-major", "-minor", "-patch").values_list("major", "minor", "patch").first()
    return Version(*highest).next() if highest else FIRST


def may_download(version: ModelVersion) -> bool:
    """ExeML and subscribed versions are never given out, whoever asks."""
    return version.model_source not in {ModelSource.EXEML, ModelSource.SUBSCRIBED}


def _model_condition(wanted: ModelFilter) -> Q:
    conditions = {
        "name__icontains": wanted.q,
        "latest_status": wanted.status,
        "latest_engine": wanted.engine,
        "latest_source_kind": wanted.source_kind,
        "latest_source": wanted.source,
    }
    condition = Q(**{name: value for name, value in conditions.items() if value})
    if wanted.type:  # `IN` compiles to an equality; `= True` would to a bare column, for which SQLite uses no index.
        condition &= Q(**{f"{TYPE_COLUMNS[wanted.type]}__in": [True]})
    if wanted.label:
        condition &= Q(Exists(Label.objects.filter(version=OuterRef("latest_id"), name=wanted.label)))
    return condition


def _begins_with(text: str) -> Q:
    """Versions whose string begins with `text`; "0.1" finds 0.1.7 and 0.12.0."""
    if not text:
        return Q()
    parts = text.split(".")
    if len(parts) > len(Version._fields) or not all(_is_number(part) for part in parts[:-1]):
        return Q(pk__in=[])
    condition = Q(**dict(zip(Version._fields, (int(part) for part in parts[:-1]), strict=False)))
    return condition & _number_begins_with(Version._fields[len(parts) - 1], parts[-1])


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and text == str(int(text[:3])) and int(text[:3]) <= HIGHEST


def _number_begins_with(column: str, digits: str) -> Q:
    if not digits:
        return Q()
    if not _is_number(digits):
        return Q(pk__in=[])
    number = int(digits)
    longer = Q(**{f"{column}__range": (number * 10, number * 10 + 9)}) if 0 < number < 10 else Q(pk__in=[])
    return Q(**{column: number}) | longer
