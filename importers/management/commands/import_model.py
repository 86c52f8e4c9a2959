"""`manage.py import_model`: the import form's twin for scripts."""

import json
import mimetypes
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from accounts.models import Workspace
from importers.catalogue import MODES, TEMPLATES
from importers.forms_sample import LARGEST_FILES, Sample, check_json, entry_of, too_large
from importers.models import ImportJob, State
from importers.package.config_text import LARGEST_CONFIG
from importers.request import ImportRequest, pinned
from importers.services import preview_source, submit_import
from importers.sources import SOURCES, source_for
from importers.sources.base import finding_of
from importers.storable import storable
from registry.details import MAX_LABELS, checked_labels
from registry.engines import ENGINES
from registry.findings import Finding, Severity, message_for
from registry.models import DeploymentType, ModelVersion, Proof, RegisteredModel, Status
from registry.queries import next_number
from registry.services import VersionDetails, VersionTaken
from registry.validators import valid_description, valid_name
from registry.versions import FIRST, Version
from stores.errors import SourceRefused

POLL_SECONDS = 0.2
PATIENCE_SECONDS = 20
# The parameters of all sources; each source says which are its own.
PARAMS = {
    "path": "/bucket/prefix/, obs://… or s3://…",
    "job": "with --source training: the name of the training job",
    "run": "with --source training: the run, such as V0001",
    "image": "with --source image: registry.example.com/team/model:1.0; you agree that the platform's administrator "
    "may read it, and say that you may share it",
    "template": f"with --source template: {', '.join(TEMPLATES)}",
    "mode": f"with --source template, instead of the template's own: {', '.join(MODES)}",
}


@dataclass(frozen=True)
class Answer:
    """What the command prints; `status` is the version's, or `refused` when there is none."""

    version_id: str | None
    name: str
    version: str
    status: str
    proof: str
    job_id: str | None
    findings: tuple[Finding, ...]
    reason: str = ""

    @property
    def good(self) -> bool:
        return self.status in {Status.IMPORTING, Status.BUILDING, Status.NORMAL}

    def as_dict(self) -> dict[str, Any]:
        return {
            "version_id": self.version_id,
            "name": self.name,
            "version": self.version,
            "status": self.status,
            "proof": self.proof,
            "job_id": self.job_id,
            "findings": [_finding(finding) for finding in self.findings],
        }

    def as_text(self) -> str:
        status = Status(self.status).label if self.status in Status.values else self.status
        status = f"{status} · {Proof(self.proof).label}" if self.proof else status
        lines = [f"{self.name} {self.version}: {status}", *map(_line, self.findings)]
        return "\n".join([*lines, self.reason] if self.reason else lines)


class Command(BaseCommand):
    help = (
        "Import a model package from a bucket, or a container image. "
        "Exit 0: accepted (with --wait: Normal); 1: refused or failed."
    )

    def create_parser(self, prog_name: str, subcommand: str, **options: Any) -> CommandParser:
        # Django's own --version gives way to the model's.
        return super().create_parser(prog_name, subcommand, conflict_handler="resolve", **options)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--workspace", required=True, metavar="W")
        parser.add_argument("--name", required=True, metavar="N")
        parser.add_argument("--version", metavar="V", dest="number", help="by default the one after the highest")
        parser.add_argument("--source", choices=sorted(SOURCES), default="obs")
        for name, help_text in PARAMS.items():
            parser.add_argument(f"--{name}", default="", help=help_text)
        parser.add_argument("--engine", choices=[*ENGINES], default="", help="when nothing in the package says it")
        parser.add_argument("--config", type=Path, metavar="FILE", help="instead of the package's config.json")
        parser.add_argument(
            "--sample", type=Path, metavar="FILE", help="asked after the build: JSON, or sent as a file"
        )
        parser.add_argument(
            "--sample-parameter", default="", metavar="P", help="by default the first that takes a file"
        )
        parser.add_argument("--no-proof", action="store_true", help="do not start the model after its build")
        parser.add_argument("--description", default="")
        parser.add_argument("--label", action="append", default=[], dest="labels", help=f"up to {MAX_LABELS} times")
        parser.add_argument("--deployment-type", action="append", choices=DeploymentType.values, dest="types")
        parser.add_argument("--wait", action="store_true", help="until nothing will change by itself any more")
        parser.add_argument("--json", action="store_true", dest="as_json")

    def handle(self, **options: Any) -> None:
        wanted = storable(options["workspace"])  # a shell may hand over bytes that are no text
        workspace = Workspace.objects.filter(name=wanted).first()
        if workspace is None:
            raise CommandError(_("There is no workspace “%(name)s”.") % {"name": wanted})
        try:
            answer = self._import(workspace, request_of(workspace, options), wait=options["wait"])
        except ValidationError as error:
            raise CommandError("\n".join(error.messages)) from error
        self.stdout.write(json.dumps(answer.as_dict(), indent=2) if options["as_json"] else answer.as_text())
        if not answer.good:
            sys.exit(1)

    def _import(self, workspace: Workspace, request: ImportRequest, *, wait: bool) -> Answer:
        """Look beforehand as the form does, submit, and follow the version when asked to."""
        report = preview_source(
            workspace=workspace,
            source_kind=request.source_kind,
            source=request.source,
            engine=request.engine,
            config_text=request.config_text,
            deployment_types=request.details.deployment_types,
        )
        if not report.importable:
            return _refused(request, report.findings)
        try:
            job = submit_import(pinned(request, report.pins), workspace=workspace, by=None)
        except VersionTaken as taken:
            given = {"name": request.name, "version": taken.version.number}
            return _refused(request, [Finding("import.version_taken", Severity.ERROR, params=given)])
        except SourceRefused as refused:
            return _refused(request, [finding_of(refused)])
        if wait:
            _await_rest(job, self.stderr.write)
        return _answer(job, report.findings)


