"""Commands on uploads: start, finish, cancel, and what tidies up behind them."""

import logging
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial

from celery import current_app
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils.timezone import now
from kombu.exceptions import OperationalError

from accounts.models import User
from accounts.services import record_audit
from stores import transitions
from stores.drivers.base import BucketDriver
from stores.errors import SourceRefused, SourceUnavailable
from stores.models import Bucket, Conflict, Upload, UploadFile, UploadState
from stores.services import driver_for
from stores.uploads import Offer, Plan, Planned, plan_upload

logger = logging.getLogger(__name__)
UNPACK_UPLOAD = "stores.unpack_upload"
_BATCH = 2000


def preview_upload(bucket: Bucket, prefix: str, offers: Sequence[Offer], *, unpack: bool) -> Plan:
    """What an upload would meet; nothing is stored. Raises what `start_upload` would raise."""
    return plan_upload(driver_for(bucket), prefix, offers, unpack=unpack)


def start_upload(
    bucket: Bucket,
    prefix: str,
    offers: Sequence[Offer],
    *,
    unpack: bool,
    conflict: str = Conflict.SKIP,
    by: User | None,
) -> tuple[Upload, Plan]:
    """Check everything about the offered files and make a row for each that is to be sent; raises SourceRefused."""
    plan = plan_upload(driver_for(bucket), prefix, offers, unpack=unpack, conflict=conflict)
    return record_plan(bucket, prefix, plan, conflict=conflict, by=by), plan


@transaction.atomic
def record_plan(bucket: Bucket, prefix: str, plan: Plan, *, conflict: str, by: User | None) -> Upload:
    plain = [file for file in plan.files if not file.archive]
    upload = Upload.objects.create(
        bucket=bucket,
        prefix=prefix,
        conflict=conflict,
        files_total=len(plain),
        bytes_total=sum(file.size for file in plain),
        skipped=len(plan.skipped),
        created_by=by,
        created_by_name=by.get_username() if by else "",
    )
    rows = (_row(upload, file) for file in plan.files)
    UploadFile.objects.bulk_create(rows, batch_size=_BATCH)
    return upload


def _row(upload: Upload, file: Planned) -> UploadFile:
    return UploadFile(upload=upload, number=file.number, key=file.key, size=file.size, archive=file.archive)


def finish_upload(upload: Upload) -> bool:
    """Nothing more will be sent: archives go to a worker, what did not arrive is given up. False when it had ended."""
    archives = upload.files.filter(done=True).exclude(archive="").exists()
    upload.refresh_from_db(fields=["files_done", "bytes_done"])
    nothing = not archives and not upload.files_done and not upload.skipped
    to = UploadState.UNPACKING if archives else UploadState.CANCELLED if nothing else UploadState.DONE
    with transaction.atomic():
        if not transitions.end_receiving(upload, to):
            return False
        if archives:
            ring(upload)
        else:
            record_stored(upload)
    _discard(upload, upload.files.filter(done=False).exclude(handle=""))
    return True


def cancel_upload(upload: Upload) -> bool:
    """Stop; what is in the bucket stays there. False when the upload had ended."""
    if not transitions.cancel(upload):
        return False
    _clean(upload)
    return True


def break_off(upload: Upload, error: SourceRefused | SourceUnavailable) -> None:
    """Say of an upload why it could not be stored whole."""
    if transitions.break_off(upload, error.code, error.params):
        _clean(upload)


def fail_unpacking(upload: Upload, error: SourceRefused | SourceUnavailable) -> None:
    if transitions.fail(upload, error.code, error.params):
        _clean(upload)


def complete_unpacking(upload: Upload) -> None:
    """Every member is stored: the archives are not needed any more."""
    with transaction.atomic():
        if not transitions.unpacked(upload):
            return
        upload.refresh_from_db(fields=["files_done", "bytes_done"])
        record_stored(upload)
    _discard(upload, upload.files.filter(done=True).exclude(archive=""))


def record_stored(upload: Upload) -> None:
    """Note in the audit trail what an upload brought into its bucket."""
    if upload.files_done:
        path, counts = str(upload), {"files": upload.files_done, "bytes": upload.bytes_done}
        record_audit(upload.bucket.workspace, "storage.uploaded", by=upload.created_by, path=path, **counts)


def sweep_uploads() -> None:
    """Ring again what a crash left, give up what failed too often or nobody goes on with, forget what is long over."""
    for upload in transitions.lost().select_related("bucket__workspace", "created_by"):
        if upload.attempts >= settings.UPLOAD_ATTEMPTS:
            fail_unpacking(upload, SourceRefused("upload.worker_died", attempts=upload.attempts))
        else:
            ring(upload)
    idle = now() - timedelta(seconds=settings.UPLOAD_IDLE_SECONDS)
    silent = Upload.objects.filter(state=UploadState.RECEIVING, touched_at__lt=idle)
    for upload in silent.select_related("bucket__workspace", "created_by"):
        if transitions.abandon(upload, idle):
            _clean(upload)
    _forget(Upload.objects.filter(finished_at__lt=now() - timedelta(seconds=settings.UPLOAD_KEPT_SECONDS)))


def _forget(uploads: QuerySet[Upload]) -> None:
    """Their buckets are tidied at this occasion: what a crash left there has no row that tells of it."""
    for bucket in Bucket.objects.filter(pk__in=uploads.values("bucket")):
        with suppress(SourceRefused, SourceUnavailable):
            driver_for(bucket).sweep()
    uploads.delete()


def ring(upload: Upload) -> None:
    """Tell a worker after commit. The broker is only a bell: when it is silent, the sweep rings again."""
    transaction.on_commit(partial(_send, upload.pk), robust=True)


def _send(upload_id: int) -> None:
    try:
        current_app.send_task(UNPACK_UPLOAD, [upload_id])
    except OperationalError as error:
        logger.warning("broker did not answer: %s", error, extra={"upload": upload_id})


def _clean(upload: Upload) -> None:
    """After an upload ended early: throw away what nobody will see, and note what was stored."""
    upload.refresh_from_db(fields=["files_done", "bytes_done"])
    _discard(upload, upload.files.exclude(archive="", handle=""))
    record_stored(upload)


def _discard(upload: Upload, files: Iterable[UploadFile]) -> None:
    """Remove archives and parts from the temporary area; what the bucket keeps from us now is swept there later."""
    driver: BucketDriver | None = None
    for file in files:
        with suppress(SourceRefused, SourceUnavailable):
            driver = driver or driver_for(upload.bucket)
            if file.archive and file.done:
                driver.delete(file.key)
            elif file.handle and not file.done:
                driver.abandon(file.key, file.handle)
