"""An environment for a version that is Normal and has none: made when somebody proves or deploys it.

The version stays Normal, whatever comes of it; proofs and deployments that wait for it go on, or end with its reason.
"""

import logging
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction

from registry.errors import ArtifactStoreUnavailable
from registry.services import record_event
from registry.transitions import lock_model
from serving import environments, proof
from serving import transitions_making as transitions
from serving.building import keep_log, obtain
from serving.errors import BackendUnavailable, BuildRefused, PreparationLost
from serving.heartbeat import Heartbeat, MakingClaim
from serving.models import Environment, VersionEnvironment

logger = logging.getLogger(__name__)
MAKE = "serving.make_environment"


def run(record: VersionEnvironment) -> None:
    """Make the environment, or leave it to whoever is at it. Harmless to call again."""
    if not transitions.claim(record):
        return
    version = record.version
    try:
        obtain(version, Heartbeat(MakingClaim(record)), kept=_kept(record))
        _finish(record)
    except PreparationLost:
        logger.info("environment left", extra={"version": version.pk})
    except BuildRefused as refused:
        keep_log(version, refused.log)
        _fail(record, refused.code, refused.params)
    except BackendUnavailable as error:
        keep_log(version, error.log)
        _again_later(record, error.code, error.params)
    except ArtifactStoreUnavailable:
        logger.warning("artifact store unavailable", extra={"version": version.pk}, exc_info=True)
        _again_later(record, "build.store_unavailable", {})
    except (OperationalError, InterfaceError):
        logger.exception("environment interrupted by the database", extra={"version": version.pk})
    except Exception:
        bug = uuid4().hex[:12]
        logger.exception("environment bug %s", bug, extra={"version": version.pk})
        _fail(record, "build.bug", {"id": bug})


def give_up_dead(record: VersionEnvironment) -> bool:
    """End what took every worker with it that tried and is free again. False for anything else."""
    if record.attempts < settings.BUILD_ATTEMPTS or record.lease_until is None:
        return False
    if transitions.claim(record):
        _fail(record, "build.worker_died", {"attempts": settings.BUILD_ATTEMPTS})
    return True


def _kept(record: VersionEnvironment) -> Environment | None:
    """What it was locked to before, where that holds for this machine and for what is wanted instead by now."""
    environment, overlay = record.environment, record.version.overlays.first()
    if environment is None or record.overlay_id != (overlay.pk if overlay else None):
        return None
    return environment if environments.digest_of(environment.lock) == environment.digest else None


def _again_later(record: VersionEnvironment, code: str, params: dict[str, Any]) -> None:
    """Try again after BUILD_RETRY_SECONDS; after the last attempt it has failed."""
    if record.attempts >= settings.BUILD_ATTEMPTS:
        _fail(record, f"{code}_gave_up", {"attempts": record.attempts, **params})
    else:
        transitions.postpone(record, timedelta(seconds=settings.BUILD_RETRY_SECONDS))


@transaction.atomic
def _finish(record: VersionEnvironment) -> None:
    # Whoever asks for a proof holds the model first, too: none begins to wait after this looked for those that do.
    if lock_model(record.version.model_id) is None or not transitions.end(record):
        raise PreparationLost
    record_event(record.version, "environment.built")
    proof.go_on(record.version)


@transaction.atomic
def _fail(record: VersionEnvironment, code: str, params: dict[str, Any]) -> None:
    if lock_model(record.version.model_id) is None or not transitions.fail(record, code, params):
        return
    record_event(record.version, "environment.failed", abnormal=True, reason=code, reason_params=params)
    proof.give_up(record.version, code, params)
