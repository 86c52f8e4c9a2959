"""Commands on models and versions: reserve, hand over, edit, delete."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError, Q
from django.utils.timezone import now

from accounts.models import User, Workspace
from accounts.services import record_audit
from registry import artifacts, transitions
from registry.artifacts import Stored
from registry.details import checked_documents, checked_labels, joined_types, store_documents, store_labels
from registry.digests import package_digest
from registry.engines import cannot_run_reason
from registry.findings import Finding
from registry.models import (
    InferenceSpec,
    ModelSource,
    ModelVersion,
    Proof,
    RegisteredModel,
    Status,
    StoredFile,
)
from registry.preparation import ring_preparer
from registry.queries import LARGE
from registry.transitions import Line
from registry.validators import valid_description, valid_name
from registry.values import HandOver, PackageFile, Removal, SpecValues, VersionDetails, VersionInUse, VersionTaken
from registry.versions import Version

__all__ = [
    "MOST_AT_ONCE",
    "HandOver",
    "PackageFile",
    "Removal",
    "SpecValues",
    "VersionDetails",
    "VersionInUse",
    "VersionTaken",
    "delete_model",
    "delete_version",
    "edit_description",
    "edit_documents",
    "edit_labels",
    "edit_model_description",
    "fail_import",
    "hand_over",
    "record_event",
    "release_version",
    "reserve_version",
    "restart_import",
]

REPLACEABLE = frozenset({Status.FAILED})
UNFINISHED = frozenset({Status.IMPORTING, Status.BUILDING})
MOST_AT_ONCE = 20


def reserve_version(
    workspace: Workspace,
    *,
    name: str,
    number: Version,
    details: VersionDetails,
    source_kind: str,
    source_path: str,
    source_params: Mapping[str, Any],
    model_source: str = ModelSource.CUSTOM,
    proof_wanted: bool = True,
    sample: Any = None,
    by: User | None,
    replace: bool = False,
) -> ModelVersion:
    """Take name and number for a version that is being imported; the model is made, or gets one more version.

    Raises VersionTaken when somebody has them, unless that is a failed version and `replace` says that it may go,
    and ValidationError for a name or details against the rules.
    """
    valid_name(name)
    valid_description(details.description)
    labels, documents = checked_labels(details.labels), checked_documents(details.documents)
    values = {
        "description": details.description,
        "deployment_types": joined_types(details.deployment_types),
        "source_kind": source_kind,
        "source_path": source_path,
        "source_params": dict(source_params),
        "model_source": model_source,
        "proof_wanted": proof_wanted,
        "sample": sample,
        "created_by": by,
        "created_by_name": by.get_username() if by else "",
    }
    with transaction.atomic():
        model = _model_named(workspace, name, details.description)
        version = _take_number(model, number, values, replace=replace)
        store_labels(version, labels)
        store_documents(version, documents)
        if details.spec:
            InferenceSpec.objects.create(version=version, **asdict(details.spec))
        transitions.append_events(version, Line("import.started"), by=by)
        transitions.refresh_latest(model)
        record_audit(workspace, "addModel", by=by, name=name, version=version.number)
    return version


def hand_over(version: ModelVersion, report: HandOver) -> bool:
    """Keep what the import brought and end it: Normal, or Building where a preparer is set (rung after commit).

    The bytes of `report.files` were settled before. False, with nothing kept, when the version is not being imported
    any more. Raises ArtifactStoreUnavailable when a sweep took some of them.
    """
    size = sum(file.size for file in report.files)
    cannot_run = cannot_run_reason(report.engine)
    building = bool(settings.VERSION_PREPARER) and not cannot_run
    events = [
        Line("file.copied", {"count": len(report.files)}),
        Line("size.computed", {"bytes": size}),
        *_known_already(report),
        *([Line("image.pinned", {"digest": report.image})] if report.image else []),
        Line("build.requested" if building else "import.done"),
    ]
    values: dict[str, Any] = _kept(report) | {
        "digest": package_digest(((file.path, file.size, file.sha256) for file in report.files), image=report.image),
        "size": size,
        "file_count": len(report.files),
        "proof": Proof.CANNOT_RUN_HERE if cannot_run else Proof.NOT_ASKED,
        "proof_code": "" if building else cannot_run or "proof.no_preparer",
        "proof_params": {"engine": report.engine},
        "finished_at": None if building else now(),
    }
    status = Status.BUILDING if building else Status.NORMAL
    with transaction.atomic():
        artifacts.hold(Stored(file.sha256, file.size) for file in report.files)
        if not transitions.move(version, status, *events, when=Q(status=Status.IMPORTING), values=values):
            return False
        StoredFile.objects.bulk_create((StoredFile(version=version, **asdict(file)) for file in report.files), 1000)
        if building:
            ring_preparer(version)
    return True


def fail_import(
    version: ModelVersion,
    *,
    code: str,
    params: Mapping[str, Any] | None = None,
    findings: Iterable[Finding] = (),
    report: HandOver | None = None,
) -> bool:
    """End an import that cannot succeed, keeping what it found out (but no files). False when it is not running."""
    given = dict(params or {})
    values: dict[str, Any] = (_kept(report) if report else {}) | {
        "findings": [finding.as_dict() for finding in findings or (report.findings if report else ())],
        "status_code": code,
        "status_params": given,
        "finished_at": now(),
    }
    failed = Line("import.failed", {"reason": code, "reason_params": given}, abnormal=True)
    return transitions.move(version, Status.FAILED, failed, when=Q(status=Status.IMPORTING), values=values)


def restart_import(version: ModelVersion, *, by: User | None = None) -> bool:
    """Import a version anew whose import failed before it was handed over. False for any other."""
    values: dict[str, Any] = {
        "status_code": "",
        "status_params": {},
        "findings": [],
        "scan": {},
        "scan_verdict": "",
        "finished_at": None,
    }
    before_hand_over = Q(status=Status.FAILED, digest="")
    started = Line("import.started")
    return transitions.move(version, Status.IMPORTING, started, when=before_hand_over, by=by, values=values)


@transaction.atomic
def release_version(version: ModelVersion, *, by: User | None = None) -> bool:
    """Give up a version that never became Normal: its row goes and the name is free. False when it is at rest."""
    model = transitions.lock_model(version.model_id)
    unfinished = ModelVersion.objects.filter(pk=version.pk, status__in=UNFINISHED).first()
    if model is None or unfinished is None:
        return False
    unfinished.delete()
    _after_removal(model)
    record_audit(model.workspace, "deleteModel", by=by, name=model.name, version=unfinished.number, cancelled=True)
    return True


def record_event(
    version: ModelVersion, code: str, *, abnormal: bool = False, by: User | None = None, **params: Any
) -> None:
    """Add a line to the version's history; nothing when the version is gone."""
    with transaction.atomic():
        if ModelVersion.objects.select_for_update().filter(pk=version.pk).values_list("pk").first():
            transitions.append_events(version, Line(code, params, abnormal), by=by)


