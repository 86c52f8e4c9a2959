"""What the storage pages share: the request, the bucket it asks for, and where a picked path goes."""

import re
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit, urlunsplit

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.middleware import HtmxDetails

from accounts.models import User, Workspace
from accounts.queries import actions_in
from accounts.roles import Action
from stores.errors import SourceRefused, SourceUnavailable
from stores.models import Bucket
from stores.queries import buckets_for

STATUS = {
    "source.forbidden": 403,
    "source.missing": 404,
    "source.bucket_gone": 404,
    "source.unavailable": 503,
    "source.no_space": 507,
}


class ConsoleRequest(HttpRequest):
    """A request behind the sign-in, as the middlewares leave it."""

    user: User
    workspace: Workspace | None
    htmx: HtmxDetails


@dataclass(frozen=True)
class Allowed:
    """What the controls of a page may offer."""

    upload: bool = False
    delete: bool = False
    manage: bool = False


def allowed(request: ConsoleRequest) -> Allowed:
    actions = actions_in(request.user, request.workspace) if request.workspace else frozenset()
    return Allowed(Action.IMPORT in actions, Action.DELETE in actions, Action.MANAGE in actions)


def workspace_for(request: ConsoleRequest, action: Action) -> Workspace:
    """The workspace the request works in; PermissionDenied unless this person may do `action` there."""
    if request.workspace is None or action not in actions_in(request.user, request.workspace):
        raise PermissionDenied
    return request.workspace


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
    return STATUS.get(error.code, 422)


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


def picking(request: ConsoleRequest) -> Picking | None:
    """What the address says about picking; None on an ordinary page."""
    what = request.GET.get("pick")
    if what not in ("folder", "file"):
        return None
    field, following = request.GET.get("field", ""), request.GET.get("next", "")
    if not url_has_allowed_host_and_scheme(
        following, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    ):
        following = ""
    return Picking(what, field if re.fullmatch(r"[A-Za-z][\w-]{0,63}", field) else "", following)
