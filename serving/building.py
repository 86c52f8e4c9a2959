"""What happens to a version in Building: its dependencies are locked and built, then it is proven or at rest."""

import logging
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from time import monotonic, sleep
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.utils.timezone import now

from registry import preparation
from registry.config import ModelConfig
from registry.engines import cannot_run_reason
from registry.errors import ArtifactStoreUnavailable
from registry.models import ModelVersion, Proof
from registry.services import record_event
from serving import environments, proof
from serving import transitions_environments as transitions
from serving.building_sources import Unsolved, solve
from serving.environments import Workshop, workshop
from serving.environments_index import Sdist
from serving.environments_sources import bring_kept
from serving.errors import BackendUnavailable, BuildRefused, PreparationLost
from serving.heartbeat import Heartbeat, Preparation, lease
from serving.locks import Line, lines_of, pins_of
from serving.models import Environment, VersionEnvironment
from serving.queries_environments import may_build_sources

logger = logging.getLogger(__name__)
PREPARE = "serving.prepare"
POLL_SECONDS = 0.5
Wheels = dict[str, tuple[str, int]]


@dataclass(frozen=True)
class Lock:
    """A lock, and which packages of it were built from source (as `Environment.sources` has it)."""

    text: str
    sources: list[dict[str, str]]


def run(version: ModelVersion) -> None:
    """Bring a version in Building to its proof or to rest, or leave it to whoever holds it. Harmless to call again."""
    if not preparation.claim_preparation(version, lease=lease()):
        return
    heartbeat = Heartbeat(Preparation(version))
    try:
        _prepare(version, heartbeat)
    except PreparationLost:
        logger.info("build left", extra={"version": version.pk})
    except BuildRefused as refused:
        keep_log(version, refused.log)
        preparation.fail_build(version, refused.code, **refused.params)
    except BackendUnavailable as error:
        keep_log(version, error.log)
        _again_later(version, error.code, error.params)
    except ArtifactStoreUnavailable:
        logger.warning("artifact store unavailable", extra={"version": version.pk}, exc_info=True)
        _again_later(version, "build.store_unavailable", {})
    except (OperationalError, InterfaceError):
        logger.exception("build interrupted by the database", extra={"version": version.pk})
    except Exception:
        bug = uuid4().hex[:12]
        logger.exception("build bug %s", bug, extra={"version": version.pk})
        preparation.fail_build(version, "build.bug", id=bug)


def _prepare(version: ModelVersion, heartbeat: Heartbeat) -> None:
    if reason := cannot_run_reason(version.engine):
        preparation.activate(version, proof=Proof.CANNOT_RUN_HERE, code=reason, engine=version.engine)
        return
    obtain(version, heartbeat)
    _finish(version)


def obtain(version: ModelVersion, heartbeat: Heartbeat, *, kept: Environment | None = None) -> None:
    """Give the version an environment, with the lock of a kept one or else with what its requirements come to now.

    Raises BuildRefused, BackendUnavailable, ArtifactStoreUnavailable and PreparationLost.
    """
    config = replace(ModelConfig.from_dict(version.config), engine=version.engine)
    overlay = version.overlays.first()
    lines = lines_of(config, overlay.difference if overlay else ())
    fresh = {"overlay": overlay, "requirements": [line.text for line in lines], "environment": None}
    with workshop(heartbeat.beat) as shop:
        lock = _kept(kept, shop) if kept else None
        _keep(version, heartbeat, proposals=[], log="", **({} if lock else fresh))
        shop.bring(wheels := _wheels(version, lines))
        lock = lock or _locked(version, lines, wheels, shop, heartbeat)
        _obtain(version, lock, shop, heartbeat)
    heartbeat.renew()


def _kept(environment: Environment, shop: Workshop) -> Lock | None:
    """Its lock, unless it needs a wheel that was built from source and is not kept on this host, or another one is."""
    hashes = {pin.name: pin.hashes for pin in pins_of(environment.lock)}
    if not bring_kept(environment.sources, hashes, shop):
        return None
    return Lock(environment.lock, environment.sources)


