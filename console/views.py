"""The overview, the help pages, the health of the process, and what is shown when something goes wrong."""

import logging
import secrets

from django.contrib.auth.decorators import login_not_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template import loader
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django_guid import get_guid

from accounts.errors import NotAllowed
from accounts.queries import actions_in
from accounts.requests import ConsoleRequest
from accounts.roles import Action, roles_allowing
from console import example, health
from console import overview as figures
from console.help import TOPICS
from console.middleware import shown_path

logger = logging.getLogger(__name__)


@require_safe
def overview(request: ConsoleRequest) -> HttpResponse:
    workspace = request.workspace
    if workspace is None:
        return render(request, "console/no_workspace.html")
    context = {
        "figures": figures.figures_of(request.user, workspace),
        "may_import": Action.IMPORT in actions_in(request.user, workspace),
    }
    return render(request, "console/overview.html", context)


@require_safe
def help_index(request: HttpRequest) -> HttpResponse:
    return render(request, "console/help/index.html", {"topics": TOPICS.values()})


@require_safe
def help_topic(request: HttpRequest, topic: str) -> HttpResponse:
    if topic not in TOPICS:
        raise Http404
    return render(request, TOPICS[topic].template, {"topics": TOPICS.values(), "topic": TOPICS[topic]})


@require_safe
def example_package(request: HttpRequest) -> FileResponse:
    return FileResponse(example.package(), as_attachment=True, filename=example.FILE_NAME)


@login_not_required
@require_safe
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers; nothing else is asked."""
    return JsonResponse({"status": "ok"})


@login_not_required
@require_safe
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when everything a page needs answers, else 503 naming what does not."""
    down = health.parts_down()
    parts = {name: down.get(name, "ok") for name in health.PARTS}
    return JsonResponse({"status": "down" if down else "ok", "parts": parts}, status=503 if down else 200)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _error_page(request, "400.html", 400)


def not_allowed(request: HttpRequest, exception: Exception) -> HttpResponse:
    context = {}
    if isinstance(exception, NotAllowed):
        action = Action(exception.action)
        roles = [role.label for role in roles_allowing(action)]
        context = {"action": action.label, "roles": roles, "workspace_name": exception.workspace}
    return _error_page(request, "403.html", 403, **context)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _error_page(request, "404.html", 404)


def broken(request: HttpRequest) -> HttpResponse:
    """Without the request's context: whatever broke the page must not break this one too.

    The id is the request's, which stands beside the traceback in the log.
    """
    error_id = get_guid() or secrets.token_hex(16)
    logger.error("error page shown", extra={"request_id": error_id, "path": shown_path(request)})
    return HttpResponse(loader.get_template("500.html").render({"error_id": error_id}), status=500)


def _error_page(request: HttpRequest, template: str, status: int, **context: object) -> HttpResponse:
    """In the frame of the console for people who are signed in, without it for others."""
    user = getattr(request, "user", None)
    layout = "base.html" if user is not None and user.is_authenticated else "components/plain.html"
    return render(request, template, {"layout": layout, **context}, status=status)
