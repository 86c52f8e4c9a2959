"""What the storage pages share: the bucket a request asks for, and where a picked path goes."""

import logging
import re
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit, urlunsplit

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django_htmx.http import HttpResponseClientRedirect

from accounts.requests import ConsoleRequest, own_address, workspace_for
from accounts.roles import Action
from stores.drivers.s3 import S3Place
from stores.errors import SourceRefused, SourceUnavailable
from stores.messages import message_of
from stores.models import Bucket
from stores.queries import buckets_for

logger = logging.getLogger(__name__)
STATUS = {
    "source.forbidden": 403,
    "source.missing": 404,
    "source.bucket_gone": 404,
    "source.bucket_unknown": 404,
    "source.credentials": 502,
    "source.expired": 502,
    "source.clock_skew": 502,
    "source.endpoint_unknown": 502,
    "source.no_tls": 502,
    "source.no_space": 507,
    "image.repository_missing": 404,
    "image.tag_missing": 404,
    "image.digest_missing": 404,
    "image.blob_missing": 404,
    "image.denied": 403,
    "image.not_allowed": 403,
}


def bucket_for(request: ConsoleRequest, name: str, action: Action = Action.VIEW) -> Bucket:
    """A bucket of the workspace the request works in: 404 when there is none, 403 when `action` is not allowed."""
    bucket = get_object_or_404(buckets_for(request.user, request.workspace).select_related("workspace"), name=name)
    if action is not Action.VIEW:
        workspace_for(request, action)
    return bucket


def address_of(bucket: Bucket, prefix: str = "") -> str:
    """The page of a folder."""
    return reverse("stores:browse", args=[bucket.name], query={"prefix": prefix} if prefix else None)


def status_of(error: SourceRefused | SourceUnavailable) -> int:
    if isinstance(error, SourceUnavailable):
        return STATUS.get(error.code, 503)
    return STATUS.get(error.code) or (502 if error.code.startswith("registry.") else 422)


def log_unavailable(place: Bucket | S3Place, error: SourceRefused | SourceUnavailable) -> None:
    """Tell the operator of a storage that did not answer; refusals are the matter of whoever asked."""
    if isinstance(error, SourceUnavailable):
        facts = {"bucket": place.name, "endpoint": urlsplit(place.endpoint).netloc, "code": error.code}
        logger.warning("storage unavailable", extra={**facts, "reason": str(error)})


def go_on(request: ConsoleRequest, address: str) -> HttpResponse:
    """The next page, also for a form that htmx sent."""
    return HttpResponseClientRedirect(address) if request.htmx else redirect(address)


def refused(
    request: ConsoleRequest, bucket: Bucket, error: SourceRefused | SourceUnavailable, back: str
) -> HttpResponse:
    """Why something cannot be done, as a page or as a dialog; htmx shows no other refusals than 422."""
    log_unavailable(bucket, error)
    context = {"bucket": bucket, "error": message_of(error), "back": back}
    if request.htmx:
        return render(request, "stores/_refused.html", context, status=422)
    return render(request, "stores/refused.html", context, status=status_of(error))


@dataclass(frozen=True)
class Picking:
    """A page that asked for a path: what it wants, the input the path goes to, and the page to go back to."""

    what: str
    field: str
    next: str

    @property
    def query(self) -> str:
        """The part of an address that keeps the picker a picker."""
        return urlencode({"pick": self.what, "field": self.field, "next": self.next})

    @property
    def parameter(self) -> str:
        """The name under which a path travels in addresses: that of the field, whose id may begin with `id_`."""
        return self.field.removeprefix("id_") or "path"

    def answer(self, path: str) -> str:
        """The page to go back to, with the chosen path under the name of its field; empty when none was given."""
        if not self.next:
            return ""
        parts = urlsplit(self.next)
        chosen = urlencode({self.parameter: path})
        return urlunsplit(parts._replace(query="&".join(filter(None, [parts.query, chosen]))))


def picking(request: ConsoleRequest, kinds: tuple[str, ...] = ("folder", "file")) -> Picking | None:
    """What the address says about picking one of some kinds of thing; None on an ordinary page."""
    what = request.GET.get("pick")
    if what not in kinds:
        return None
    field = request.GET.get("field", "")
    known = re.fullmatch(r"[A-Za-z][\w-]{0,63}", field)
    return Picking(what, field if known else "", own_address(request, request.GET.get("next", "")))
