"""What the pages about people share: dialogs that are pages too, and secrets that are shown once."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django_htmx.http import HttpResponseClientRedirect

from accounts.requests import ConsoleRequest
from accounts.secrets import SecretUnreadable, seal, unseal

ONCE = "once."


def answer(request: ConsoleRequest, part: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    """The dialog when htmx asked for it, else a page with the same content; htmx swaps a refusal only with 422."""
    context |= {"content_template": f"accounts/{part}.html", "address": request.get_full_path()}
    if not request.htmx:
        return render(request, "accounts/dialog_page.html", context, status=status)
    return render(request, "accounts/_dialog.html", context, status=status if status == 200 else 422)


def go_on(request: ConsoleRequest, address: str) -> HttpResponse:
    """The next page, also for a form that htmx sent."""
    return HttpResponseClientRedirect(address) if request.htmx else HttpResponseRedirect(address)


def keep_once(request: HttpRequest, code: UUID, secret: str) -> None:
    """Carry a secret over a redirect, sealed: the database never holds it in clear."""
    request.session[f"{ONCE}{code}"] = seal({"secret": secret})


def take_once(request: HttpRequest, code: UUID | None) -> str:
    """What `keep_once` put there, the first time it is asked for; empty ever after."""
    sealed = request.session.pop(f"{ONCE}{code}", "") if code else ""
    try:
        return unseal(sealed)["secret"] if sealed else ""
    except SecretUnreadable:
        return ""


def as_uuid(text: str) -> UUID | None:
    """The uuid somebody wrote into an address, if it is one."""
    try:
        return UUID(text)
    except ValueError:
        return None
