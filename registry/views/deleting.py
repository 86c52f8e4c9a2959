"""Deleting a version or a model, after naming what goes with it."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Sum
from django.forms import Form
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods
from django_htmx.http import HttpResponseClientRedirect

from accounts.queries import require
from accounts.requests import ConsoleRequest
from accounts.roles import Action
from registry.forms import ModelDeleteForm
from registry.models import RegisteredModel
from registry.queries import models_for, versions_for
from registry.queries_uses import uses_of
from registry.services import MOST_AT_ONCE, Removal, VersionInUse, delete_model, delete_version
from registry.views.base import way_back


@require_http_methods(["GET", "HEAD", "POST"])
def version_delete(request: ConsoleRequest, code: UUID) -> HttpResponse:
    version = get_object_or_404(versions_for(request.user), uuid=code)
    require(request.user, Action.DELETE, version.model.workspace)
    context = {
        "version": version,
        "model": version.model,
        "is_last": version.model.version_count <= 1,
        "back": way_back(request, version.get_absolute_url()),
    }
    if request.method != "POST":
        in_use = uses_of(version.model.versions.filter(pk=version.pk))
        return _answer(request, "version_delete", {**context, "in_use": in_use, "blocked": bool(in_use)})
    try:
        model_went = delete_version(version, by=request.user)
    except VersionInUse as refused:
        return _answer(request, "version_delete", {**context, "in_use": [refused], "blocked": True}, status=409)
    messages.success(
        request, _("Version %(version)s was deleted.") % {"version": f"{version.model.name} {version.number}"}
    )
    return _leave(request, _list_address() if model_went else _list_address(version.model))


@require_http_methods(["GET", "HEAD", "POST"])
def model_delete(request: ConsoleRequest, code: UUID) -> HttpResponse:
    model = get_object_or_404(models_for(request.user).select_related("workspace"), uuid=code)
    require(request.user, Action.DELETE, model.workspace)
    form = _confirmation(request, model)
    context = {
        "model": model,
        "bytes": model.versions.aggregate(total=Sum("size"))["total"] or 0,
        "form": form,
        "at_once": MOST_AT_ONCE if model.version_count > MOST_AT_ONCE else 0,
        "back": way_back(request, _list_address()),
    }
    if request.method != "POST":
        return _answer(request, "model_delete", context | _used(model))
    if not form.is_valid():
        return _answer(request, "model_delete", context | _used(model), status=422)
    removal = delete_model(model, by=request.user)
    if removal.in_use and not removal.deleted:
        context |= {"in_use": removal.in_use, "blocked": True}
        return _answer(request, "model_delete", context, status=409)
    _say(request, model, removal)
    return _leave(request, _list_address(model) if removal.remaining else _list_address())


def _used(model: RegisteredModel) -> dict[str, Any]:
    """The versions that stay because something rests on them, and how many would go."""
    in_use = uses_of(model.versions.all())
    going = max(0, model.version_count - len(in_use))
    return {"in_use": in_use, "blocked": bool(in_use) and not going, "going": going}


def _confirmation(request: ConsoleRequest, model: RegisteredModel) -> Form:
    """The name must be typed when more than one version would go."""
    data = request.POST if request.method == "POST" else None
    return ModelDeleteForm(data, expected=model.name) if model.version_count > 1 else Form(data)


def _say(request: ConsoleRequest, model: RegisteredModel, removal: Removal) -> None:
    deleted = len(removal.deleted)
    if not removal.remaining:
        messages.success(request, _("Model %(name)s was deleted.") % {"name": model.name})
        return
    done = ngettext(
        "%(count)d version of %(name)s was deleted: %(versions)s.",
        "%(count)d versions of %(name)s were deleted: %(versions)s.",
        deleted,
    ) % {"count": deleted, "name": model.name, "versions": ", ".join(removal.deleted)}
    rest = ngettext(
        "%(count)d version is still there. Delete the model again to go on.",
        "%(count)d versions are still there. Delete the model again to go on.",
        removal.remaining,
    ) % {"count": removal.remaining}
    messages.warning(request, f"{done} {rest}")
    for used in removal.in_use:
        users = ", ".join(str(user) for user in used.users)
        messages.warning(
            request,
            _("Version %(version)s is in use and was kept: %(users)s.")
            % {"version": used.version.number, "users": users},
        )


def _list_address(model: RegisteredModel | None = None) -> str:
    address = reverse("registry:model-list")
    return f"{address}?open={model.uuid}" if model else address


def _answer(request: ConsoleRequest, name: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    """The dialog when htmx asked for it, else the page with the same words; htmx swaps a refusal only with 422."""
    context |= {"name": name, "content_template": f"registry/_{name}.html", "address": request.get_full_path()}
    if not request.htmx:
        return render(request, "registry/delete.html", context, status=status)
    return render(request, "registry/_delete_dialog.html", context, status=status if status == 200 else 422)


def _leave(request: ConsoleRequest, address: str) -> HttpResponse:
    return HttpResponseClientRedirect(address) if request.htmx else HttpResponseRedirect(address)
