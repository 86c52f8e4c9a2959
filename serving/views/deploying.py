"""Deploying a version as a real-time service."""

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts.requests import ConsoleRequest, follow_to, workspace_for
from accounts.roles import Action
from registry.models import ModelVersion
from registry.queries import versions_for
from registry.views.base import as_uuid, is_part
from serving.errors import ServiceRefused
from serving.models import Service
from serving.services import deploy
from serving.views.base import FLEETING
from serving.views.deploy_page import DeployPage


@require_http_methods(["GET", "HEAD", "POST"])
def service_new(request: ConsoleRequest) -> HttpResponse:
    """The form; without JavaScript a button of it shows another model's versions and the plan anew."""
    asked = _asked(request)
    if asked is not None:
        follow_to(request, asked.model.workspace)
    workspace = workspace_for(request, Action.DEPLOY)
    if request.method != "POST":
        return _page(request, DeployPage(request.user, workspace, asked=asked))
    page = DeployPage(request.user, workspace, data=request.POST)
    if "refresh" in request.POST:
        return _page(request, page)
    service = _submit(page) if page.is_valid() else None
    if service is None:
        return _page(request, page, status=422)
    messages.success(request, _("%(name)s is being deployed.") % {"name": service.name}, extra_tags=FLEETING)
    return HttpResponseRedirect(service.get_absolute_url())


@require_POST
def service_plan(request: ConsoleRequest) -> HttpResponse:
    """The plan for what was typed so far, and with another model also what depends on it."""
    workspace = workspace_for(request, Action.DEPLOY)
    page = DeployPage(request.user, workspace, data=request.POST)
    page.chosen_anew = is_part(request, "deploy-choice")
    template = "serving/_choice_answer.html" if page.chosen_anew else "serving/_plan.html"
    return render(request, template, {"page": page, "plan": page.plan})


def _asked(request: ConsoleRequest) -> ModelVersion | None:
    """The version that the address names."""
    text = request.GET.get("version", "")
    if not text or request.method == "POST":
        return None
    code = as_uuid(text)
    if code is None:
        raise Http404
    return get_object_or_404(versions_for(request.user).select_related("inference_spec"), uuid=code)


def _submit(page: DeployPage) -> Service | None:
    """None when it was refused, with the reason at its field."""
    if page.version is None:
        return None
    try:
        return deploy(page.version, page.deployment(), by=page.user)
    except ServiceRefused as refused:
        page.add_refusal(refused)
        return None


def _page(request: ConsoleRequest, page: DeployPage, *, status: int = 200) -> HttpResponse:
    return render(request, "serving/service_new.html", {"page": page, "plan": page.plan}, status=status)
