"""What two versions differ in, read from the database: a section for each part of a version."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.template.defaultfilters import filesizeformat
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from registry.comparison import Row, dependencies_of, differing, metrics_of, parameters_of, rows_of, sorted_rows
from registry.config import ModelConfig
from registry.models import ModelVersion, RegisteredModel
from registry.queries import LARGE
from registry.queries_image import pinned_of

FILES_SHOWN = 500


@dataclass(frozen=True)
class Section:
    """One table of the page: the rows it shows, how many differ, and how many more there are than it shows."""

    key: str
    title: str | Promise
    rows: tuple[Row, ...]
    differences: int
    more: int = 0


@dataclass(frozen=True)
class Kept:
    """The content of a file: equal when the bytes are."""

    sha256: str
    size: int


def comparable(model: RegisteredModel) -> QuerySet[ModelVersion]:
    """The model's versions, the highest first, with what a comparison reads of them."""
    versions = model.versions.defer(*(name for name in LARGE if name not in {"config", "source_params"}))
    return versions.select_related("inference_spec").order_by("-major", "-minor", "-patch")


def sections_between(before: ModelVersion, after: ModelVersion, *, everything: bool = False) -> list[Section]:
    """Every part of two `comparable` versions: the rows that differ, or all of them."""
    old, new = ModelConfig.from_dict(before.config), ModelConfig.from_dict(after.config)
    compared = [
        ("facts", gettext_lazy("Basic information"), rows_of(_facts(before), _facts(after))),
        ("config", gettext_lazy("Configuration file"), rows_of(_config(old), _config(new))),
        ("parameters", gettext_lazy("Parameter configuration"), rows_of(parameters_of(old), parameters_of(new))),
        ("dependencies", gettext_lazy("Runtime dependency"), rows_of(dependencies_of(old), dependencies_of(new))),
        ("metrics", gettext_lazy("Model precision"), rows_of(metrics_of(old), metrics_of(new))),
        (
            "documents",
            pgettext_lazy("version page", "Model documents"),
            rows_of(_documents(before), _documents(after)),
        ),
        ("files", gettext_lazy("Files"), sorted_rows(_files(before), _files(after))),
    ]
    return [_section(key, title, rows, everything=everything) for key, title, rows in compared]


def _section(key: str, title: str | Promise, rows: tuple[Row, ...], *, everything: bool) -> Section:
    differences = differing(rows)
    wanted = rows if everything else differences
    return Section(key, title, wanted[:FILES_SHOWN], len(differences), max(len(wanted) - FILES_SHOWN, 0))


def _facts(version: ModelVersion) -> Mapping[str, Any]:
    spec = getattr(version, "inference_spec", None)
    facts = {
        _("Status"): version.get_status_display(),
        _("AI engine"): version.engine,
        _("Runtime environment"): version.runtime,
        _("Size"): filesizeformat(version.size) if version.file_count else "",
        _("Digest"): version.digest,
        _("Deployment type"): version.deployment_types.replace(",", ", "),
        _("Path"): version.source_path,
        _("Image digest"): (pinned_of(version) or {}).get("digest", ""),
        _("Inference specification"): str(spec) if spec else "",
        _("Labels"): ", ".join(sorted(label.name for label in version.labels.all())),
        _("Description"): version.description,
    }
    return {name: value or None for name, value in facts.items()}


def _config(config: ModelConfig) -> Mapping[str, Any]:
    named = {"model_type": config.engine, "model_algorithm": config.algorithm, "runtime": config.runtime}
    named |= {"swr_location": config.swr_location}
    nested = {"health": config.health} | {f"extra: {name}": value for name, value in config.extra.items()}
    return {name: value or None for name, value in (named | nested).items()}


def _documents(version: ModelVersion) -> Mapping[str, str]:
    return {document.name: document.url for document in version.documents.all()}


def _files(version: ModelVersion) -> Mapping[str, Kept]:
    files = version.files.order_by().values_list("path", "sha256", "size")
    return {path: Kept(sha256, size) for path, sha256, size in files.iterator(chunk_size=5000)}
