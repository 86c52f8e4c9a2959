"""Two versions of a model side by side, at an address that can be shared."""

from uuid import UUID

from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from accounts.requests import ConsoleRequest, follow_to
from registry.models import ModelVersion, RegisteredModel
from registry.queries import LARGE, models_for
from registry.queries_compared import comparable, sections_between
from registry.versions import Version

VERSIONS_OFFERED = 200


@require_safe
def model_compare(request: ConsoleRequest, code: UUID) -> HttpResponse:
    model = get_object_or_404(models_for(request.user).select_related("workspace"), uuid=code)
    follow_to(request, model.workspace)
    offered = list(comparable(model).defer(*LARGE)[:VERSIONS_OFFERED])
    after = _chosen(model, request.GET.get("b", "")) or comparable(model).first()
    before = _chosen(model, request.GET.get("a", "")) or _one_below(model, after) or after
    everything = request.GET.get("show") == "all"
    sections = sections_between(before, after, everything=everything) if before and after else []
    context = {
        "model": model,
        "offered": _with(offered, before, after),
        "before": before,
        "after": after,
        "everything": everything,
        "sections": [section for section in sections if section.rows],
        "differences": sum(section.differences for section in sections),
    }
    return render(request, "registry/compare.html", context)


def _chosen(model: RegisteredModel, number: str) -> ModelVersion | None:
    try:
        major, minor, patch = Version.parse(number)
    except ValueError:
        return None
    return comparable(model).filter(major=major, minor=minor, patch=patch).first()


def _one_below(model: RegisteredModel, version: ModelVersion | None) -> ModelVersion | None:
    """The version that came before by number: what one usually compares with."""
    if version is None:
        return None
    same = {"major": version.major, "minor": version.minor}
    lower = Q(major__lt=version.major) | Q(major=version.major, minor__lt=version.minor)
    return comparable(model).filter(lower | Q(**same, patch__lt=version.patch)).first()


def _with(offered: list[ModelVersion], *chosen: ModelVersion | None) -> list[ModelVersion]:
    return [*offered, *(version for version in chosen if version and version not in offered)]
