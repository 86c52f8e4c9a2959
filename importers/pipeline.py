"""One import from claim to hand-over: look, fetch, check, scan, store."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Q

from accounts.models import Workspace
from importers import transitions
from importers.fetching import Bytes, fetch, settle
from importers.heartbeat import ClaimLost, Heartbeat
from importers.models import ImportJob, State
from importers.package.check import RULES, CheckOptions, FileEntry, Limits, PackageReport, check_package
from importers.package.report import CONFIG
from importers.request import ImportRequest
from importers.scanner import ScanItem, ScanReport, scan_package
from importers.sources import source_for
from importers.sources.base import Folder, finding_of
from importers.sources.image import about_image
from importers.sources.training import RUN
from importers.storable import storable
from registry import artifacts
from registry.artifacts import Stored
from registry.errors import ArtifactStoreUnavailable
from registry.findings import Finding, Severity, Where, has_errors
from registry.models import SourceKind
from registry.services import HandOver, PackageFile, fail_import, hand_over
from stores.errors import SourceRefused, SourceUnavailable
from stores.models import RegistryConnection

logger = logging.getLogger(__name__)
Listing = tuple[FileEntry, ...]


class Refused(Exception):
    """The package cannot be imported as it is; the findings say why."""

    def __init__(self, findings: Sequence[Finding], outcome: HandOver | None = None) -> None:
        super().__init__()
        self.findings = tuple(findings)
        self.outcome = outcome


class VersionMoved(Exception):
    """The version left IMPORTING although its job held the claim."""


def run(job: ImportJob) -> None:
    """Bring a job to its end, or leave it to whoever holds it or to the sweep. Harmless to call again."""
    if not transitions.claim(job):
        return
    try:
        _import(job, ImportRequest.from_dict(job.request), Heartbeat(job))
    except ClaimLost:
        logger.info("import left", extra={"job": job.pk})
    except Refused as refused:
        fail(job, "import.refused", findings=refused.findings, outcome=refused.outcome)
    except SourceUnavailable as error:
        again_later(job, error.code, error.params, gave_up="import.source_gave_up", findings=(finding_of(error),))
    except ArtifactStoreUnavailable as error:
        logger.warning("artifact store unavailable: %s", error, extra={"job": job.pk})
        job.refresh_from_db(fields=["state"])  # what was rolled back is still in memory
        again_later(job, "import.store_unavailable", {}, gave_up="import.store_gave_up")
    except (OperationalError, InterfaceError):
        logger.exception("import interrupted by the database", extra={"job": job.pk})
    except Exception:
        bug = uuid4().hex[:12]
        logger.exception("import bug %s", bug, extra={"job": job.pk})
        job.refresh_from_db(fields=["state"])  # what was rolled back is still in memory
        fail(job, "import.bug", {"id": bug})


def examine(
    folder: Folder, options: CheckOptions, *, beat: Callable[[], None] = lambda: None
) -> tuple[PackageReport, Listing]:
    """Check a folder from its listing and the few files a check reads; nothing is fetched."""
    listing: list[FileEntry] = []

    def listed() -> Iterator[FileEntry]:
        for entry in folder.files():
            beat()
            listing.append(entry)
            yield entry

    return _with_about(check_package(listed(), folder.read, options), folder), tuple(listing)


def check(folder: Folder, listing: Listing, stored: Bytes, options: CheckOptions) -> PackageReport:
    """Check what was stored. What lies beside the package was not fetched and is read where it is."""

    def read(path: str, size: int) -> bytes:
        if path not in stored:
            return folder.read(path, size)
        with artifacts.open_artifact(stored[path].sha256) as file:
            return file.read(size)

    return _with_about(check_package(listing, read, options), folder)


def scan(report: PackageReport, stored: Bytes, heartbeat: Heartbeat) -> ScanReport:
    """Analyse every stored file of the package in the scanner's own process."""
    items = (
        ScanItem(file.path, file.size, partial(artifacts.open_artifact, stored[report.source_path(file.path)].sha256))
        for file in report.files
    )
    return heartbeat.during(lambda: scan_package(heartbeat.while_claimed(items), engine=report.engine))


