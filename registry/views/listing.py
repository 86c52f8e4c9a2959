"""The model list, and the version table that opens below a model."""

from dataclasses import dataclass, replace
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from accounts.requests import ConsoleRequest, allowed, follow_to
from registry.models import DeploymentType, ModelSource, RegisteredModel, SourceKind, Status
from registry.queries import (
    ModelFilter,
    ModelPage,
    VersionFilter,
    VersionPage,
    engines_of,
    model_page,
    models_for,
    version_page,
    versions_for,
)
from registry.views.base import Column, Heading, as_uuid, headings, is_part

MODEL_COLUMNS = (
    Column(_("Model name"), "name"),
    Column(_("Latest version")),
    Column(_("Status")),
    Column(_("Deployment type")),
    Column(pgettext_lazy("column", "Versions"), "version_count", descends=True, css="numeric"),
    Column(_("Created at"), "created_at", descends=True),
    Column(_("Description")),
)
VERSION_COLUMNS = (
    Column(_("Version"), "number", descends=True),
    Column(_("Status")),
    Column(_("Deployment type")),
    Column(_("Model size"), "size", descends=True, css="numeric"),
    Column(_("Model source")),
    Column(_("Created at"), "created_at", descends=True),
    Column(_("Description")),
)


@dataclass(frozen=True)
class VersionTable:
    """The versions of one model as a table that can stand below its row or on a page of its own."""

    model: RegisteredModel
    wanted: VersionFilter
    page: VersionPage
    headings: list[Heading]


def _version_table(model: RegisteredModel, wanted: VersionFilter) -> VersionTable:
    return VersionTable(model, wanted, version_page(model.versions.all(), wanted), headings(VERSION_COLUMNS, wanted))


@require_safe
@vary_on_headers("HX-Request")
def model_list(request: ConsoleRequest) -> HttpResponse:
    wanted = ModelFilter.from_query(request.GET)
    models = models_for(request.user).filter(workspace=request.workspace)
    page, opened = _with_opened(model_page(models, wanted), models, request.GET.get("open", ""))
    context = {
        "wanted": wanted,
        "page": page,
        "headings": headings(MODEL_COLUMNS, wanted),
        "engines": engines_of(request.workspace),
        "statuses": Status.choices,
        "source_kinds": SourceKind.values,
        "sources": ModelSource.choices,
        "types": DeploymentType.choices,
        "opened": opened,
        "allowed": allowed(request, request.workspace),
    }
    if not is_part(request, "models"):
        return render(request, "registry/model_list.html", context)
    response = render(request, "registry/_models.html", context)
    response["HX-Push-Url"] = f"{request.path}?{wanted.as_query(after=wanted.after, before=wanted.before)}".rstrip("?")
    return response


def _with_opened(
    page: ModelPage, models: QuerySet[RegisteredModel], wanted: str
) -> tuple[ModelPage, VersionTable | None]:
    """The page with the row that the address asks to be open; a row of another page comes to the top of this one."""
    model = next((model for model in page.rows if str(model.uuid) == wanted.lower()), None)
    if model is None and (code := as_uuid(wanted)):
        model = models.select_related("latest").filter(uuid=code).first()
        page = replace(page, rows=(model, *page.rows)) if model else page
    return page, _version_table(model, VersionFilter()) if model else None


@require_safe
@vary_on_headers("HX-Request")
def model_versions(request: ConsoleRequest, code: UUID) -> HttpResponse:
    """A page of its own, or the table alone when it opens below its row."""
    model = get_object_or_404(models_for(request.user).select_related("workspace"), uuid=code)
    follow_to(request, model.workspace)
    context = {
        "model": model,
        "table": _version_table(model, VersionFilter.from_query(request.GET)),
        "allowed": allowed(request, model.workspace),
    }
    part = bool(request.htmx) and not request.htmx.history_restore_request
    return render(request, "registry/_versions.html" if part else "registry/model_versions.html", context)


@require_safe
def version_status(request: ConsoleRequest, code: UUID) -> HttpResponse:
    """The badge of a version, which asks for itself again until the version is at rest."""
    version = get_object_or_404(versions_for(request.user), uuid=code)
    return render(request, "registry/_status.html", {"version": version})
