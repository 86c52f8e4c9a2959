"""What the pages of services share: finding one, and dialogs that are pages too."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django_htmx.http import HttpResponseClientRedirect

from accounts.queries import require
from accounts.requests import ConsoleRequest
from accounts.roles import Action
from serving.models import Service
from serving.queries_services import services_for

# A message that is true until the status of a service changes; then the page takes it away.
FLEETING = "fleeting"
# The event that tells the page so.
MOVED = "moved"


def service_of(request: ConsoleRequest, code: UUID) -> Service:
    """The service this person may see; 404 for any other."""
    return get_object_or_404(services_for(request.user), uuid=code)


def deployable_service(request: ConsoleRequest, code: UUID) -> Service:
    """The same for who may change it; 403 for who may only look."""
    service = service_of(request, code)
    require(request.user, Action.DEPLOY, service.workspace)
    return service


def answer(request: ConsoleRequest, part: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    """The dialog when htmx asked for it, else a page with the same content; htmx swaps a refusal only with 422."""
    context |= {"content_template": f"serving/{part}.html", "address": request.get_full_path()}
    context.setdefault("parent", _("Real-time services"))
    if not request.htmx:
        return render(request, "accounts/dialog_page.html", context, status=status)
    return render(request, "accounts/_dialog.html", context, status=status if status == 200 else 422)


def go_on(request: ConsoleRequest, address: str) -> HttpResponse:
    """The next page, also for a form that htmx sent."""
    return HttpResponseClientRedirect(address) if request.htmx else HttpResponseRedirect(address)
