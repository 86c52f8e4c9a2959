"""What a reviewer needs to judge one version, read for one page."""

from dataclasses import dataclass, replace
from typing import Any

from accounts.models import User
from accounts.queries import workspaces_for
from accounts.roles import Action
from registry.admin_parts import findings_of
from registry.config import ModelConfig
from registry.findings import Severity, message_for
from registry.models import ModelVersion, Review, ReviewState, VersionEvent
from registry.queries_compared import Section, comparable, sections_between
from registry.queries_review import last_approved, reviews_for
from registry.services_review import why_not_judge
from registry.values import LONGEST_COMMENT

UNNEEDED = ("source_params", "sample", "config_found")
FILES_SHOWN = 100
ROWS_SHOWN = 12
EVENTS_SHOWN = 100
FINDINGS_SHOWN = 100
WORST_FIRST = ("blocked", "could-not-scan", "review")
UNLISTED = len(WORST_FIRST)


@dataclass(frozen=True)
class JudgedFile:
    path: str
    size: int | None
    verdict: str
    imports: tuple[str, ...] = ()


def judged_review(user: User, pk: str) -> Review | None:
    """One review with all that its page shows of the version itself."""
    rows = reviews_for(user).select_related("version__model__workspace", "version__inference_spec")
    if not pk.isdecimal():
        return None
    return rows.defer(*(f"version__{name}" for name in UNNEEDED)).filter(pk=pk).first()


def facts_of(review: Review, user: User) -> dict[str, Any]:
    """The context of the judging page."""
    version = review.version
    previous, sections = _differences(version)
    groups = {each: found[:FINDINGS_SHOWN] for each, found in findings_of(version.findings).items()}
    return {
        "version": version,
        "model": version.model,
        "config": ModelConfig.from_dict(version.config),
        "groups": [(severity.value, found) for severity, found in groups.items()],
        "errors": len(groups.get(Severity.ERROR, ())),
        "warnings": len(groups.get(Severity.WARNING, ())),
        "files": files_of(version),
        "files_shown": FILES_SHOWN,
        "tools": version.scan.get("tools", {}),
        "labels": list(version.labels.all()),
        "documents": list(version.documents.all()),
        "spec": getattr(version, "inference_spec", None),
        "events": _events(version),
        "previous": previous,
        "sections": sections,
        "differences": sum(section.differences for section in sections),
        "longest_comment": LONGEST_COMMENT,
        **decision_of(version, user, workspaces_to_judge(user)),
    }


def workspaces_to_judge(user: User) -> frozenset[int]:
    """The primary keys of the workspaces in which this person decides."""
    return frozenset(workspaces_for(user, Action.APPROVE).values_list("pk", flat=True))


def decision_of(version: ModelVersion, user: User, workspaces: frozenset[int]) -> dict[str, Any]:
    """What this person may decide, or the sentence that says why not."""
    why = why_not_decide(version, user, workspaces)
    requested, approved = (version.review == state for state in (ReviewState.REQUESTED, ReviewState.APPROVED))
    return {
        "may_approve": not why and requested,
        "may_reject": not why and (requested or approved),
        "taking_back": approved,
        "why_not": why if requested or approved else "",
    }


def why_not_decide(version: ModelVersion, user: User, workspaces: frozenset[int]) -> str:
    """The sentence that says why this person may not decide on the version; empty when they may."""
    workspace = version.model.workspace
    if workspace.pk not in workspaces:
        return message_for("review.no_role", {"workspace": workspace.name})
    reason = why_not_judge(version, user)
    return message_for(reason, {}) if reason else ""


def files_of(version: ModelVersion, *, most: int = FILES_SHOWN) -> list[JudgedFile]:
    """The files of the package with what the scan said of each: the worst first, the others by path."""
    scanned = {entry["path"]: entry for entry in version.scan.get("files", [])}
    noted = [path for path, entry in scanned.items() if entry["verdict"] in WORST_FIRST]
    noted = sorted(noted, key=lambda path: (WORST_FIRST.index(scanned[path]["verdict"]), path))[:most]
    stored = version.files.order_by("path").values_list("path", "size")
    sizes = dict(stored.filter(path__in=noted))
    others = dict(stored.exclude(path__in=noted)[: most - len(noted)])
    return [_file(path, sizes.get(path), scanned) for path in noted] + [
        _file(path, size, scanned) for path, size in others.items()
    ]


def _file(path: str, size: int | None, scanned: dict[str, dict[str, Any]]) -> JudgedFile:
    entry = scanned.get(path, {})
    return JudgedFile(path, size, entry.get("verdict", ""), tuple(entry.get("imports", ())))


def _differences(version: ModelVersion) -> tuple[ModelVersion | None, list[Section]]:
    """Against the version approved last; none is as good as an empty answer."""
    previous = last_approved(version)
    if previous is None:
        return None, []
    present = comparable(version.model).get(pk=version.pk)
    found = [section for section in sections_between(previous, present) if section.rows]
    return previous, [_shortened(section) for section in found]


def _shortened(section: Section) -> Section:
    hidden = max(len(section.rows) - ROWS_SHOWN, 0)
    return replace(section, rows=section.rows[:ROWS_SHOWN], more=section.more + hidden)


def _events(version: ModelVersion) -> list[VersionEvent]:
    return list(version.events.order_by("-id")[:EVENTS_SHOWN])
