"""Tags that show parts of a version: schemas, types, metrics, its review, messages; and list cursors."""

import json
from collections.abc import Mapping
from typing import Any

from django import template
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from registry.config import ModelConfig
from registry.config_view import Bars, bars_of
from registry.findings import message_for
from registry.models import ReviewState

register = template.Library()

_REVIEW_KINDS = {
    ReviewState.NONE: "idle",
    ReviewState.REQUESTED: "warn",
    ReviewState.APPROVED: "good",
    ReviewState.REJECTED: "bad",
}

_SHORT_TYPES: dict[str, Promise] = {
    "real-time": pgettext_lazy("deployment type, short", "Real-time"),
    "batch": pgettext_lazy("deployment type, short", "Batch"),
    "edge": pgettext_lazy("deployment type, short", "Edge"),
}
_METRICS: dict[str, Promise] = {
    "recall": _("Recall"),
    "precision": _("Precision"),
    "accuracy": _("Accuracy"),
    "f1": _("F1 score"),
}


@register.filter
def pretty_json(value: Any) -> str:
    """The value as indented JSON."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


@register.filter
def parameter_bars(config: ModelConfig | None) -> Bars:
    """What the viewer shows of a configuration, within what a page can hold."""
    return bars_of(config) if isinstance(config, ModelConfig) else Bars((), 0)


@register.filter
def line_numbers(text: str) -> str:
    """1, 2, 3 … one under the other, beside a text; only LF, CR and CRLF end a line, as in an editor."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").count("\n") + 1
    return "\n".join(map(str, range(1, lines + 1)))


@register.inclusion_tag("registry/_types.html")
def deployment_types(names: str) -> dict[str, Any]:
    """The types of a comma-separated column, joined by strokes, in the words of the tables."""
    return {"types": [_SHORT_TYPES.get(name, name) for name in names.split(",") if name]}


@register.inclusion_tag("components/status.html")
def review_badge(review: str) -> dict[str, Any]:
    """Sign and words of a version's review."""
    state = ReviewState(review)
    return {"kind": _REVIEW_KINDS[state], "words": state.label}


@register.filter
def metric_label(name: str) -> str:
    """The word of the precision card; a metric of another name keeps it."""
    return str(_METRICS.get(name, name))


@register.filter
def metric_entries(values: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Names and values in an order that no database changes: the metrics of a configuration, then by name."""
    first = ("accuracy", "precision", "recall", "f1")
    return sorted(values.items(), key=lambda entry: (first.index(entry[0]) if entry[0] in first else 9, entry[0]))


@register.filter
def metric(value: float) -> str:
    """A metric as people compare it: at most four decimals, an exponent for what is tiny or huge."""
    if value and not 0.0001 <= abs(value) < 1e9:
        return f"{value:.3e}"
    return f"{value:.4f}".rstrip("0").rstrip(".")


@register.filter
def as_message(code: str, params: Mapping[str, Any]) -> str:
    """The sentence of a stored code in the language of the page."""
    return message_for(code, params)


@register.simple_tag
def cursor(wanted: Any, side: str, place: str) -> str:
    """The query of a list after or before a cursor."""
    query: str = wanted.as_query(**{side: place})
    return query
