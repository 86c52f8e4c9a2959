"""State changes of uploads and of their files: each is one conditional UPDATE; the loser is told False."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils.timezone import now

from stores.models import Upload, UploadFile, UploadState


def lease_end(seconds: float | None = None) -> datetime:
    return now() + timedelta(seconds=settings.UPLOAD_LEASE_SECONDS if seconds is None else seconds)


# A file that is being received: its lease is also the name of who holds it.


def hold(file: UploadFile) -> bool:
    """Take the file for this request. False when another one holds it, or when it is stored already."""
    until = lease_end()
    free = Q(lease_until=None) | Q(lease_until__lt=now())
    rows = UploadFile.objects.filter(free, pk=file.pk, done=False, upload__state=UploadState.RECEIVING)
    if rows.update(lease_until=until) != 1:
        return False
    file.lease_until = until
    return True


def keep_hold(file: UploadFile) -> bool:
    """Say that this request lives. False when the file was taken over, or the upload ended."""
    until = lease_end()
    rows = UploadFile.objects.filter(pk=file.pk, lease_until=file.lease_until, upload__state=UploadState.RECEIVING)
    if rows.update(lease_until=until) != 1:
        return False
    file.lease_until = until
    Upload.objects.filter(pk=file.upload_id).update(touched_at=now())
    return True


def let_go(file: UploadFile) -> None:
    UploadFile.objects.filter(pk=file.pk, lease_until=file.lease_until).update(lease_until=None)


def set_handle(file: UploadFile, handle: str) -> bool:
    """Note under which handle the driver receives the file; only whoever holds it may, while the upload receives."""
    held = UploadFile.objects.filter(pk=file.pk, lease_until=file.lease_until, upload__state=UploadState.RECEIVING)
    if held.update(handle=handle) != 1:
        return False
    file.handle = handle
    return True


@transaction.atomic
def file_done(file: UploadFile) -> bool:
    """The file arrived whole, whatever became of the upload meanwhile. False when it was noted already.

    An archive does not count: the bucket gets its members.
    """
    if UploadFile.objects.filter(pk=file.pk, done=False).update(done=True, lease_until=None, handle="") != 1:
        return False
    counts = {} if file.archive else {"files_done": F("files_done") + 1, "bytes_done": F("bytes_done") + file.size}
    Upload.objects.filter(pk=file.upload_id).update(touched_at=now(), **counts)
    file.done = True
    return True


# The upload as a whole


def end_receiving(upload: Upload, to: UploadState) -> bool:
    """To DONE, or to UNPACKING with the lease of whoever is rung for it."""
    values = {"lease_until": lease_end()} if to is UploadState.UNPACKING else {"finished_at": now()}
    return _move(upload, Q(state=UploadState.RECEIVING), to, **values)


def cancel(upload: Upload, code: str = "") -> bool:
    unfinished = Q(state__in=(UploadState.RECEIVING, UploadState.UNPACKING))
    return _move(upload, unfinished, UploadState.CANCELLED, reason_code=code, lease_until=None, finished_at=now())


def abandon(upload: Upload, before: datetime) -> bool:
    """Give up on an upload nobody has gone on with."""
    silent = Q(state=UploadState.RECEIVING, touched_at__lt=before)
    return _move(upload, silent, UploadState.CANCELLED, reason_code="upload.abandoned", finished_at=now())


def claim(upload: Upload) -> bool:
    """Take the unpacking for this worker; what another worker does or did is left alone."""
    fresh = Q(attempts=0) | Q(lease_until__lt=now()) | Q(lease_until=None)
    mine = fresh & Q(state=UploadState.UNPACKING, attempts=upload.attempts)
    return _move(
        upload, mine, UploadState.UNPACKING, attempts=upload.attempts + 1, lease_until=lease_end(), reason_code=""
    )


def renew(upload: Upload, **counters: Any) -> bool:
    """Say that the worker lives and how far it is. False when the upload was cancelled or taken over."""
    return Upload.objects.filter(held(upload), pk=upload.pk).update(lease_until=lease_end(), **counters) == 1


def release(upload: Upload, code: str, params: dict[str, Any]) -> bool:
    """Try again later: the sweep rings it once the lease is over."""
    wait = lease_end(settings.UPLOAD_RETRY_SECONDS)
    return _move(upload, held(upload), UploadState.UNPACKING, reason_code=code, reason_params=params, lease_until=wait)


def unpacked(upload: Upload) -> bool:
    return _move(upload, held(upload), UploadState.DONE, lease_until=None, finished_at=now())


def fail(upload: Upload, code: str, params: dict[str, Any]) -> bool:
    return _move(
        upload,
        held(upload),
        UploadState.FAILED,
        reason_code=code,
        reason_params=params,
        lease_until=None,
        finished_at=now(),
    )


def break_off(upload: Upload, code: str, params: dict[str, Any]) -> bool:
    """End an upload that arrived but could not be stored whole."""
    receiving = Q(state=UploadState.RECEIVING)
    return _move(upload, receiving, UploadState.FAILED, reason_code=code, reason_params=params, finished_at=now())


def held(upload: Upload) -> Q:
    """The row while this worker's claim stands."""
    return Q(state=UploadState.UNPACKING, attempts=upload.attempts)


def lost() -> QuerySet[Upload]:
    """Unpackings whose worker fell silent, or that nobody has heard of."""
    return Upload.objects.filter(state=UploadState.UNPACKING, lease_until__lt=now())


def _move(upload: Upload, condition: Q, to: UploadState, **changes: Any) -> bool:
    if Upload.objects.filter(condition, pk=upload.pk).update(state=to, **changes) != 1:
        return False
    for name, value in {"state": to, **changes}.items():
        setattr(upload, name, value)
    return True
