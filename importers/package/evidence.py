"""What a scan has seen in one file, and the verdict that follows from it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from importers.package.imports import Judgement, judge, readable

CLEAN, REVIEW, UNSCANNED, BLOCKED = "clean", "review", "could-not-scan", "blocked"
VERDICTS = (CLEAN, REVIEW, UNSCANNED, BLOCKED)

# What each reason means for the file; its sentence is in scan_messages.
REASONS = {
    "scan.pickle": REVIEW,
    "scan.outside_import": REVIEW,
    "scan.computed_call": REVIEW,
    "scan.suspicious": REVIEW,
    "scan.native_code": REVIEW,
    "scan.bytecode": REVIEW,
    "scan.layer_code": REVIEW,
    "scan.operation": REVIEW,
    "scan.truncated": UNSCANNED,
    "scan.damaged": UNSCANNED,
    "scan.encrypted": UNSCANNED,
    "scan.too_deep": UNSCANNED,
    "scan.too_large": UNSCANNED,
    "scan.too_complex": UNSCANNED,
    "scan.unsupported": UNSCANNED,
    "scan.unknown_content": UNSCANNED,
    "scan.unexpected_text": UNSCANNED,
    "scan.empty": UNSCANNED,
    "scan.trailing_data": UNSCANNED,
    "scan.ambiguous": UNSCANNED,
    "scan.unreadable": UNSCANNED,
    "scan.timeout": UNSCANNED,
    "scan.crashed": UNSCANNED,
    "scan.blocked_import": BLOCKED,
    "scan.hidden_import": BLOCKED,
    "scan.hidden_payload": BLOCKED,
    "scan.blocked_operation": BLOCKED,
    "scan.tampered": BLOCKED,
    "scan.archive_escapes": BLOCKED,
    "scan.archive_bomb": BLOCKED,
    "scan.archive_hides": BLOCKED,
}
NAMES_KEPT = 40


def worst(verdicts: Iterable[str]) -> str:
    """The worst of the verdicts; what was never scanned at all is clean of nothing, so nothing gives clean."""
    return max(verdicts, key=VERDICTS.index, default=CLEAN)


@dataclass
class Reason:
    """One reason: where in the file it was met first, and the names that belong to it."""

    member: str
    names: list[str] = field(default_factory=list)


class Evidence:
    """Collects reasons and imports; one reason is kept once however often it is met."""

    def __init__(self, engine: str) -> None:
        self.engine = engine
        self.reasons: dict[str, Reason] = {}
        self.imports: dict[str, Judgement] = {}

    def add(self, code: str, member: str = "", *names: str) -> None:
        reason = self.reasons.setdefault(code, Reason(member))
        for name in names:
            if name not in reason.names and len(reason.names) < NAMES_KEPT:
                reason.names.append(name)

    def imported(self, module: str, name: str, member: str) -> Judgement:
        """Judge an import and remember it."""
        shown = readable(module, name)
        judgement = judge(module, name, self.engine)
        self.imports[shown] = max(judgement, self.imports.get(shown, judgement))
        if judgement is Judgement.DANGEROUS:
            self.add("scan.blocked_import", member, shown)
        elif judgement is Judgement.OUTSIDE:
            self.add("scan.outside_import", member, shown)
        return judgement

    def merge(self, other: "Evidence", *, only: tuple[str, ...] = VERDICTS) -> None:
        """Take over what another look has seen, of the verdicts named."""
        for code, reason in other.reasons.items():
            if REASONS[code] in only:
                self.add(code, reason.member, *reason.names)
        least = Judgement.ALLOWED if REVIEW in only else Judgement.DANGEROUS
        for shown, judgement in other.imports.items():
            if judgement >= least:
                self.imports[shown] = max(judgement, self.imports.get(shown, judgement))

    @property
    def verdict(self) -> str:
        return worst(REASONS[code] for code in self.reasons)

    def as_dict(self) -> dict[str, Any]:
        """The form in which it leaves the scanning process; the worst imports come first."""
        by_risk = sorted(self.imports, key=lambda shown: -self.imports[shown])
        return {
            "reasons": [[code, reason.member, reason.names] for code, reason in self.reasons.items()],
            "imports": by_risk[:NAMES_KEPT],
        }
