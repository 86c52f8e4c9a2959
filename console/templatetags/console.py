"""Tags and filters every template may use; the library is a builtin."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django import template
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

from console.help import TOPICS
from importers.catalogue import MODES, TEMPLATES
from importers.models import ImportJob, State
from importers.package.evidence import UNSCANNED
from registry.models import ModelVersion, SourceKind, Status
from registry.models_exports import ExportJob, ExportState

register = template.Library()

EMPTY = "--"
UNITS = ("KB", "MB", "GB", "TB", "PB")
KINDS: dict[str, str] = {
    Status.IMPORTING: "busy",
    Status.BUILDING: "busy",
    Status.NORMAL: "good",
    Status.FAILED: "bad",
    Status.BUILD_FAILED: "bad",
    State.QUEUED: "idle",
    State.FETCHING: "busy",
    State.CHECKING: "busy",
    State.STORING: "busy",
    State.SUCCEEDED: "good",
    State.CANCELLED: "idle",
    ExportState.WRITING: "busy",
}
SOURCES = {
    SourceKind.TRAINING: pgettext_lazy("source of a version", "Training job"),
    SourceKind.TEMPLATE: pgettext_lazy("source of a version", "Template"),
    SourceKind.IMAGE: pgettext_lazy("source of a version", "Container image"),
    SourceKind.OBS: pgettext_lazy("source of a version", "OBS"),
}


@register.filter
def source_words(kind: str) -> str:
    """Where a version came from, as a value; what the form calls its choices is longer in Chinese."""
    return str(SOURCES[SourceKind(kind)])


@register.simple_tag
def template_words(version: ModelVersion) -> str:
    """The model template and the mode that a version was imported with; one that is gone keeps its id."""
    said = version.source_params
    template, mode = TEMPLATES.get(said.get("template", "")), MODES.get(said.get("mode", ""))
    words = " · ".join(filter(None, (str(template.name) if template else "", str(mode.name) if mode else "")))
    if template is None:
        return str(said.get("template", ""))
    return format_html('<a href="{}">{}</a>', reverse("importers:template", args=[template.id]), words)


@register.inclusion_tag("components/status.html")
def status_badge(subject: ModelVersion | ImportJob | ExportJob) -> dict[str, Any]:
    """Sign and words of a version (with what is known beyond its files), of an import or of an export."""
    if isinstance(subject, ImportJob | ExportJob):
        return {"kind": KINDS[subject.state], "words": subject.get_state_display()}
    shown = {"kind": KINDS[Status(subject.status)], "words": subject.get_status_display(), "more": ""}
    if subject.status != Status.NORMAL:
        return shown
    if subject.scan_verdict == UNSCANNED:
        # What the scan could not read to its end is never green (verdicts.md, Files).
        return shown | {"kind": "warn", "more": _("not scanned whole")}
    return shown | {"more": subject.get_proof_display()}


@register.filter
def filesize(size: int | None) -> str:
    """`273.18 MB`: two decimals, units of 1,024."""
    if size is None:
        return EMPTY
    if size < 1024:
        return f"{size} B"
    value = float(size)
    for unit in UNITS:
        value /= 1024
        if value < 1024 or unit == UNITS[-1]:
            break
    return f"{value:.2f} {unit}"


@register.simple_tag
def timestamp(moment: datetime | None) -> str:
    """`2019/10/31 20:12:20 GMT+08:00` in the console's time zone, inside <time>."""
    if moment is None:
        return EMPTY
    local = timezone.localtime(moment)
    return format_html('<time class="nowrap" datetime="{}">{}</time>', local.isoformat(), _whole(local))


@register.simple_tag
def short_timestamp(moment: datetime | None) -> str:
    """`2019/10/31 20:12` for lists; pointing at it tells the rest."""
    if moment is None:
        return EMPTY
    local = timezone.localtime(moment)
    return format_html(
        '<time class="nowrap" datetime="{}" title="{}">{}</time>',
        local.isoformat(),
        _whole(local),
        f"{local:%Y/%m/%d %H:%M}",
    )


def _whole(local: datetime) -> str:
    return f"{local:%Y/%m/%d %H:%M:%S} GMT{_offset(local.utcoffset())}"


def _offset(offset: timedelta | None) -> str:
    minutes = int((offset or timedelta()).total_seconds() // 60)
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


@register.simple_tag
def labelled_row(cells: Iterable[str], headers: Iterable[Mapping[str, Any]]) -> SafeString:
    """Cells that Django has written for a list of the desk, told the heading they stand under on a phone."""
    row = zip(cells, headers, strict=False)
    return format_html_join("", "{}", ((_labelled(cell, header),) for cell, header in row))


def _labelled(cell: str, header: Mapping[str, Any]) -> SafeString:
    if not cell.startswith("<td") or "action-checkbox" in header.get("class_attrib", ""):
        return SafeString(cell)
    return format_html('<td data-label="{}"{}', capfirst(str(header["text"])), SafeString(cell.removeprefix("<td")))


@register.inclusion_tag("components/copy_button.html")
def copy_button(text: object) -> dict[str, Any]:
    return {"text": text}


@register.simple_tag
def icon(name: str) -> SafeString:
    """One symbol of static/img/icons.svg, as large as the text beside it; words must stand beside it."""
    return format_html(
        '<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        static("img/icons.svg"),
        name,
    )


@register.inclusion_tag("components/help_link.html")
def help_link(topic: str, anchor: str = "") -> dict[str, Any]:
    """The round question mark after a label; `anchor` is a heading's id on the help page."""
    url = reverse("console:help", args=[topic])
    return {"url": f"{url}#{anchor}" if anchor else url, "label": _("Help: %(topic)s") % {"topic": TOPICS[topic].title}}


@register.filter
def minutes(length: timedelta) -> int:
    """Whole minutes, at least one."""
    return max(1, round(length.total_seconds() / 60))


@register.filter
def dashes(value: object) -> object:
    return EMPTY if value is None or value in ("", [], ()) else value
