"""Keeping what was typed: when it is saved, while the language changes, or a path is sought without JavaScript."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse

from accounts.models import Workspace
from accounts.requests import ConsoleRequest
from importers.forms import SOURCE_FORMS
from importers.views.again import job_named, start_again
from importers.views.new_version import model_named, start_of
from importers.views.page import SUBMISSION, ImportPage
from registry.views.base import as_uuid

SESSION_KEY = "import_draft"
# What the drafts that had to make room were about, so that their forms can say what is gone.
GONE_KEY = "import_draft_gone"
# A session is read with every request, so it holds the drafts of as few forms as people have open.
MOST_DRAFTS = 3
LARGEST_DRAFTS = 1024 * 1024
MOST_GONE = 12
# The picker answers with the chosen path under the name of the form's field.
PICKS = {field: what for form in SOURCE_FORMS.values() for field, what in form.picks.items()}
# What an address may fill in.
ASKED = {"source", "model", "name", "version"}.union(*(form.asked for form in SOURCE_FORMS.values()))
# More than this makes no path, and would make an address that browsers and servers refuse.
LONGEST_PATH = 1024


@dataclass(frozen=True)
class Kept:
    """Where the draft is shown again, and what the forms were about whose drafts had to make room for it."""

    address: str
    gone: tuple[str, ...]


def browse(request: ConsoleRequest) -> HttpResponse:
    """Go to the pages of storage or of registries; their answer comes back to the draft of this form."""
    field = request.POST["browse"] if request.POST["browse"] in PICKS else "path"
    asked, pages = ("image", "stores:registry-list") if PICKS[field] == "image" else ("path", "stores:bucket-list")
    start = request.POST.get(asked, "")[:LONGEST_PATH]
    query = urlencode({"pick": PICKS[field], "field": f"id_{field}", asked: start, "next": keep(request).address})
    return redirect(f"{reverse(pages)}?{query}")


def keep(request: ConsoleRequest) -> Kept:
    """Put what the form holds into the session, each form into a place of its own; the oldest make room for it."""
    draft = _name_of(request) or secrets.token_urlsafe(8)
    typed = request.POST.copy()
    for name in ("csrfmiddlewaretoken", "save"):
        typed.pop(name, None)
    kept = {draft: typed.urlencode()}
    others = {name: other for name, other in request.session.get(SESSION_KEY, {}).items() if name != draft}
    for name, other in reversed(others.items()):
        if len(kept) == MOST_DRAFTS or sum(map(len, kept.values())) + len(other) > LARGEST_DRAFTS:
            break
        kept[name] = other
    request.session[SESSION_KEY] = dict(reversed(kept.items()))
    gone = {name: _subject_of(other) for name, other in others.items() if name not in kept}
    _note_gone(request, gone, besides=draft)
    return Kept(f"{reverse('importers:new')}?{urlencode({'draft': draft})}", tuple(gone.values()))


def gone(request: ConsoleRequest) -> str:
    """What the draft that the address asks for was about, where it had to make room; else empty."""
    return str(request.session.get(GONE_KEY, {}).get(request.GET.get("draft", ""), ""))


def _note_gone(request: ConsoleRequest, gone: Mapping[str, str], *, besides: str) -> None:
    noted = {name: subject for name, subject in request.session.get(GONE_KEY, {}).items() if name != besides}
    request.session[GONE_KEY] = dict([*{**noted, **gone}.items()][-MOST_GONE:])


def _subject_of(typed: str) -> str:
    """Name and version as they were typed, else the source; a draft may hold anything."""
    data = QueryDict(typed)
    named = " ".join(filter(None, (data.get("name", "")[:64], data.get("version", "")[:16])))
    return named or data.get("path", "")[:200] or "--"


def forget(request: ConsoleRequest) -> None:
    """What was imported is no draft any more."""
    kept = request.session.get(SESSION_KEY, {})
    if _name_of(request) in kept:
        request.session[SESSION_KEY] = {name: typed for name, typed in kept.items() if name != _name_of(request)}


def _name_of(request: ConsoleRequest) -> str:
    return request.POST.get("submission", "")[:SUBMISSION]


def restored(request: ConsoleRequest, workspace: Workspace) -> ImportPage | None:
    """The page with everything that was typed before, and the path chosen since; None without such a draft."""
    typed = request.session.get(SESSION_KEY, {}).get(request.GET.get("draft", ""))
    if not typed:
        return None
    data = QueryDict(typed, mutable=True)
    for field in PICKS:
        if chosen := request.GET.get(field):
            data[field] = chosen
    return ImportPage(request.user, workspace, data=data)


def initial_of(request: ConsoleRequest, workspace: Workspace) -> dict[str, Any]:
    """What the address asks for: `model` gets a new version, `again` is the job whose import is asked for anew."""
    if job := job_named(request.user, workspace, as_uuid(request.GET.get("again", ""))):
        return start_again(job)
    asked: dict[str, Any] = {key: value for key in ASKED if (value := request.GET.get(key))}
    model = model_named(request.user, workspace, as_uuid(asked.get("model", "")))
    return start_of(model) | asked | {"name": model.name} if model else asked
