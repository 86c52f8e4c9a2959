"""Which versions wait to be prepared, and which environments nobody needs."""

from collections.abc import Collection, Iterable
from datetime import datetime

from django.db.models import Max, Q, QuerySet

from accounts.models import Workspace
from registry.models import ModelVersion, Status, VersionEvent
from registry.queries import LARGE
from serving.models import Environment, Making, Overlay, ProofRecord, ProofState, VersionEnvironment

FAILURES = ("build.failed", "environment.failed", "import.failed", "proof.failed")


def waiting_versions(at: datetime) -> QuerySet[ModelVersion]:
    """Versions in Building that no worker holds."""
    free = Q(lease_until=None) | Q(lease_until__lt=at)
    return ModelVersion.objects.filter(free, status=Status.BUILDING).defer(*LARGE).order_by("pk")


def wanted_environments(at: datetime) -> QuerySet[VersionEnvironment]:
    """What is to be made for Normal versions and no worker holds."""
    free = Q(lease_until=None) | Q(lease_until__lt=at)
    rows = VersionEnvironment.objects.filter(free, making=Making.BUILDING).select_related("version")
    return rows.defer(*(f"version__{name}" for name in LARGE)).order_by("pk")


def builds_since(moment: datetime, at: datetime) -> bool:
    """Whether anybody builds now or has finished since then; one that is held by its proof is not built any more."""
    if Environment.objects.filter(used_at__gte=moment).exists():
        return True
    held = ModelVersion.objects.filter(status=Status.BUILDING, lease_until__gte=at)
    proven = ProofRecord.objects.filter(state=ProofState.RUNNING, decides=True).values("version")
    making = VersionEnvironment.objects.filter(making=Making.BUILDING, lease_until__gte=at)
    return held.exclude(pk__in=proven).exists() or making.exists()


def waiting_since(moment: datetime, versions: Collection[int]) -> set[int]:
    """Those of the versions to which nothing has happened since then."""
    latest = VersionEvent.objects.filter(version__in=versions).values("version").annotate(last=Max("at"))
    return set(latest.filter(last__lt=moment).order_by().values_list("version", flat=True))


def unused_environments(since: datetime) -> QuerySet[Environment]:
    """Environments that no version refers to and nobody wanted since then."""
    return Environment.objects.filter(version_records=None, used_at__lt=since).order_by("pk")


def record_of(version: ModelVersion) -> VersionEnvironment | None:
    """What a version runs in, with its environment and overlay; None before its first build."""
    records = VersionEnvironment.objects.select_related("environment", "overlay")
    return records.filter(version=version).first()


def failures_of(version: ModelVersion, overlays: Iterable[Overlay]) -> dict[str, str]:
    """What was taken and how the version then failed, by the requirement; `overlays` are its own, the newest first."""
    events = [*VersionEvent.objects.filter(version=version, code__in=FAILURES).order_by("at", "id")]
    failed, until = dict[str, str](), None
    for overlay in overlays:
        during = [each for each in events if each.at >= overlay.created_at and (until is None or each.at < until)]
        until = overlay.created_at
        for entry in overlay.difference if during else ():
            failed.setdefault(entry["taken"], during[-1].reason)
    return failed


def may_build_sources(version: ModelVersion) -> bool:
    """Whether its workspace lets dependencies be built from source, as of now."""
    return Workspace.objects.filter(models__versions=version, source_builds=True).exists()


def built_sources() -> set[str]:
    """The SHA-256 of every source distribution that an environment has a wheel of."""
    rows = Environment.objects.exclude(sources=[]).values_list("sources", flat=True)
    return {entry["sha256"] for sources in rows for entry in sources}
