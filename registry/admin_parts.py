"""Filters and values that the desks of models, versions, reviews and import jobs share."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.admin_base import EMPTY, Choice, dot, dotted
from registry.engines import ENGINES
from registry.findings import Finding, Severity
from registry.models import ModelVersion, ReviewState

VERDICTS: Mapping[str, str | Promise] = {
    "clean": _("Clean"),
    "review": _("To review"),
    "could-not-scan": _("Could not be scanned"),
    "blocked": _("Blocked"),
}
VERDICT_KINDS = {"clean": "good", "blocked": "bad"}
REVIEW_KINDS = {ReviewState.REQUESTED: "waiting", ReviewState.APPROVED: "good", ReviewState.REJECTED: "bad"}


class EngineFilter(Choice):
    title = _("AI engine")
    parameter_name = column = "engine"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(name, name) for name in ENGINES]


class VerdictFilter(Choice):
    title = _("file scan")
    parameter_name = "scan"
    column = "scan_verdict"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, Any]]:
        return list(VERDICTS.items())


class FindingsFilter(admin.SimpleListFilter):
    title = _("findings")
    parameter_name = "findings"
    column = "findings"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, Any]]:
        return [("yes", _("With findings")), ("no", _("Without findings"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        none: dict[str, Any] = {self.column: []}
        if self.value() == "yes":
            return queryset.exclude(**none)
        return queryset.filter(**none) if self.value() == "no" else queryset


def verdict_dot(verdict: str) -> SafeString | str:
    return dot(VERDICT_KINDS.get(verdict, "warn"), VERDICTS.get(verdict, verdict)) if verdict else EMPTY


def review_dot(version: ModelVersion) -> SafeString:
    return dot(REVIEW_KINDS.get(ReviewState(version.review), "idle"), version.get_review_display())


def status_dot(version: ModelVersion) -> SafeString:
    return render_to_string("admin/registry/status.html", {"version": version})


def findings_of(stored: Iterable[Mapping[str, Any]]) -> dict[Severity, list[Finding]]:
    """What a check said, the worst first; a severity without findings is left out."""
    found = [Finding.from_dict(each) for each in stored]
    groups = {severity: [each for each in found if each.severity is severity] for severity in Severity}
    return {severity: group for severity, group in groups.items() if group}


def findings_list(stored: Sequence[Mapping[str, Any]]) -> SafeString | str:
    found = [each for group in findings_of(stored).values() for each in group]
    return render_to_string("components/findings.html", {"findings": found}) if found else EMPTY


def findings_count(stored: Iterable[Mapping[str, Any]]) -> SafeString | str:
    """How many errors and warnings; notes ask nothing of a reviewer."""
    groups = findings_of(stored)
    errors, warnings = (len(groups.get(each, ())) for each in (Severity.ERROR, Severity.WARNING))
    parts = [
        ngettext("%(count)s error", "%(count)s errors", errors) % {"count": errors} if errors else "",
        ngettext("%(count)s warning", "%(count)s warnings", warnings) % {"count": warnings} if warnings else "",
    ]
    return dotted(part for part in parts if part) or EMPTY
