"""Pages of models and versions."""

from django.urls import path

from registry.views.comparing import model_compare
from registry.views.deleting import model_delete, version_delete
from registry.views.downloads import file_download
from registry.views.editing import model_edit, version_edit
from registry.views.exporting import version_export, version_export_form
from registry.views.exports import export_cancel, export_page, export_retry, export_status
from registry.views.images import version_image
from registry.views.listing import model_list, model_versions, version_status
from registry.views.reviewing import version_review
from registry.views.version import version_detail

app_name = "registry"
urlpatterns = [
    path("models/", model_list, name="model-list"),
    path("models/<uuid:code>/versions/", model_versions, name="model-versions"),
    path("models/<uuid:code>/compare/", model_compare, name="model-compare"),
    path("models/<uuid:code>/edit/", model_edit, name="model-edit"),
    path("models/<uuid:code>/delete/", model_delete, name="model-delete"),
    path("versions/<uuid:code>/", version_detail, name="version"),
    path("versions/<uuid:code>/status/", version_status, name="version-status"),
    path("versions/<uuid:code>/image/", version_image, name="version-image"),
    path("versions/<uuid:code>/edit/", version_edit, name="version-edit"),
    path("versions/<uuid:code>/export/", version_export, name="version-export"),
    path("versions/<uuid:code>/review/", version_review, name="version-review"),
    path("versions/<uuid:code>/export/form/", version_export_form, name="version-export-form"),
    path("exports/<uuid:code>/", export_page, name="export"),
    path("exports/<uuid:code>/status/", export_status, name="export-status"),
    path("exports/<uuid:code>/cancel/", export_cancel, name="export-cancel"),
    path("exports/<uuid:code>/retry/", export_retry, name="export-retry"),
    path("versions/<uuid:code>/delete/", version_delete, name="version-delete"),
    path("versions/<uuid:code>/files/<path:path>", file_download, name="file-download"),
]
