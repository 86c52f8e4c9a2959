"""Commands of environments: prepare again, take something else instead, and what heals and tidies up."""

import logging
import shutil
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from time import time
from typing import Any

from celery import current_app
from django.conf import settings
from django.db import transaction
from django.utils.timezone import now
from kombu.exceptions import OperationalError

from accounts.models import User
from accounts.services import record_audit
from registry import preparation
from registry.engines import cannot_run_reason
from registry.models import ModelVersion, Status
from registry.services import record_event
from registry.transitions import lock_model
from serving import environments, environments_sources, transitions_making
from serving import transitions_environments as transitions
from serving.building_making import MAKE, give_up_dead
from serving.models import Environment, EnvironmentState, Making, Overlay, VersionEnvironment
from serving.queries_environments import (
    builds_since,
    built_sources,
    record_of,
    unused_environments,
    waiting_since,
    waiting_versions,
    wanted_environments,
)

logger = logging.getLogger(__name__)
# The folder of a build shows every moment that it is in use; this many leases later it is left over.
LEASES_LEFT = 2
OVERLAID = ("name", "declared", "taken")
# A sweep rings for so many only; what was put into the queue has its own bell there.
RUNG_AT_ONCE = 10
# So long nobody builds anything although something waits: there is no builder.
UNTAKEN = timedelta(seconds=60)


def environment_stands(version: ModelVersion) -> bool:
    """Whether the version has an environment that is whole on this host."""
    record = record_of(version)
    if record is None or record.environment is None or record.making == Making.BUILDING:
        return False
    return record.environment.state == EnvironmentState.READY and environments.is_built(record.environment)


@transaction.atomic
def ensure_environment(version: ModelVersion, *, by: User) -> bool:
    """True where the environment of a Normal version stands; else have it made, and ring the worker after commit.

    Its status stays as it is, whatever comes of it.
    """
    lock_model(version.model_id)
    if environment_stands(version):
        transitions_making.forgive(version)
        return True
    if transitions_making.request(version):
        record_event(version, "environment.requested", by=by)
        _ring_after_commit(version)
    return False


@transaction.atomic
def prepare_version_again(version: ModelVersion, *, by: User) -> bool:
    """Build once more what failed, or what a Normal version lacks; rings the worker after commit. False otherwise."""
    if not _begin_again(version, by=by):
        return False
    record_audit(version.model.workspace, "version.prepared_again", by=by, **_named(version))
    return True


@transaction.atomic
def take_instead(version: ModelVersion, names: Collection[str], *, by: User) -> Overlay | None:
    """Record that these proposals are taken in the place of what the package declares, and build again with them.

    None, with nothing changed, when neither it nor its environment failed, or when none of the names was proposed. The
    package stays as it was imported; what an earlier overlay took stays taken.
    """
    record = VersionEnvironment.objects.select_for_update().filter(version=version).first()
    proposals = record.proposals if record else []
    taken = [{part: entry[part] for part in OVERLAID} for entry in proposals if entry["name"] in names]
    if not taken or not _begin_with_others(version, by=by):
        return None
    return _overlaid(version, _merged(version.overlays.first(), taken), by)


@transaction.atomic
def take_as_declared(version: ModelVersion, *, by: User) -> bool:
    """Go back from an overlay to what the package declares, and build again. False unless it failed with one."""
    latest = version.overlays.first()
    if latest is None or not latest.difference or not _begin_with_others(version, by=by):
        return False
    _overlaid(version, [], by)
    return True


def sweep_preparations() -> None:
    """Ring what waits to be prepared; end what took too many workers with it; remove what dead ones left half made."""
    _sweep_unfinished()
    at = now()
    waiting = []
    for version in waiting_versions(at):
        if version.attempts >= settings.BUILD_ATTEMPTS and version.lease_until is not None:
            preparation.fail_build(version, "build.worker_died", attempts=version.attempts)
        else:
            waiting.append((settings.VERSION_PREPARER, version))
    waiting += [(MAKE, record.version) for record in wanted_environments(at) if not give_up_dead(record)]
    waiting = waiting[:RUNG_AT_ONCE]
    forgotten = waiting_since(at - UNTAKEN, [version.pk for _task, version in waiting]) if waiting else set()
    idle = bool(forgotten) and not builds_since(at - UNTAKEN, at)
    for task, version in waiting:
        _ring(task, version, elsewhere=idle and version.pk in forgotten)


