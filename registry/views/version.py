"""The page of one version: its facts, and a tab for each thing known about it."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from accounts.requests import ConsoleRequest, allowed, follow_to
from registry.config import ModelConfig
from registry.exports import can_be_exported
from registry.findings import Finding, Severity
from registry.forms import ReviewForm
from registry.models import ModelVersion
from registry.queries import LARGE, may_download, versions_for
from registry.queries_image import consent_of, pinned_of
from registry.queries_version import TabFilter, event_page, file_page
from registry.views.base import is_part
from registry.views.reviewing import review_panel
from stores.errors import SourceRefused
from stores.models import Bucket
from stores.paths import Location, parse_location

TABS = {
    "overview": _("Overview"),
    "files": _("Files"),
    "parameters": _("Parameter configuration"),
    "dependencies": _("Runtime dependency"),
    "checks": _("Check report"),
    "config": _("Configuration file"),
    "events": _("Events"),
}
# The texts and reports a tab shows; those of the others are left in the database.
LARGE_FIELDS: Mapping[str, tuple[str, ...]] = {
    "overview": ("config", "source_params"),
    "files": (),
    "parameters": ("config",),
    "dependencies": ("config",),
    "checks": ("scan",),
    "config": ("config", "config_found", "config_used", "source_params"),
    "events": (),
}
VERSIONS_IN_MENU = 30
SCANNED_SHOWN = 500
CODE_FILE = "model/customize_service.py"
WORST_FIRST = (Severity.ERROR, Severity.WARNING, Severity.INFO)


@require_safe
@vary_on_headers("HX-Request")
def version_detail(request: ConsoleRequest, code: UUID) -> HttpResponse:
    tab = request.GET.get("tab", "")
    tab = tab if tab in TABS else "overview"
    unused = [name for name in LARGE if name not in {"findings", *LARGE_FIELDS[tab]}]
    version = get_object_or_404(versions_for(request.user).select_related("review_record").defer(*unused), uuid=code)
    follow_to(request, version.model.workspace)
    context: dict[str, Any] = {
        "version": version,
        "model": version.model,
        "allowed": allowed(request, version.model.workspace),
        "tab": tab,
        "tabs": TABS,
        "tab_template": f"registry/tabs/{tab}.html",
        **_TAB_CONTEXTS[tab](version, request.GET),
    }
    if is_part(request, "version-tabs"):
        return render(request, "registry/_tabs.html", context)
    context["may_export"] = may_download(version) and can_be_exported(version)
    context["panel"] = review_panel(version, request.user, context["allowed"])
    context["form"] = ReviewForm()
    context["siblings"] = _siblings(version)
    context["errors"] = _findings(version, Severity.ERROR)
    return render(request, "registry/version.html", context)


def _siblings(version: ModelVersion) -> list[ModelVersion]:
    """The versions the drop-down offers: the highest ones, and the one on the page whatever its number."""
    versions: QuerySet[ModelVersion] = version.model.versions.only("uuid", "model", "major", "minor", "patch", "status")
    shown = list(versions.order_by("-major", "-minor", "-patch")[:VERSIONS_IN_MENU])
    return shown if version in shown else [*shown, version]


def _findings(version: ModelVersion, severity: Severity) -> list[Finding]:
    found = (Finding.from_dict(stored) for stored in version.findings)
    return [finding for finding in found if finding.severity is severity]


def _overview(version: ModelVersion, query: Mapping[str, str]) -> dict[str, Any]:
    location = _location(version)
    return {
        "config": ModelConfig.from_dict(version.config),
        "location": location,
        "browsable": location is not None and _bucket_exists(version, location.bucket),
        "inference_code": _inference_code(version, location),
        "may_download": may_download(version),
        "pinned": pinned_of(version),
        "consent": consent_of(version),
    }


def _location(version: ModelVersion) -> Location | None:
    try:
        return parse_location(version.source_path) if version.source_kind in {"obs", "template"} else None
    except SourceRefused:
        return None


def _bucket_exists(version: ModelVersion, name: str) -> bool:
    return Bucket.objects.filter(workspace=version.model.workspace, name=name).exists()


def _inference_code(version: ModelVersion, location: Location | None) -> str:
    """Where the service file lay when it was imported; people may have chosen `model/` itself or its parent."""
    if not version.has_inference_code:
        return ""
    if location is None:
        return CODE_FILE
    chosen_itself = f"/{location.key}".endswith("/model/")
    folder = location.display.removesuffix("model/") if chosen_itself else location.display
    return f"{folder}{CODE_FILE}"


def _files(version: ModelVersion, query: Mapping[str, str]) -> dict[str, Any]:
    wanted = TabFilter.from_query("files", query)
    return {"wanted": wanted, "page": file_page(version, wanted), "may_download": may_download(version)}


def _config(version: ModelVersion, query: Mapping[str, str]) -> dict[str, Any]:
    return {"config": ModelConfig.from_dict(version.config)}


def _checks(version: ModelVersion, query: Mapping[str, str]) -> dict[str, Any]:
    groups = [(severity.value, _findings(version, severity)) for severity in WORST_FIRST]
    scanned = version.scan.get("files", [])
    noted = [entry for entry in scanned if entry["verdict"] != "clean"]
    return {
        "groups": [(severity, findings) for severity, findings in groups if findings],
        "scan": version.scan,
        "scanned": noted[:SCANNED_SHOWN],
        "scanned_more": len(noted) - len(noted[:SCANNED_SHOWN]),
        "scanned_clean": len(scanned) - len(noted),
    }


def _events(version: ModelVersion, query: Mapping[str, str]) -> dict[str, Any]:
    wanted = TabFilter.from_query("events", query)
    return {"wanted": wanted, "page": event_page(version, wanted)}


_TAB_CONTEXTS: Mapping[str, Callable[[ModelVersion, Mapping[str, str]], dict[str, Any]]] = {
    "overview": _overview,
    "files": _files,
    "parameters": _config,
    "dependencies": _config,
    "checks": _checks,
    "config": _config,
    "events": _events,
}
