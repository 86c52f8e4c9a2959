"""`manage.py check_package`: the checks and the scan of an import, on a local folder or zip archive."""

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import translation
from django.utils.translation import gettext as _

from importers.catalogue import MODES, TEMPLATES
from importers.package.check import ALL_TYPES, CheckOptions, Limits, PackageReport, check_package
from importers.package.local import LocalPackage, UnreadablePath, open_local
from importers.package.names import is_safe
from importers.package.notes import size_text
from importers.scanner import ScanItem, ScanReport, scan_package
from importers.sources.template import chosen_of
from registry.engines import ENGINES
from registry.findings import Finding, Severity, Where, has_errors, message_for
from stores.errors import SourceRefused

REFUSED, UNREADABLE = 1, 2
NOT_SCANNED = ScanReport("could-not-scan", (), (), {})


class Command(BaseCommand):
    help = "Check a model package (a folder or a zip archive) as an import would, without importing it."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=Path, metavar="PATH", help="the folder that holds model/, or a zip of it")
        parser.add_argument("--engine", default="", choices=["", *ENGINES], help="when config.json names no model_type")
        parser.add_argument("--config", type=Path, help="a configuration file to use instead of model/config.json")
        parser.add_argument(
            "--template", default="", help=f"check as an import by this template: {', '.join(TEMPLATES)}"
        )
        parser.add_argument("--mode", default="", help=f"with --template, instead of its own: {', '.join(MODES)}")
        parser.add_argument("--deployment-type", action="append", choices=ALL_TYPES, dest="types")
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument("--language", default="", choices=["", *dict(settings.LANGUAGES)])

    def handle(self, *args: Any, **options: Any) -> None:
        with translation.override(options["language"] or translation.get_language()):
            report, scan = self._check(options)
            refused = not report.importable or has_errors(scan.findings)
            if options["json"]:
                answer = _as_dict(report, scan, refused=refused)
                self.stdout.write(json.dumps(answer, ensure_ascii=False, indent=2))
            else:
                self._print(report, scan, refused=refused)
        if refused:
            sys.exit(REFUSED)

    def _check(self, options: dict[str, Any]) -> tuple[PackageReport, ScanReport]:
        limits, terms = _limits(), _terms(options)
        try:
            with open_local(options["path"], limits) as package:
                return _examine(package, _options(options, package, terms, limits))
        except UnreadablePath as error:
            message = _("“%(path)s” is neither a folder nor a zip archive that can be read.") % {
                "path": options["path"]
            }
            raise CommandError(message, returncode=UNREADABLE) from error

    def _print(self, report: PackageReport, scan: ScanReport, *, refused: bool) -> None:
        """The answer for people; colours only where the terminal shows them."""
        verdict = self.style.ERROR(_("refused")) if refused else self.style.SUCCESS(_("importable"))
        size = _("%(count)s files, %(size)s") % {"count": report.file_count, "size": size_text(report.total_bytes)}
        self.stdout.write(f"{verdict}  {report.engine or '--'}  {report.runtime or '--'}  {size}")
        for api in report.config.apis:
            self.stdout.write(f"  {api.method} {api.url}  {api.request.content_type}")
        for row in report.config.requirements:
            self.stdout.write(f"  {row.installer}  {row.requirement.line}")
        for finding in (*report.findings, *scan.findings):
            self.stdout.write(self._line(finding))
        self.stdout.write(_("Scan: %(verdict)s") % {"verdict": scan.verdict})
        if report.repair is not None:
            self.stdout.write(_("The configuration can be repaired to:"))
            self.stdout.write(report.repair)

    def _line(self, finding: Finding) -> str:
        styles = {
            Severity.ERROR: self.style.ERROR,
            Severity.WARNING: self.style.WARNING,
            Severity.INFO: self.style.NOTICE,
        }
        where = finding.where
        place = ":".join(str(part) for part in (where.file, where.line, where.column) if part)
        head = styles[finding.severity](f"{finding.severity.value:8}")
        return f"{head}{place + ' ' if place else ''}{where.pointer + ' ' if where.pointer else ''}{finding.message}"


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, ValueError) as error:
        message = _("“%(path)s” cannot be read as UTF-8 text.") % {"path": path}
        raise CommandError(message, returncode=UNREADABLE) from error


def _limits() -> Limits:
    return Limits(
        bytes=settings.PACKAGE_MAX_BYTES,
        files=settings.PACKAGE_MAX_FILES,
        depth=settings.PACKAGE_MAX_DEPTH,
        key_bytes=settings.PACKAGE_MAX_KEY_BYTES,
        expansion=settings.PACKAGE_MAX_EXPANSION,
    )


def _terms(options: dict[str, Any]) -> dict[str, Any]:
    """Which configuration counts, and what follows from a template: the terms an import by it has."""
    if not options["template"]:
        if options["mode"]:
            raise CommandError(_("--mode belongs to --template. Say which template is meant."), returncode=UNREADABLE)
        return {"config_text": _text(options["config"]) if options["config"] else None}
    if options["config"]:
        raise CommandError(_("A template writes the configuration itself. Leave --config out."), returncode=UNREADABLE)
    try:
        template, mode = chosen_of(options)
    except SourceRefused as refused:
        raise CommandError(message_for(refused.code, refused.params), returncode=UNREADABLE) from refused
    text, files = template.config_text(mode), template.demanded_files
    return {"source": "template", "config_text": text, "required_files": files}


def _options(options: dict[str, Any], package: LocalPackage, terms: dict[str, Any], limits: Limits) -> CheckOptions:
    return CheckOptions(
        engine=options["engine"],
        deployment_types=tuple(dict.fromkeys(options["types"] or ALL_TYPES)),
        strict=settings.STRICT_SEED_RULES,
        limits=limits,
        registry_hosts=None,
        folder_name=package.folder_name,
        **terms,
    )


def _examine(package: LocalPackage, options: CheckOptions) -> tuple[PackageReport, ScanReport]:
    """Check and scan; an archive that is not looked into is neither."""
    if not package.scannable:
        return PackageReport(findings=package.notes.findings()), NOT_SCANNED
    report = check_package(package.files, package.read, options)
    scan = NOT_SCANNED
    if report.total_bytes <= options.limits.bytes and report.file_count <= options.limits.files:
        scan = scan_package(_scan_items(report, package), engine=report.engine)
    more = tuple(finding for finding in package.notes.findings() if finding not in report.findings)
    return replace(report, findings=(*more, *report.findings)), scan


def _scan_items(report: PackageReport, package: LocalPackage) -> Iterator[ScanItem]:
    """The files that can be read; the others are noted, which refuses the package."""
    for entry in report.files:
        if entry.link or not is_safe(entry.path):
            continue
        path = report.source_path(entry.path)
        refused = package.refusal(path)
        if refused is None:
            yield ScanItem(entry.path, entry.size, partial(package.open, path))
        else:
            package.notes.error(refused.code, Where(entry.path), **refused.params)


def _as_dict(report: PackageReport, scan: ScanReport, *, refused: bool) -> dict[str, Any]:
    normalised = report.config.as_dict()
    return {
        "verdict": "refused" if refused else "importable",
        "engine": report.engine,
        "runtime": report.runtime,
        "apis": normalised["apis"],
        "dependencies": normalised["dependencies"],
        "findings": [_finding(finding) for finding in (*report.findings, *scan.findings)],
        "scan": scan.as_dict(),
        "normalised": normalised,
    }


def _finding(finding: Finding) -> dict[str, Any]:
    stored = finding.as_dict()
    return {key: stored[key] for key in ("code", "severity", "where")} | {"message": finding.message}
