"""Commands that take the bytes of an upload, straight into the bucket."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from time import monotonic

from django.conf import settings

from accounts.models import User
from stores import transitions
from stores.drivers.base import PART_BYTES, BucketDriver
from stores.errors import SourceRefused, SourceUnavailable
from stores.models import Bucket, Upload, UploadFile, UploadState
from stores.paths import shown
from stores.services import driver_for
from stores.services_uploads import break_off, finish_upload, start_upload
from stores.uploads import Offer

CHUNK = 1024 * 1024


class Interrupted(Exception):
    """The sender is gone before everything arrived; what did is kept as far as the bucket can."""


class HoldLost(Exception):
    """Another request sends the file by now, or the upload has ended."""


@dataclass(frozen=True)
class Received:
    """How much of a file is kept; the bucket has it under its key when it is `done`."""

    received: int
    done: bool


class OutOfStep(Exception):
    """The file must be sent from another place on."""

    def __init__(self, received: int) -> None:
        super().__init__(received)
        self.received = received


def received_of(file: UploadFile) -> Received:
    """Where to go on with a file."""
    if file.done:
        return Received(file.size, True)
    return Received(_kept(driver_for(file.upload.bucket), file), False)


def receive_file(file: UploadFile, *, start: int, length: int, read: Callable[[int], bytes]) -> Received:
    """Take the rest of a file, `length` bytes from `start` on; safe to repeat, also for a file that is done.

    Raises SourceRefused, SourceUnavailable (`upload.busy` while another request sends it), OutOfStep, Interrupted.
    """
    if file.done:
        return Received(file.size, True)
    if file.upload.state != UploadState.RECEIVING:
        raise SourceRefused("upload.closed")
    if start < 0 or start + length != file.size:
        raise SourceRefused("upload.wrong_length", path=shown(file.archive or file.key), expected=file.size)
    if not transitions.hold(file):
        raise SourceUnavailable(code="upload.busy")
    driver = driver_for(file.upload.bucket)
    try:
        _store(driver, file, start, _chunks(file, read, length))
    except HoldLost as error:
        raise SourceUnavailable(code="upload.busy") from error
    except BaseException:
        transitions.let_go(file)
        raise
    transitions.file_done(file)
    return Received(file.size, True)


def _store(driver: BucketDriver, file: UploadFile, start: int, chunks: Iterator[bytes]) -> None:
    if file.size <= PART_BYTES:  # in one go: sent anew when it broke off
        if start:
            raise OutOfStep(0)
        driver.write(file.key, chunks)
        return
    kept = _kept(driver, file)
    if start != kept:
        raise OutOfStep(kept)
    if not file.handle:
        _begin(driver, file)
    if start < file.size:
        driver.append(file.key, file.handle, file.size, start, chunks)
    driver.finish(file.key, file.handle, file.size)


def _begin(driver: BucketDriver, file: UploadFile) -> None:
    """Nobody would ever find a handle again that is not written down: it is given up at once."""
    handle = driver.begin(file.key, file.size)
    if not transitions.set_handle(file, handle):
        driver.abandon(file.key, handle)
        raise HoldLost


def _kept(driver: BucketDriver, file: UploadFile) -> int:
    """How much the driver keeps; a handle it does not know any more is forgotten, and the file starts anew."""
    if not file.handle:
        return 0
    try:
        return driver.received(file.key, file.handle)
    except SourceRefused as refusal:
        if refusal.code != "upload.gone":
            raise
    file.handle = ""
    return 0


def _chunks(file: UploadFile, read: Callable[[int], bytes], length: int) -> Iterator[bytes]:
    """The body, `length` bytes of it or an exception; a chunk is given away only while the hold stands."""
    pause = settings.UPLOAD_LEASE_SECONDS / 3
    due = monotonic() + pause
    left = length
    while left:
        try:
            chunk = read(min(CHUNK, left))
        except OSError as error:
            raise Interrupted from error
        if not chunk:
            raise Interrupted
        if monotonic() >= due:
            if not transitions.keep_hold(file):
                raise HoldLost
            due = monotonic() + pause
        left -= len(chunk)
        yield chunk


@dataclass(frozen=True)
class Sent:
    """A file that lies in the bucket under a scratch key, and the path it was sent with."""

    path: str
    size: int
    key: str


def store_sent(
    bucket: Bucket, prefix: str, files: Sequence[Sent], *, unpack: bool, conflict: str, by: User | None
) -> Upload:
    """Give files that were received whole their names; raises SourceRefused before it begins.

    What goes wrong later ends the upload, which then says so. Archives keep their scratch keys.
    """
    offers = [Offer(file.path, file.size) for file in files]
    upload, plan = start_upload(bucket, prefix, offers, unpack=unpack, conflict=conflict, by=by)
    driver, taken = driver_for(bucket), set(plan.conflicts)
    try:
        for file in upload.files.all():
            _place(driver, file, files[file.number].key, replace=file.key in taken)
            transitions.file_done(file)
    except (SourceRefused, SourceUnavailable) as error:
        break_off(upload, error)
    else:
        finish_upload(upload)
    return upload


def _place(driver: BucketDriver, file: UploadFile, scratch: str, *, replace: bool) -> None:
    """Move an object out of the temporary area; one that takes the place of another is written, which is atomic."""
    if file.archive:
        UploadFile.objects.filter(pk=file.pk).update(key=scratch)
    elif replace:
        with driver.open(scratch) as stream:
            driver.write(file.key, iter(lambda: stream.read(CHUNK), b""))
    else:
        driver.move(scratch, file.key)