@transaction.atomic
def edit_description(version: ModelVersion, description: str, *, by: User) -> None:
    """Change a version's description; ValidationError when it is against the rules."""
    valid_description(description)
    before = _locked(version).description
    if description != before:
        version.description = description
        version.save(update_fields=["description"])
        _record_edit(version, "description", before, description, by=by)


@transaction.atomic
def edit_model_description(model: RegisteredModel, description: str, *, by: User) -> None:
    """Change a model's description; ValidationError when it is against the rules."""
    valid_description(description)
    before = RegisteredModel.objects.select_for_update().get(pk=model.pk).description
    if description != before:
        model.description = description
        model.save(update_fields=["description"])
        change = {"field": "description", "before": before, "after": description}
        record_audit(model.workspace, "updateModel", by=by, name=model.name, **change)


@transaction.atomic
def edit_labels(version: ModelVersion, labels: Iterable[str], *, by: User) -> None:
    """Put these labels, at most five, in the place of the version's own."""
    names = checked_labels(labels)
    before = list(_locked(version).labels.values_list("name", flat=True))
    if names != before:
        store_labels(version, names)
        _record_edit(version, "labels", before, names, by=by)


@transaction.atomic
def edit_documents(version: ModelVersion, documents: Iterable[tuple[str, str]], *, by: User) -> None:
    """Put these documents (name and URL), at most three, in the place of the version's own."""
    rows = checked_documents(documents)
    before = [list(row) for row in _locked(version).documents.values_list("name", "url")]
    if rows != before:
        store_documents(version, rows)
        _record_edit(version, "documents", before, rows, by=by)