@transaction.atomic
def store(job: ImportJob, outcome: HandOver) -> None:
    """End the job and hand its version over, both or neither."""
    transitions.lock_version(job)
    if job.version is None or not transitions.succeed(job, _stored_findings(outcome.findings)):
        raise ClaimLost
    if not hand_over(job.version, outcome):
        raise VersionMoved


@transaction.atomic
def fail(
    job: ImportJob,
    code: str,
    params: Mapping[str, Any] | None = None,
    *,
    findings: Sequence[Finding] = (),
    outcome: HandOver | None = None,
    condition: Q | None = None,
) -> bool:
    """End the job and fail its version, both or neither; nothing when the job is not held any more."""
    transitions.lock_version(job)
    given = dict(params or {})
    if not transitions.fail(job, code, given, _stored_findings(findings), condition=condition):
        return False
    if job.version is not None:
        fail_import(job.version, code=code, params=given, findings=_storable(findings), report=outcome)
    return True


def again_later(
    job: ImportJob, code: str, params: dict[str, Any], *, gave_up: str, findings: Sequence[Finding] = ()
) -> None:
    """Release the job until IMPORT_RETRY_SECONDS have passed; after the last attempt it fails, with these findings."""
    if transitions.last_attempt(job):
        fail(job, gave_up, {"attempts": settings.IMPORT_ATTEMPTS}, findings=findings)
    else:
        transitions.release(job, code, params)


def locate(
    workspace: Workspace,
    *,
    kind: str,
    source: Mapping[str, str],
    engine: str,
    config_text: str | None,
    deployment_types: Sequence[str],
) -> tuple[Folder, CheckOptions]:
    """The folder a source names, and by which rules it is checked. Raises what the source refuses."""
    terms = source_for(kind).terms(workspace, source)
    folder = source_for(kind).locate(workspace, source)
    limits = Limits(
        bytes=settings.PACKAGE_MAX_BYTES,
        files=settings.PACKAGE_MAX_FILES,
        depth=settings.PACKAGE_MAX_DEPTH,
        key_bytes=settings.PACKAGE_MAX_KEY_BYTES,
        expansion=settings.PACKAGE_MAX_EXPANSION,
    )
    return folder, CheckOptions(
        engine=engine,
        config_text=config_text if terms.config_text is None else terms.config_text,
        deployment_types=tuple(deployment_types),
        strict=settings.STRICT_SEED_RULES,
        limits=limits,
        source=kind,
        folder_name=folder.name,
        registry_hosts=tuple(RegistryConnection.objects.filter(workspace=workspace).values_list("address", flat=True)),
        required_files=terms.required_files,
    )


def _import(job: ImportJob, request: ImportRequest, heartbeat: Heartbeat) -> None:
    report: PackageReport | None = None
    try:
        folder, options = locate(
            job.workspace,
            kind=request.source_kind,
            source=_as_submitted(job, request),
            engine=request.engine,
            config_text=request.config_text,
            deployment_types=request.details.deployment_types,
        )
        report, listing = examine(folder, options, beat=heartbeat.beat)
        report = look_at_image(job.workspace, report)
        _refuse_errors(_outcome(job, request, report))
        fetched = fetch(folder, report, heartbeat)
        _advance(job, State.CHECKING)
        report = heartbeat.during(lambda: check(folder, listing, fetched.stored, options))
        report = look_at_image(job.workspace, report)
    except SourceRefused as refused:
        findings = (*(report.findings if report else ()), finding_of(refused))
        raise Refused(findings, _outcome(job, request, report) if report else None) from refused
    scanned = scan(report, fetched.stored, heartbeat) if report.files else None
    _refuse_errors(_outcome(job, request, report, scanned=scanned))
    _advance(job, State.STORING)
    kept = _package_bytes(report, fetched.stored)
    settle(fetched, kept, heartbeat)
    files = tuple(PackageFile(path, each.size, each.sha256) for path, each in sorted(kept.items()))
    outcome = _outcome(job, request, report, scanned=scanned, files=files)
    store(job, replace(outcome, known_files=len(fetched.known), known_bytes=fetched.known_bytes))


