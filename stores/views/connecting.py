"""Making a bucket, connecting one at object storage, changing how it is reached, and trying whether it can be."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods
from django.views.decorators.vary import vary_on_headers

from accounts.models import Workspace
from accounts.requests import ConsoleRequest, own_address, workspace_for
from accounts.roles import Action
from stores import services
from stores.drivers.s3 import S3Place
from stores.errors import SourceRefused, SourceUnavailable
from stores.forms_buckets import BucketForm, PlaceForm
from stores.messages import message_of
from stores.models import Bucket
from stores.services_buckets import SECRETS, Seen, Verdict, connect_bucket, edit_bucket, found_place, probe_place
from stores.views.base import bucket_for, go_on, log_unavailable

# What is never sent back to a page.
_UNSENT = ("secret_key", "session_token")


@dataclass(frozen=True)
class Line:
    """One thing a test asked; `kind` is that of a status sign."""

    words: str
    kind: str
    answer: str


@dataclass(frozen=True)
class Trial:
    """What a test of a place came to: what was seen, or why it cannot be used."""

    seen: Seen | None = None
    error: str = ""

    @property
    def lines(self) -> Iterator[Line]:
        if self.seen is None:
            return
        told = self.seen.region
        yield Line(_("Region"), "good" if told else "idle", told or _("The endpoint tells none; it works without."))
        yield Line(_("Listing"), "good", _("Allowed"))
        yield _line(_("Reading"), self.seen.read, _("Not tried: there is no object in it yet."))
        yield _line(_("Writing"), self.seen.write, _("Not tried."))

    @property
    def read_only(self) -> bool:
        return self.seen is not None and isinstance(self.seen.write, SourceRefused | SourceUnavailable)


def _line(words: str, verdict: Verdict, untried: str) -> Line:
    if verdict is None:
        return Line(words, "idle", untried)
    if verdict is True:
        return Line(words, "good", _("Allowed"))
    return Line(words, "warn", message_of(verdict))


def _try(place: S3Place, *, write: bool) -> Trial:
    try:
        return Trial(probe_place(place, write=write))
    except (SourceRefused, SourceUnavailable) as error:
        log_unavailable(place, error)
        return Trial(error=message_of(error))


@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
@sensitive_post_parameters(*SECRETS)
def bucket_create(request: ConsoleRequest) -> HttpResponse:
    workspace = workspace_for(request, Action.MANAGE)
    posted = request.POST if request.method == "POST" else None
    form = BucketForm(posted, initial={"kind": request.GET.get("kind", "")})
    valid = form.is_valid()
    # A folder has no place: what was typed of one stays on the page and is not checked.
    place_form = PlaceForm(posted) if form.connects else PlaceForm(initial=_typed(request))
    trial = None
    if valid and (not form.connects or place_form.is_valid()):
        trial = _trial(request, place_form, form.cleaned_data["name"]) if form.connects else None
        if "test" not in request.POST and (trial is None or trial.seen):
            made = _create(request, workspace, form, place_form, trial)
            if made is not None:
                return made
    context = {"form": form, "place": place_form, "trial": trial, "action": reverse("stores:bucket-create")}
    return _answer(request, "bucket_create.html", context | {"back": reverse("stores:bucket-list")})


def _typed(request: ConsoleRequest) -> dict[str, Any]:
    """What was typed about a place, except what is never sent back."""
    if request.method != "POST":
        return {"write": True}
    return {name: value for name, value in request.POST.items() if name not in _UNSENT}


def _trial(request: ConsoleRequest, form: PlaceForm, name: str) -> Trial | None:
    """Try the place of a valid form; None when it is to be saved whatever the test would say."""
    if form.cleaned_data["anyway"] and "test" not in request.POST:
        return None
    place = form.place(name)
    return _try(place, write=form.cleaned_data["write"] and bool(place.access_key))


def _create(
    request: ConsoleRequest, workspace: Workspace, form: BucketForm, place_form: PlaceForm, trial: Trial | None
) -> HttpResponse | None:
    """Make the bucket and go to it; None when its name is refused, which the form then says."""
    name = form.cleaned_data["name"]
    try:
        if form.connects:
            bucket = connect_bucket(workspace, _found(place_form, name, trial), by=request.user)
        else:
            bucket = services.create_bucket(workspace, name, by=request.user)
    except (SourceRefused, SourceUnavailable) as error:
        form.add_error("name", message_of(error))
        return None
    messages.success(request, _("Bucket %(name)s was created.") % {"name": bucket.name})
    return go_on(request, reverse("stores:browse", args=[bucket.name]))


def _found(form: PlaceForm, name: str, trial: Trial | None) -> S3Place:
    place = form.place(name)
    return found_place(place, trial.seen) if trial and trial.seen else place


@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
@sensitive_post_parameters(*SECRETS)
def bucket_edit(request: ConsoleRequest, name: str) -> HttpResponse:
    bucket = bucket_for(request, name, Action.MANAGE)
    if not bucket.remote:
        raise Http404
    posted = request.POST if request.method == "POST" else None
    form = PlaceForm(posted, bucket=bucket, initial=_initial(bucket))
    back = own_address(request, (posted or request.GET).get("next", "")) or reverse("stores:bucket-list")
    trial = None
    if form.is_valid():
        trial = _trial(request, form, bucket.name)
        if "test" not in request.POST and (trial is None or trial.seen):
            edit_bucket(bucket, _found(form, bucket.name, trial), by=request.user)
            messages.success(request, _("Bucket %(name)s was changed.") % {"name": bucket.name})
            return go_on(request, back)
    context = {"bucket": bucket, "place": form, "trial": trial, "back": back}
    context["action"] = reverse("stores:bucket-edit", args=[bucket.name])
    return _answer(request, "bucket_edit.html", context)


def _initial(bucket: Bucket) -> dict[str, Any]:
    names = ("endpoint", "remote_name", "region", "addressing")
    return {name: getattr(bucket, name) for name in names} | {"remote_prefix": bucket.prefix, "write": True}


def _answer(request: ConsoleRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """The form again. The server never sends secrets back: without JavaScript they have to be typed once more."""
    trial: Trial | None = context["trial"]
    failed = trial is not None and bool(trial.error)
    refused = any(form.errors for form in (context.get("form"), context["place"]) if form)
    context["retype"] = not request.htmx and any(request.POST.get(name) for name in _UNSENT)
    context["failed"] = failed or "anyway" in request.POST
    part = "_bucket_form.html" if request.htmx else template
    status = 422 if refused or (failed and "test" not in request.POST) else 200
    return render(request, f"stores/{part}", context, status=status)