@transaction.atomic
def delete_version(version: ModelVersion, *, by: User) -> bool:
    """Delete a version in any state; returns whether the model went too, because it was its last one.

    Deleting it a second time changes nothing. Raises VersionInUse when rows of other apps rest on it. Bytes nobody
    else uses are swept later.
    """
    model = transitions.lock_model(version.model_id)
    if model is None:
        return True
    if model.versions.filter(pk=version.pk).exists():
        _remove(version)
        record_audit(model.workspace, "deleteModel", by=by, name=model.name, version=version.number)
    return _after_removal(model)


@transaction.atomic
def delete_model(model: RegisteredModel, *, by: User) -> Removal:
    """Delete the model's versions from the lowest up, at most MOST_AT_ONCE, and the model with its last one.

    A version in use stays and is told; the others go all the same.
    """
    locked = transitions.lock_model(model.pk)
    if locked is None:
        return Removal((), (), 0)
    deleted: list[str] = []
    in_use: list[VersionInUse] = []
    for version in locked.versions.select_related("model").defer(*LARGE).reverse():
        try:
            _remove(version)
        except VersionInUse as used:
            in_use.append(used)
        else:
            deleted.append(version.number)
            record_audit(locked.workspace, "deleteModel", by=by, name=locked.name, version=version.number)
        if len(deleted) == MOST_AT_ONCE:
            break
    _after_removal(locked)
    return Removal(tuple(deleted), tuple(in_use), locked.versions.count() if locked.pk else 0)


def _model_named(workspace: Workspace, name: str, description: str) -> RegisteredModel:
    """The workspace's model of that name, made where there is none, and held until the transaction ends."""
    while True:
        model, _ = RegisteredModel.objects.get_or_create(
            workspace=workspace, name=name, defaults={"description": description}
        )
        if locked := transitions.lock_model(model.pk):
            return locked  # Else its last version was deleted between the two statements: make it again.


def _take_number(model: RegisteredModel, number: Version, values: Mapping[str, Any], *, replace: bool) -> ModelVersion:
    numbers = number._asdict()
    if taken := model.versions.filter(**numbers).select_related("model").first():
        replaceable = taken.status in REPLACEABLE
        if not (replace and replaceable):
            raise VersionTaken(taken, replaceable=replaceable)
        _remove(taken)
    try:
        with transaction.atomic():
            return model.versions.create(**numbers, **values)
    except IntegrityError:
        raise VersionTaken(model.versions.get(**numbers), replaceable=False) from None


def _kept(report: HandOver) -> dict[str, Any]:
    return {
        "engine": report.engine,
        "runtime": report.runtime,
        "config_found": report.config_found or "",
        "config_used": report.config_used or "",
        "config": dict(report.config),
        "findings": [finding.as_dict() for finding in report.findings],
        "scan": dict(report.scan),
        "scan_verdict": report.scan.get("verdict", ""),
        "has_inference_code": report.has_inference_code,
        "deployment_types": joined_types(report.deployment_types),
        "source_params": dict(report.source_params),
    }


def _known_already(report: HandOver) -> list[Line]:
    known = {"count": report.known_files, "bytes": report.known_bytes}
    return [Line("file.known", known)] if report.known_files else []


def _remove(version: ModelVersion) -> None:
    try:
        version.delete()
    except ProtectedError as error:
        # A row that is part of something tells what people know: several revisions are one service.
        users = {getattr(row, "holder", row) for row in error.protected_objects}
        raise VersionInUse(version, tuple(sorted(users, key=str))) from None


def _after_removal(model: RegisteredModel) -> bool:
    """Let the model follow its versions: without any it goes too, which is returned."""
    if model.versions.exists():
        transitions.refresh_latest(model)
        return False
    model.delete()
    return True


def _locked(version: ModelVersion) -> ModelVersion:
    """The version's row as it is now, held; edits of one version come one after the other."""
    return ModelVersion.objects.select_for_update().get(pk=version.pk)


def _record_edit(version: ModelVersion, field: str, before: Any, after: Any, *, by: User) -> None:
    """Once for the version's history and once for the workspace's trail."""
    change = {"before": before, "after": after}
    transitions.append_events(version, Line(f"edit.{field}", change), by=by)
    model = version.model
    record_audit(model.workspace, "updateModel", by=by, name=model.name, version=version.number, field=field, **change)