def _as_submitted(job: ImportJob, request: ImportRequest) -> Mapping[str, str]:
    """The parameters of the source, with the run that was meant by them: another may have its name by now."""
    if request.source_kind != SourceKind.TRAINING:
        return request.source
    return {**request.source, RUN: str(job.training_run.uuid) if job.training_run else ""}


def look_at_image(workspace: Workspace, report: PackageReport) -> PackageReport:
    """What the image is that the configuration of a package names; the same report where it names none.

    Raises SourceUnavailable when its registry does not answer.
    """
    location = report.config.swr_location
    if not location or not report.importable:
        return report
    about = about_image(workspace, location)
    findings = (*about.findings, Finding("image.not_asked", Severity.WARNING, Where(CONFIG, pointer="/swr_location")))
    return replace(report, findings=(*report.findings, *findings), facts=about.facts)


def _with_about(report: PackageReport, folder: Folder) -> PackageReport:
    about = folder.about
    return replace(report, findings=(*about.findings, *report.findings), facts=about.facts, pins=about.pins)


def _advance(job: ImportJob, to: State) -> None:
    if not transitions.advance(job, to):
        raise ClaimLost


def _package_bytes(report: PackageReport, stored: Bytes) -> dict[str, Stored]:
    """The package as it will be kept: where another configuration was accepted, that is its config.json."""
    files = {file.path: stored[report.source_path(file.path)] for file in report.files}
    if report.config_used is not None and report.config_used != report.config_found:
        files[CONFIG] = artifacts.ingest([report.config_used.encode(errors="replace")])
    return files


def _outcome(
    job: ImportJob,
    request: ImportRequest,
    report: PackageReport,
    *,
    scanned: ScanReport | None = None,
    files: tuple[PackageFile, ...] = (),
) -> HandOver:
    return HandOver(
        engine=report.engine,
        runtime=report.runtime,
        files=files,
        config_found=storable(report.config_found),
        config_used=storable(report.config_used),
        config=storable(report.config.as_dict()),
        findings=_storable([*report.findings, *(scanned.findings if scanned else ())]),
        scan=storable(_scan_with_rules(scanned)) if scanned else {},
        has_inference_code=bool(report.inference_code),
        deployment_types=report.deployment_types,
        image=report.facts.get("pinned", {}).get("digest", ""),
        source_params={
            **request.source,
            **storable(dict(report.facts)),
            **_agreed(job),
            # the folder above `model/`, also when that itself was chosen
            "package": job.source_path.removesuffix(report.root),
            "config_origin": "generated" if source_for(request.source_kind).writes_config else request.config_origin,
            "engine_chosen": request.engine,
        },
    )


def _agreed(job: ImportJob) -> dict[str, Any]:
    """The consent that was recorded when the import was asked for."""
    consent = job.version.source_params.get("consent") if job.version else None
    return {"consent": consent} if consent else {}


def _scan_with_rules(scanned: ScanReport) -> dict[str, Any]:
    """The scan as it is stored; among its tools the rules of the check, since a verdict on a package rests on both."""
    rules = f"{RULES} strict" if settings.STRICT_SEED_RULES else RULES
    return scanned.as_dict() | {"tools": {**scanned.tools, "modelport-check": rules}}


def _refuse_errors(outcome: HandOver) -> None:
    if has_errors(outcome.findings):
        raise Refused(outcome.findings, outcome)


def _storable(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    return tuple(Finding.from_dict(storable(finding.as_dict())) for finding in findings)


def _stored_findings(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    return [finding.as_dict() for finding in _storable(findings)]
