"""A second opinion on a pickle, by modelaudit-picklescan: it knows encodings and attacks that our walk does not."""

from collections.abc import Mapping
from typing import Any

from modelaudit_picklescan import Finding, PickleScanner, ScanOptions, Severity

from importers.package.evidence import Evidence
from importers.package.imports import is_precise

SECONDS = 10.0
TAPE_BYTES = 64 * 1024 * 1024
# Its default budgets give false alarms on honest pickles of more than a million opcodes.
SCANNER = PickleScanner(ScanOptions(timeout_s=SECONDS, max_opcodes=500_000_000, post_budget_scan_bytes=0))
# What our own walk judges with more knowledge: the bytes given to this loader are analysed too.
JUDGED_BY_US = frozenset({"torch.storage._load_from_bytes"})
# A class of somebody's notebook: outside the list, but no attack by itself.
MAIN = "__main__."
# What only repeats the import list, or what honest vocabularies, checkpoints and random bytes raise too. A literal
# that really holds a pickle doing harm is reported besides under the rule of that harm.
COMMON = frozenset({"NON_ALLOWLISTED_GLOBAL", "PERSISTENT_ID", "SUSPICIOUS_STRING", "POST_BUDGET_GLOBAL", "S203"})
COMMON |= {"S213", "S601", "S602", "EXTENSION_REF"}


class Tapes:
    """The pickles met in one file, without raw arrays and long literals, to be analysed together: each call is dear."""

    def __init__(self) -> None:
        self._whole = bytearray()
        self._broken = bytearray()
        self._full = False

    def add(self, tape: bytes, *, whole: bool) -> None:
        """Keep a pickle; one that broke off comes last, so that it spoils none behind it."""
        if self._full or len(self._whole) + len(self._broken) + len(tape) > TAPE_BYTES:
            self._full = True
        elif whole:
            self._whole += tape
        else:
            self._broken = self._broken or bytearray(tape)

    def give_opinion(self, evidence: Evidence, member: str) -> None:
        """Add what the analyser finds; content on which it disagrees with our own walk is ambiguous."""
        if self._full:
            evidence.add("scan.too_complex", member)
        tape = bytes(self._whole + self._broken)
        if tape and not _analyse(tape, evidence, member) and not self._broken:
            evidence.add("scan.ambiguous", member)


def _analyse(pickles: bytes, evidence: Evidence, member: str) -> bool:
    """Whether the analyser could read everything."""
    report = SCANNER.scan_bytes(pickles, source="pickle", enrich_call_graph=False)
    for reference in report.metadata.get("import_references", ()):
        _take_import(reference, evidence, member)
    for finding in report.findings:
        _take(finding, evidence, member)
    return not any(notice.code == "parse_incomplete" for notice in report.notices)


def _take(finding: Finding, evidence: Evidence, member: str) -> None:
    rule = finding.rule_code or "unnamed"
    name = str(finding.details.get("import_reference") or "")
    if rule in COMMON or name in JUDGED_BY_US or name.startswith(MAIN) or _is_noise(finding, name):
        return
    if name and finding.severity is Severity.CRITICAL:
        evidence.add("scan.blocked_import", member, name[:160])
    elif finding.severity is Severity.CRITICAL:
        evidence.add("scan.hidden_payload", member, rule)
    elif not name:
        evidence.add("scan.suspicious", member, rule)


def _is_noise(finding: Finding, name: str) -> bool:
    """Whether it is about a pickle believed to lie in a literal, but names nothing; random bytes look so."""
    return bool(finding.details.get("nested_encoding")) and not is_precise(name)


def _take_import(reference: Mapping[str, Any], evidence: Evidence, member: str) -> None:
    module, name = reference.get("module"), reference.get("name")
    if isinstance(module, str) and isinstance(name, str) and is_precise(f"{module}.{name}"):
        evidence.imported(module, name, member)
