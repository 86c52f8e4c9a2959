"""The list of buckets; adding one and removing an empty one."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import HttpResponseClientRedirect

from accounts.requests import ConsoleRequest, allowed, workspace_for
from accounts.roles import Action
from stores import services
from stores.errors import SourceRefused, SourceUnavailable
from stores.forms import BucketForm
from stores.messages import message_of
from stores.models import Bucket
from stores.paths import parent_of
from stores.queries import buckets_for
from stores.views.base import Picking, bucket_for, picking, status_of
from stores.views.browse import picker_response


@require_safe
@vary_on_headers("HX-Request")
def bucket_list(request: ConsoleRequest) -> HttpResponse:
    picker = picking(request)
    if picker and (start := _start(request, picker)):
        return redirect(f"{start}&{picker.query}")
    buckets = buckets_for(request.user, request.workspace)
    context = {
        "buckets": buckets,
        "allowed": allowed(request, request.workspace),
        "picker": picker,
        "form": BucketForm(),
    }
    if picker:
        return picker_response(request, context)
    return render(request, "stores/bucket_list.html", context)


def _start(request: ConsoleRequest, picker: Picking) -> str:
    """Where the picker opens: the folder that holds what the field names, or else what the page's main path names."""
    text = request.GET.get(picker.parameter) or request.GET.get("path", "")
    if not text or request.workspace is None:
        return ""
    try:
        bucket, key = services.resolve(request.workspace, text)
    except SourceRefused:
        return ""
    return reverse("stores:browse", args=[bucket.name], query={"prefix": parent_of(key)})


@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
def bucket_create(request: ConsoleRequest) -> HttpResponse:
    workspace = workspace_for(request, Action.MANAGE)
    form = BucketForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            bucket = services.create_bucket(workspace, form.cleaned_data["name"], by=request.user)
        except (SourceRefused, SourceUnavailable) as error:
            form.add_error("name", message_of(error))
        else:
            messages.success(request, _("Bucket %(name)s was created.") % {"name": bucket.name})
            return _go_on(request, reverse("stores:browse", args=[bucket.name]))
    template = "_bucket_form.html" if request.htmx else "bucket_create.html"
    context = {"form": form, "dialog": bool(request.htmx)}
    return render(request, f"stores/{template}", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
def bucket_remove(request: ConsoleRequest, name: str) -> HttpResponse:
    bucket = bucket_for(request, name, Action.MANAGE)
    context: dict[str, Any] = {"bucket": bucket, "back": reverse("stores:bucket-list"), "dialog": bool(request.htmx)}
    if request.method != "POST":
        context["error"] = _why_kept(bucket)
        part = "_bucket_remove.html" if request.htmx else "bucket_remove.html"
        return render(request, f"stores/{part}", context)
    try:
        services.delete_bucket(bucket, by=request.user)
    except (SourceRefused, SourceUnavailable) as error:
        context["error"] = message_of(error)
        template = "_bucket_remove_form.html" if request.htmx else "bucket_remove.html"
        return render(request, f"stores/{template}", context, status=status_of(error))
    messages.success(request, _("Bucket %(name)s was deleted.") % {"name": bucket.name})
    return _go_on(request, reverse("stores:bucket-list"))


def _why_kept(bucket: Bucket) -> str:
    """Why a bucket cannot be deleted as it is; empty when it can."""
    try:
        page = services.driver_for(bucket).list_folder("", limit=1)
    except (SourceRefused, SourceUnavailable):
        return ""
    if not page.folders and not page.entries:
        return ""
    return message_of(SourceRefused("bucket.not_empty", bucket=bucket.name))


def _go_on(request: ConsoleRequest, address: str) -> HttpResponse:
    """The next page, also for a form that htmx sent out of a dialog."""
    return HttpResponseClientRedirect(address) if request.htmx else redirect(address)