def _locked(
    version: ModelVersion, lines: tuple[Line, ...], wheels: Wheels, shop: Workshop, heartbeat: Heartbeat
) -> Lock:
    """The lock of these lines; where there is none, what could be taken instead is kept. Raises BuildRefused."""

    def begin(sdist: Sdist) -> None:
        record_event(version, "build.source_started", package=sdist.text)

    try:
        solution = solve(lines, shop, allowed=partial(may_build_sources, version), begin=begin)
    except Unsolved as error:
        _keep(version, heartbeat, proposals=error.diagnosis.proposals)
        raise BuildRefused(error.diagnosis.code, log=error.log, **error.diagnosis.params) from None
    _keep(version, heartbeat, resolved_at=now())
    return Lock(environments.lock_of(solution.found, lines, wheels, solution.wheels), solution.sources)


def _wheels(version: ModelVersion, lines: tuple[Line, ...]) -> Wheels:
    """SHA-256 and size of the wheels of the package that are to be installed."""
    wanted = {line.wheel for line in lines if line.wheel}
    files = {file.path: (file.sha256, file.size) for file in version.files.filter(path__in=wanted)}
    if missing := wanted - files.keys():
        raise BuildRefused("build.wheel_missing", path=min(missing))
    return files


def _obtain(version: ModelVersion, lock: Lock, shop: Workshop, heartbeat: Heartbeat) -> None:
    """Build the environment of a lock, unless it stands already or another worker builds it, which is waited for."""
    while True:
        environment = _linked(version, lock, heartbeat)
        built = environments.is_built(environment)
        if built and transitions.use(environment):
            record_event(version, "build.env_reused")
            return
        if transitions.claim(environment, missing=not built):
            _build(version, environment, shop, heartbeat)
            return
        heartbeat.beat()
        sleep(POLL_SECONDS)


def _build(version: ModelVersion, environment: Environment, shop: Workshop, heartbeat: Heartbeat) -> None:
    record_event(version, "build.env_started")
    heartbeat.environment, started = environment, monotonic()
    try:
        # It may stand there whole without being known to, when its builder died between these two steps.
        if not environments.is_built(environment):
            built = shop.install(environment.lock)
            heartbeat.renew()
            environments.put_in_place(built, environment)
        size = environments.size_of(environments.place_of(environment))
        if not transitions.ready(environment, size=size, seconds=monotonic() - started):
            raise PreparationLost
    except BuildRefused as refused:
        transitions.give_up(environment, refused.code, refused.params)
        raise
    except BaseException:
        transitions.let_go(environment)
        raise
    finally:
        heartbeat.environment = None


def _linked(version: ModelVersion, lock: Lock, heartbeat: Heartbeat) -> Environment:
    """The row of a lock, from now on referred to by the version, so that no sweep takes it."""
    digest, python = environments.digest_of(lock.text), environments.interpreter()
    while True:
        found = transitions.find_or_add(digest, lock=lock.text, interpreter=python, sources=lock.sources)
        with transaction.atomic():
            held = Environment.objects.select_for_update().filter(pk=found.pk).exclude(lock="").first()
            if held is not None:
                _keep(version, heartbeat, environment=held)
                return held
        # A sweep is just removing it, or what was left under its name.
        heartbeat.beat()
        sleep(POLL_SECONDS)


@transaction.atomic
def _keep(version: ModelVersion, heartbeat: Heartbeat, **values: Any) -> None:
    """Write down what was found out, while the version is still this worker's."""
    heartbeat.hold()
    VersionEnvironment.objects.update_or_create(version=version, defaults=values)


def keep_log(version: ModelVersion, log: str) -> None:
    VersionEnvironment.objects.filter(version=version).update(log=log)


def _again_later(version: ModelVersion, code: str, params: dict[str, Any]) -> None:
    """Try again after BUILD_RETRY_SECONDS; after the last attempt the build has failed."""
    if version.attempts >= settings.BUILD_ATTEMPTS:
        preparation.fail_build(version, f"{code}_gave_up", attempts=version.attempts, **params)
    else:
        preparation.postpone(version, code, wait=timedelta(seconds=settings.BUILD_RETRY_SECONDS), **params)


def _finish(version: ModelVersion) -> None:
    """Let its proof decide, where one is wanted."""
    if not version.proof_wanted:
        preparation.activate(version, proof=Proof.NOT_ASKED, code="proof.switched_off")
    elif not proof.begin(version):
        raise PreparationLost
