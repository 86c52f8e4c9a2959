"""Celery tasks of the stores. Each may be delivered any number of times."""

from celery import shared_task

from stores import services_unpacking, services_uploads
from stores.models import Upload
from stores.services_uploads import UNPACK_UPLOAD


@shared_task(name=UNPACK_UPLOAD)
def unpack_upload(upload_id: int) -> None:
    upload = Upload.objects.select_related("bucket__workspace", "created_by").filter(pk=upload_id).first()
    if upload is not None:
        services_unpacking.unpack_upload(upload)


@shared_task(name="stores.sweep_uploads")
def sweep_uploads() -> None:
    services_uploads.sweep_uploads()
