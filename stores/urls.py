"""Pages of stores. No bucket is named `-`, so commands on the list of buckets live there."""

from django.urls import path, register_converter

from stores.paths import BUCKET_NAME
from stores.views import (
    browse,
    buckets,
    connecting,
    images,
    objects,
    registering,
    registries,
    renaming,
    upload,
    uploads,
)


class BucketName:
    regex = BUCKET_NAME

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(BucketName, "bucket")

app_name = "stores"
urlpatterns = [
    path("storage/", buckets.bucket_list, name="bucket-list"),
    path("storage/-/new/", connecting.bucket_create, name="bucket-create"),
    path("storage/<bucket:name>/", browse.browse, name="browse"),
    path("storage/<bucket:name>/download/", objects.download, name="download"),
    path("storage/<bucket:name>/upload/", upload.upload, name="upload"),
    path("storage/<bucket:name>/uploads/", uploads.start, name="upload-start"),
    path("storage/<bucket:name>/uploads/<uuid:code>/", uploads.status, name="upload-status"),
    path("storage/<bucket:name>/uploads/<uuid:code>/finish/", uploads.finish, name="upload-finish"),
    path("storage/<bucket:name>/uploads/<uuid:code>/cancel/", uploads.cancel, name="upload-cancel"),
    path("storage/<bucket:name>/uploads/<uuid:code>/<int:number>/", uploads.file, name="upload-file"),
    path("storage/<bucket:name>/delete/", objects.delete, name="delete"),
    path("storage/<bucket:name>/rename/", renaming.rename, name="rename"),
    path("storage/<bucket:name>/folder/", renaming.folder_create, name="folder-create"),
    path("storage/<bucket:name>/edit/", connecting.bucket_edit, name="bucket-edit"),
    path("storage/<bucket:name>/remove/", buckets.bucket_remove, name="bucket-remove"),
    path("registries/", registries.registry_list, name="registry-list"),
    path("registries/new/", registering.registry_create, name="registry-create"),
    path("registries/<uuid:code>/", images.registry, name="registry"),
    path("registries/<uuid:code>/edit/", registering.registry_edit, name="registry-edit"),
    path("registries/<uuid:code>/check/", registries.registry_check, name="registry-check"),
    path("registries/<uuid:code>/remove/", registries.registry_remove, name="registry-remove"),
]
