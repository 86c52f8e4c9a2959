"""The list of buckets; adding one and removing an empty one."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe
from django.views.decorators.vary import vary_on_headers

from accounts.requests import ConsoleRequest, allowed, workspace_for
from accounts.roles import Action
from stores import services
from stores.errors import SourceRefused, SourceUnavailable
from stores.forms import BucketForm
from stores.messages import message_of
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
            return redirect("stores:browse", bucket.name)
    return render(request, "stores/bucket_create.html", {"form": form}, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
def bucket_remove(request: ConsoleRequest, name: str) -> HttpResponse:
    bucket = bucket_for(request, name, Action.MANAGE)
    context = {"bucket": bucket, "back": reverse("stores:bucket-list")}
    if request.method != "POST":
        part = "_bucket_remove.html" if request.htmx else "bucket_remove.html"
        return render(request, f"stores/{part}", context)
    try:
        services.delete_bucket(bucket, by=request.user)
    except (SourceRefused, SourceUnavailable) as error:
        context["error"] = message_of(error)
        return render(request, "stores/bucket_remove.html", context, status=status_of(error))
    messages.success(request, _("Bucket %(name)s was deleted.") % {"name": bucket.name})
    return redirect("stores:bucket-list")
