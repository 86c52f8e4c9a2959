"""Unpacks the archives of an upload in a worker: all of them are checked before a member is stored."""

from collections.abc import Iterable, Iterator
from time import monotonic
from typing import IO, Any, cast

from django.conf import settings
from django.db import transaction
from django.db.models import F, Max, QuerySet

from stores import transitions
from stores.archive import ArchiveLimits, list_archive, read_archive
from stores.drivers.base import BucketDriver
from stores.drivers.ranged import RangedFile
from stores.errors import SourceRefused, SourceUnavailable
from stores.models import Upload, UploadFile
from stores.services import driver_for
from stores.services_uploads import complete_unpacking, fail_unpacking
from stores.uploads import Offer, check_amount, check_names, plan_upload

_BATCH = 2000
_BEAT_SECONDS = 1.0
_NOTED = 500


class ClaimLost(Exception):
    """The upload was cancelled or taken over: leave quietly."""


def unpack_upload(upload: Upload) -> None:
    """Unpack what arrived. Safe to repeat: members stored before are not stored again under another name."""
    if upload.attempts >= settings.UPLOAD_ATTEMPTS or not transitions.claim(upload):
        return
    try:
        Unpacking(upload).run()
    except ClaimLost:
        return
    except SourceRefused as refused:
        fail_unpacking(upload, refused)
    except SourceUnavailable as unavailable:
        if upload.attempts >= settings.UPLOAD_ATTEMPTS:
            fail_unpacking(upload, unavailable)
        else:
            transitions.release(upload, unavailable.code, unavailable.params)
    else:
        complete_unpacking(upload)


class Unpacking:
    """One attempt. Every second it writes down how far it is, which renews its claim; ClaimLost when that is over."""

    def __init__(self, upload: Upload) -> None:
        self._upload = upload
        self._driver: BucketDriver = driver_for(upload.bucket)
        self._stored: list[UploadFile] = []
        self._due = monotonic() + _BEAT_SECONDS

    def run(self) -> None:
        archives = list(self._upload.files.filter(done=True).exclude(archive=""))
        for archive in archives:
            if not self._parts(archive).exists():
                self._plan(archive)
        self._upload.refresh_from_db(fields=["files_total", "bytes_total"])
        check_amount(self._upload.files_total, self._upload.bytes_total)
        if len(archives) > 1:
            check_names(self._upload.files.exclude(part_of=None).values_list("key", flat=True))
        for archive in archives:
            self._store(archive)

    def _parts(self, archive: UploadFile) -> QuerySet[UploadFile]:
        return self._upload.files.filter(part_of=archive.number)

    def _plan(self, archive: UploadFile) -> None:
        """Check an archive and give each member that is to be stored a row, which keeps the name it gets."""
        with self._open(archive) as file:
            members = read_archive(file, name=archive.archive, limits=_limits())
        offers = [Offer(member.path, member.size) for member in members]
        plan = plan_upload(self._driver, self._upload.prefix, offers, unpack=False, conflict=self._upload.conflict)
        first = (self._upload.files.aggregate(last=Max("number"))["last"] or 0) + 1
        common = {"upload": self._upload, "part_of": archive.number}
        rows = [
            UploadFile(number=number, key=file.key, size=file.size, member=file.path, **common)
            for number, file in enumerate(plan.files, first)
        ]
        with transaction.atomic():
            self._write_down(
                files_total=F("files_total") + len(rows),
                bytes_total=F("bytes_total") + plan.size,
                skipped=F("skipped") + len(plan.skipped),
            )
            UploadFile.objects.bulk_create(rows, batch_size=_BATCH)

    def _store(self, archive: UploadFile) -> None:
        with self._open(archive) as file:
            members = {member.path: member for member in list_archive(file, name=archive.archive, limits=_limits())}
            for row in self._parts(archive).filter(done=False).iterator(_BATCH):
                self._driver.write(row.key, self._beating(members[row.member].chunks()))
                self._stored.append(row)
                if len(self._stored) >= _NOTED:
                    self._note()
            self._note()

    def _open(self, archive: UploadFile) -> IO[bytes]:
        entry = self._driver.stat(archive.key)

        def read(start: int, length: int) -> bytes:
            self._beat()
            with self._driver.open(archive.key, start=start, length=length, expected=entry) as stream:
                return b"".join(iter(lambda: stream.read(length), b""))

        return cast(IO[bytes], RangedFile(read, entry.size))

    def _beating(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self._beat()
            yield chunk

    def _beat(self) -> None:
        """Costs nothing until it is time again."""
        if monotonic() >= self._due:
            self._note()

    @transaction.atomic
    def _note(self) -> None:
        done, self._stored = self._stored, []
        UploadFile.objects.filter(pk__in=[row.pk for row in done]).update(done=True)
        size = sum(row.size for row in done)
        self._write_down(files_done=F("files_done") + len(done), bytes_done=F("bytes_done") + size)

    def _write_down(self, **counters: Any) -> None:
        if not transitions.renew(self._upload, **counters):
            raise ClaimLost
        self._due = monotonic() + _BEAT_SECONDS


def _limits() -> ArchiveLimits:
    return ArchiveLimits(settings.UPLOAD_MAX_FILES, settings.UPLOAD_MAX_BYTES, settings.PACKAGE_MAX_EXPANSION)