def request_of(workspace: Workspace, options: dict[str, Any]) -> ImportRequest:
    """The request that the arguments make; ValidationError with a sentence for each that cannot be."""
    valid_name(options["name"])
    valid_description(options["description"])
    labels = tuple(checked_labels(options["labels"]))
    model = RegisteredModel.objects.filter(workspace=workspace, name=options["name"]).first()
    number = _number(options["number"]) if options["number"] else next_number(model) if model else FIRST
    if number is None:
        raise ValidationError(_("Every version number after the highest is used up; choose one with --version."))
    details = VersionDetails(description=options["description"], labels=labels)
    if options["types"]:
        details = replace(details, deployment_types=tuple(dict.fromkeys(options["types"])))
    if options["config"] and source_for(options["source"]).writes_config:
        raise ValidationError(_("--source %(source)s writes the configuration itself. Leave --config out.") % options)
    config = _config(options["config"]) if options["config"] else None
    return ImportRequest(
        name=options["name"],
        number=number,
        details=details,
        source_kind=options["source"],
        source=_source(options),
        engine=options["engine"],
        config_text=config,
        config_origin="found" if config is None else "edited",
        consent=source_for(options["source"]).consent,
        proof_wanted=not options["no_proof"],
        sample=_sample(options["sample"], options["sample_parameter"]) if options["sample"] else None,
    )


def _source(options: dict[str, Any]) -> dict[str, str]:
    """The source's parameters; one that is another source's is a mistake."""
    own = source_for(options["source"]).params
    for name in PARAMS:
        if options[name] and name not in own:
            given = {"option": f"--{name}", "source": options["source"]}
            raise ValidationError(_("%(option)s does not belong to --source %(source)s. Leave it out.") % given)
    return {name: options[name] for name in own if options[name]}


def _number(text: str) -> Version:
    try:
        return Version.parse(text)
    except ValueError as error:
        raise ValidationError(
            _("“%(text)s” is not a version: write three numbers from 0 to 99, such as 0.0.1.") % {"text": text}
        ) from error


def _config(path: Path) -> str:
    """The text of the file; what is too much or not UTF-8 in it stays a fault that the check finds."""
    try:
        with path.open("rb") as file:
            return file.read(LARGEST_CONFIG + 1).decode(errors="replace")
    except OSError as error:
        raise ValidationError(
            _("%(path)s cannot be read: %(error)s") % {"path": path, "error": error.strerror}
        ) from error


def _sample(path: Path, parameter: str) -> Sample:
    """A file whose name ends in .json is the body, unless a parameter says that it is sent as a file."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_FILES + 1)
    except OSError as error:
        raise ValidationError(
            _("%(path)s cannot be read: %(error)s") % {"path": path, "error": error.strerror}
        ) from error
    if path.suffix.lower() == ".json" and not parameter:
        text = data.decode("utf-8-sig", errors="replace")
        check_json(text)
        return {"json": text, "files": []}
    if len(data) > LARGEST_FILES:
        raise ValidationError(too_large())
    media_type = mimetypes.guess_type(path.name)[0] or ""
    return {"json": "", "files": [entry_of(path.name, media_type, data, parameter)]}


def _refused(request: ImportRequest, findings: Sequence[Finding]) -> Answer:
    return Answer(None, request.name, str(request.number), "refused", "", None, tuple(findings))


def _await_rest(job: ImportJob, say: Callable[[str], Any]) -> None:
    """Follow the version until it rests; it is gone when somebody cancelled."""
    impatient = time.monotonic() + PATIENCE_SECONDS
    while not _rests(job):
        if time.monotonic() > impatient and job.state == State.QUEUED and job.attempts == 0:
            say(_("No worker has taken the job yet. Is `manage.py up` running?"))
            impatient = float("inf")
        time.sleep(POLL_SECONDS)
        job.refresh_from_db()


def _rests(job: ImportJob) -> bool:
    version = ModelVersion.objects.filter(uuid=job.version_uuid).only("status").first()
    return version is None or version.at_rest


def _answer(job: ImportJob, looked: Sequence[Finding]) -> Answer:
    """What became of the job so far; until it ended, the findings are those of looking beforehand."""
    job.refresh_from_db()
    version = ModelVersion.objects.filter(uuid=job.version_uuid).first()
    found = [Finding.from_dict(stored) for stored in job.findings] if job.finished else looked
    return Answer(
        version_id=str(job.version_uuid),
        name=job.model_name,
        version=job.version_number,
        status=version.status if version else job.state,
        proof=version.proof if version and version.status == Status.NORMAL else "",
        job_id=str(job.uuid),
        findings=tuple(found),
        reason=_reason(job, version),
    )


def _reason(job: ImportJob, version: ModelVersion | None) -> str:
    """Why the job failed, or, when it had done its part, why the version failed after it."""
    if job.reason_code:
        return message_for(job.reason_code, job.reason_params)
    return version.reason if version and version.at_rest else ""


def _finding(finding: Finding) -> dict[str, Any]:
    shown = finding.as_dict()
    return {"code": shown["code"], "severity": shown["severity"], "where": shown["where"], "message": finding.message}


def _line(finding: Finding) -> str:
    where = finding.where
    place = ":".join(str(part) for part in (where.file, where.line, where.column) if part)
    place = " ".join(part for part in (place, where.pointer) if part)
    return f"  {finding.severity.value}: {place}{': ' if place else ''}{finding.message}"
