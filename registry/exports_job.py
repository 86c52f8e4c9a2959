"""One export into a bucket from claim to end: the archive goes there as it is made, whole or not at all."""

import hashlib
import logging
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction

from accounts.services import record_audit
from registry import transitions_exports as transitions
from registry.errors import ArtifactStoreUnavailable
from registry.exports import CHUNK, Archive, archive_of
from registry.heartbeat import ClaimLost, Heartbeat
from registry.models import ModelVersion
from registry.models_exports import ExportJob
from registry.transitions import Line, append_events, lock_model
from stores.drivers.base import PART_BYTES, BucketDriver
from stores.errors import SourceRefused, SourceUnavailable
from stores.paths import shown
from stores.services import driver_for
from stores.uploads import exists

logger = logging.getLogger(__name__)


def run(job: ExportJob) -> None:
    """Bring a job to its end, or leave it to whoever holds it or to the sweep. Harmless to call again."""
    if not transitions.claim(job):
        transitions.fail_incomplete(job)
        return
    try:
        _export(job, Heartbeat(job))
    except ClaimLost:
        logger.info("export left", extra={"export": job.pk})
        transitions.fail_incomplete(job)
    except SourceRefused as refused:
        transitions.fail(job, refused.code, refused.params)
    except SourceUnavailable as error:
        logger.warning("storage unavailable: %s", error, extra={"export": job.pk, "code": error.code})
        _again_later(job, error.code, error.params, gave_up="export.target_gave_up")
    except ArtifactStoreUnavailable as error:
        logger.warning("artifact store unavailable: %s", error, extra={"export": job.pk})
        _again_later(job, "export.store_unavailable", {}, gave_up="export.store_gave_up")
    except (OperationalError, InterfaceError):
        logger.exception("export interrupted by the database", extra={"export": job.pk})
    except Exception:
        bug = uuid4().hex[:12]
        logger.exception("export bug %s", bug, extra={"export": job.pk})
        transitions.fail(job, "export.bug", {"id": bug})


def discard(job: ExportJob) -> None:
    """Throw away what an attempt sent in parts; what the bucket keeps from us now is asked for again by the sweep."""
    if not job.handle or job.bucket is None:
        return
    with suppress(SourceUnavailable):
        with suppress(SourceRefused):
            driver_for(job.bucket).abandon(job.key, job.handle)
        transitions.forget_handle(job)


def _export(job: ExportJob, heartbeat: Heartbeat) -> None:
    if job.version is None or job.bucket is None:
        raise ClaimLost
    discard(job)
    archive, driver = archive_of(job.version), driver_for(job.bucket)
    heartbeat.start(archive.size)
    try:
        _store(job, driver, archive, heartbeat)
    except BaseException:
        discard(job)
        raise
    _finish(job)


def _store(job: ExportJob, driver: BucketDriver, archive: Archive, heartbeat: Heartbeat) -> None:
    if archive.size <= PART_BYTES:
        heartbeat.during(partial(_send_at_once, job, driver, archive, heartbeat))
        return
    handle = driver.begin(job.key, archive.size)
    if not transitions.note_handle(job, handle):
        with suppress(SourceRefused, SourceUnavailable):
            driver.abandon(job.key, handle)
        raise ClaimLost
    heartbeat.during(partial(_send_in_parts, job, driver, archive, heartbeat))
    transitions.forget_handle(job)


def _send_at_once(job: ExportJob, driver: BucketDriver, archive: Archive, heartbeat: Heartbeat) -> None:
    if _kept_before(job, driver, heartbeat):
        return
    content = b"".join(heartbeat.counted(archive.chunks()))
    _refuse_taken(job, driver)
    heartbeat.place(hashlib.sha256(content).hexdigest())
    driver.write(job.key, [content])


def _send_in_parts(job: ExportJob, driver: BucketDriver, archive: Archive, heartbeat: Heartbeat) -> None:
    if _kept_before(job, driver, heartbeat):
        driver.abandon(job.key, job.handle)
        return
    digest = hashlib.sha256()

    def hashed() -> Iterator[bytes]:
        for chunk in heartbeat.counted(archive.chunks()):
            digest.update(chunk)
            yield chunk

    driver.append(job.key, job.handle, archive.size, 0, hashed())
    _refuse_taken(job, driver)
    heartbeat.place(digest.hexdigest())
    driver.finish(job.key, job.handle, archive.size)


def _kept_before(job: ExportJob, driver: BucketDriver, heartbeat: Heartbeat) -> bool:
    """Whether the object is there already because an attempt ended right after it got its name.

    Refuses, before anything is sent, an object of somebody else that is not to be replaced.
    """
    if not exists(driver, job.key):
        return False
    if job.sha256 and _sha256_of(driver, job.key, heartbeat) == job.sha256:
        return True
    _refuse_taken(job, driver)
    return False


def _sha256_of(driver: BucketDriver, key: str, heartbeat: Heartbeat) -> str:
    digest = hashlib.sha256()
    with driver.open(key) as stream:
        for chunk in heartbeat.while_claimed(iter(lambda: stream.read(CHUNK), b"")):
            digest.update(chunk)
    return digest.hexdigest()


def _refuse_taken(job: ExportJob, driver: BucketDriver) -> None:
    if not job.replace and exists(driver, job.key):
        raise SourceRefused("source.exists", path=shown(job.path))


@transaction.atomic
def _finish(job: ExportJob) -> None:
    """End the job and tell it in the version's history and the workspace's trail. A model is locked before its jobs."""
    if job.version is not None:
        lock_model(job.version.model_id)
    if not transitions.succeed(job):
        raise ClaimLost
    if version := ModelVersion.objects.only("pk").filter(export_jobs=job).first():
        append_events(version, Line("version.exported", {"target": shown(job.path)}), by=job.created_by)
    record_audit(
        job.workspace,
        "version.exported",
        by=job.created_by,
        name=job.model_name,
        version=job.version_number,
        digest=job.digest,
        target=shown(job.path),
        sha256=job.sha256,
    )


def _again_later(job: ExportJob, code: str, params: dict[str, Any], *, gave_up: str) -> None:
    """Release the job until EXPORT_RETRY_SECONDS have passed; after the last attempt it fails."""
    job.refresh_from_db(fields=["state"])  # what was rolled back is still in memory
    if transitions.last_attempt(job):
        transitions.fail(job, gave_up, {"attempts": settings.EXPORT_ATTEMPTS})
    else:
        transitions.release(job, code, params)
