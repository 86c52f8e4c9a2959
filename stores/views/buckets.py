"""The list of buckets, and removing one."""

from functools import reduce
from operator import or_
from typing import Any

from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe
from django.views.decorators.vary import vary_on_headers

from accounts.requests import ConsoleRequest, allowed
from accounts.roles import Action
from stores import services
from stores.errors import SourceRefused, SourceUnavailable
from stores.messages import message_of
from stores.models import Bucket
from stores.paths import parent_of
from stores.queries import buckets_for
from stores.views.base import Picking, bucket_for, go_on, picking, status_of
from stores.views.browse import picker_response
from stores.views.columns import Heading, headings

# From this many on, the list can be searched.
SEARCHED_FROM = 10
_COLUMNS = {"name": "name", "kind": "driver", "created": "created_at"}


@require_safe
@vary_on_headers("HX-Request")
def bucket_list(request: ConsoleRequest) -> HttpResponse:
    picker = picking(request)
    if picker and (start := _start(request, picker)):
        return redirect(f"{start}&{picker.query}")
    buckets = buckets_for(request.user, request.workspace)
    context: dict[str, Any] = {"allowed": allowed(request, request.workspace), "picker": picker}
    if picker:
        return picker_response(request, context | {"buckets": buckets})
    search, sort = request.GET.get("q", "").strip(), request.GET.get("sort", "")
    shown = list(_wanted(buckets, search, sort))
    searchable = bool(search) or len(shown) >= SEARCHED_FROM
    context |= {"buckets": shown, "search": search, "searchable": searchable, "headings": _headings(sort)}
    return render(request, "stores/bucket_list.html", context)


def _wanted(buckets: QuerySet[Bucket], search: str, sort: str) -> QuerySet[Bucket]:
    """The buckets whose name or place contains what is searched for, in the order asked for."""
    if search:
        places = ("name", "endpoint", "remote_name", "prefix")
        buckets = buckets.filter(reduce(or_, (Q(**{f"{place}__icontains": search}) for place in places)))
    column = _COLUMNS.get(sort.removeprefix("-"), "name")
    return buckets.order_by(f"-{column}" if sort.startswith("-") else column, "name")


def _headings(sort: str) -> list[Heading]:
    labels = {"name": _("Name"), "kind": _("Kind"), "where": _("Where"), "region": _("Region")}
    labels |= {"created": _("Created at"), "operation": _("Operation")}
    return headings(labels, _COLUMNS, sort)


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
    return go_on(request, reverse("stores:bucket-list"))


def _why_kept(bucket: Bucket) -> str:
    """Why a bucket cannot be deleted as it is; empty when it can. One at object storage is only forgotten."""
    if bucket.remote:
        return _why_busy(bucket)
    try:
        page = services.driver_for(bucket).list_folder("", limit=1)
    except (SourceRefused, SourceUnavailable):
        return ""
    if not page.folders and not page.entries:
        return ""
    return message_of(SourceRefused("bucket.not_empty", bucket=bucket.name))


def _why_busy(bucket: Bucket) -> str:
    try:
        services.check_quiet(bucket)
    except SourceRefused as refusal:
        return message_of(refusal)
    return ""
