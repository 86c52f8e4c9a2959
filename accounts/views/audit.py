"""The audit trail of a workspace, on the screen and as a file."""

import csv
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone, translation
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from accounts.details import AuditLine, line_of
from accounts.messages import GROUPS
from accounts.models import AuditEvent, Workspace
from accounts.queries import require
from accounts.queries_audit import AuditFilter, audit_for, audit_page, audit_rows
from accounts.queries_people import members_for
from accounts.requests import ConsoleRequest
from accounts.requests_lists import is_part
from accounts.roles import Action
from accounts.services import record_audit

SUGGESTED = 200
AT_ONCE = 500
# What begins with one of these, a spreadsheet takes for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


@require_safe
@vary_on_headers("HX-Request")
def audit_list(request: ConsoleRequest) -> HttpResponseBase:
    """Newest first; with `format=csv` everything the filter leaves, as a file."""
    workspace = request.workspace
    if workspace is None:
        raise PermissionDenied
    require(request.user, Action.MANAGE, workspace)
    wanted = AuditFilter.from_query(request.GET)
    events = audit_for(request.user).filter(workspace=workspace)
    if request.GET.get("format") == "csv":
        return _file(request, workspace, events, wanted)
    page = audit_page(events, wanted)
    context = {"wanted": wanted, "page": page, "lines": [line_of(event) for event in page.rows]}
    if is_part(request, "audit"):
        response = render(request, "accounts/_audit.html", context)
        query = wanted.as_query(after=wanted.after, before=wanted.before)
        response["HX-Push-Url"] = f"{request.path}?{query}".rstrip("?")
        return response
    members = members_for(request.user).filter(workspace=workspace).order_by("user__username")
    context |= {"groups": GROUPS, "people": members.values_list("user__username", flat=True)[:SUGGESTED]}
    return render(request, "accounts/audit.html", context)


def _file(
    request: ConsoleRequest, workspace: Workspace, events: QuerySet[AuditEvent], wanted: AuditFilter
) -> HttpResponseBase:
    name = f"audit-{workspace.name}-{timezone.localdate():%Y-%m-%d}.csv"
    headers = {
        "Content-Disposition": content_disposition_header(as_attachment=True, filename=name),
        "Cache-Control": "private, no-store",
    }
    if request.method == "HEAD":
        return HttpResponse(headers=headers, content_type="text/csv; charset=utf-8")
    rows = audit_rows(events, wanted).iterator(chunk_size=AT_ONCE)
    record_audit(workspace, "audit.exported", by=request.user, **wanted.as_params())
    chunks = _chunks(rows, translation.get_language() or "en")
    return StreamingHttpResponse(chunks, headers=headers, content_type="text/csv; charset=utf-8")


def _chunks(events: Iterable[AuditEvent], language: str) -> Iterator[str]:
    """The file in pieces, each written in the language of whoever asked: the thread may serve others in between."""
    writer = csv.writer(_Echo())
    with translation.override(language):
        head = [_("Time"), _("Who"), _("What"), _("Code"), _("Object"), _("Details")]
    yield "\ufeff" + writer.writerow(head)
    remaining = iter(events)
    while some := list(islice(remaining, AT_ONCE)):
        with translation.override(language):
            text = "".join(writer.writerow([_harmless(cell) for cell in _cells(line_of(event))]) for event in some)
        yield text


def _cells(line: AuditLine) -> list[str]:
    at = timezone.localtime(line.event.at).isoformat(timespec="seconds")
    details = "; ".join(
        f"{each.label}: {each.value}" if each.before is None else f"{each.label}: {each.before} → {each.value}"
        for each in line.details
    )
    return [at, line.event.actor_name, line.what, line.event.code, line.subject, details]


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.lstrip(" ").startswith(FORMULA) else cell


class _Echo:
    """A file that gives back what is written to it."""

    def write(self, text: str) -> Any:
        return text