def sweep_environments() -> None:
    """Remove environments nobody needs and folders nobody knows."""
    since = now() - timedelta(seconds=settings.ENVIRONMENT_GRACE_SECONDS)
    freed = [_remove(environment) for environment in unused_environments(since)]
    freed += [_remove(_adopted(name)) for name in _strays()]
    environments_sources.sweep(built_sources(), older=settings.ENVIRONMENT_GRACE_SECONDS)
    if any(freed):
        with environments.workshop(lambda: None) as shop:
            shop.clean_cache()


def _overlaid(version: ModelVersion, difference: list[dict[str, Any]], by: User) -> Overlay:
    name = by.get_username()
    overlay = Overlay.objects.create(version=version, difference=difference, created_by=by, created_by_name=name)
    shown = [f"{entry['declared']} → {entry['taken']}" for entry in difference]
    if shown:
        record_event(version, "overlay.chosen", by=by, taken=", ".join(shown))
        record_audit(version.model.workspace, "overlay.chosen", by=by, **_named(version), taken=shown)
    else:
        record_event(version, "overlay.withdrawn", by=by)
        record_audit(version.model.workspace, "overlay.withdrawn", by=by, **_named(version))
    return overlay


def _merged(latest: Overlay | None, taken: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """By name; where a substitute needed one itself, the line keeps what the package declared."""
    merged = {entry["name"]: dict(entry) for entry in (latest.difference if latest else [])}
    merged |= {entry["name"]: dict(entry) for entry in taken}
    return [*merged.values()]


def _named(version: ModelVersion) -> dict[str, str]:
    return {"name": version.model.name, "version": version.number}


def _begin_again(version: ModelVersion, *, by: User) -> bool:
    """Build a version that failed, or the environment that a Normal one lacks, unless that is under way."""
    if version.status != Status.NORMAL:
        return preparation.prepare_again(version, by=by)
    lock_model(version.model_id)
    there = ModelVersion.objects.filter(pk=version.pk, status=Status.NORMAL).exists()
    being_made = VersionEnvironment.objects.filter(version=version, making=Making.BUILDING).exists()
    if cannot_run_reason(version.engine) or not there or being_made:
        return False
    return not ensure_environment(version, by=by)


def _begin_with_others(version: ModelVersion, *, by: User) -> bool:
    """The same, but of Normal versions only for those whose environment could not be made as things are."""
    failed = VersionEnvironment.objects.filter(version=version, making=Making.FAILED)
    if version.status == Status.NORMAL and not failed.exists():
        return False
    return _begin_again(version, by=by)


def _ring_after_commit(version: ModelVersion) -> None:
    # A function with a name: when it fails, what robust=True logs asks for one, which a partial has not.
    def ring() -> None:
        current_app.send_task(MAKE, [version.pk])

    transaction.on_commit(ring, robust=True)


def _ring(task: str, version: ModelVersion, *, elsewhere: bool = False) -> None:
    """A bell that was not heard when the next sweep rings is dropped, so they never pile up.

    One that rings `elsewhere` is for the workers: where no builder was started, they build.
    """
    place = {"queue": current_app.conf.task_default_queue} if elsewhere else {}
    if elsewhere:
        logger.warning("no builder takes builds, so a worker is asked", extra={"version": version.pk})
    try:
        current_app.send_task(task, [version.pk], expires=settings.BUILD_SWEEP_SECONDS, **place)
    except OperationalError:
        logger.warning("broker unavailable", extra={"version": version.pk})


def _remove(environment: Environment | None) -> bool:
    if environment is None or not transitions.claim_unused(environment):
        return False
    environments.remove(environment)
    return transitions.forget(environment)


def _strays() -> list[str]:
    """Environments on this host that no row knows, left when their row went without them."""
    if not environments.root().is_dir():
        return []
    old = time() - settings.ENVIRONMENT_GRACE_SECONDS
    named = [path for path in environments.root().iterdir() if not path.name.startswith(".")]
    names = {path.name for path in named if _changed(path) < old}
    return sorted(names - set(Environment.objects.filter(digest__in=names).values_list("digest", flat=True)))


def _adopted(name: str) -> Environment | None:
    """A row for a stray folder, held from the start, so that nobody builds under that name meanwhile."""
    return transitions.find_or_add(name, lock="", interpreter="")


def _sweep_unfinished() -> None:
    """A worker that lives touches its folder all the while; one that died does not."""
    old = time() - LEASES_LEFT * settings.BUILD_LEASE_SECONDS
    if environments.unfinished().is_dir():
        for folder in environments.unfinished().iterdir():
            if _changed(folder) < old:
                shutil.rmtree(folder, ignore_errors=True)


def _changed(path: Path) -> float:
    with suppress(OSError):
        return path.stat().st_mtime
    return time()
