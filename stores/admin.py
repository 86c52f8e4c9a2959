"""The operator's desk for storage: buckets, which operators alone add on disk, and uploads to read."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

import stores.admin_registries  # noqa: F401 - Django looks for desks in this module alone
from accounts.admin_base import EMPTY, Managed, ManagedWorkspaceFilter, dot, moment
from accounts.models import User
from stores import services
from stores.errors import SourceRefused, SourceUnavailable
from stores.messages import message_of
from stores.models import Bucket, Upload, UploadState
from stores.paths import is_bucket_name, shown

_FACTS = [
    "workspace",
    "name",
    "driver",
    "created",
    "endpoint",
    "remote_name",
    "prefix",
    "region",
    "addressing",
    "access_key_hint",
]


class BucketForm(ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Bucket
        fields = ["workspace", "name"]

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if not is_bucket_name(name):
            raise ValidationError(message_of(SourceRefused("bucket.name_invalid", bucket=shown(name))))
        return name


@admin.register(Bucket)
class BucketAdmin(Managed, admin.ModelAdmin):  # type: ignore[type-arg]
    """A folder with files in it becomes a bucket here; all else about buckets is done on the storage pages."""

    form = BucketForm
    list_display = ["name", "workspace", "driver", "place", "region", "created"]
    list_filter = [ManagedWorkspaceFilter, "driver"]
    list_select_related = ["workspace"]
    search_fields = ["name", "endpoint", "remote_name"]

    @admin.display(description=_("where"))
    def place(self, bucket: Bucket) -> str:
        return bucket.where or EMPTY

    @admin.display(description=_("created at"), ordering="created_at")
    def created(self, bucket: Bucket) -> str:
        return moment(bucket.created_at)

    def view_on_site(self, bucket: Bucket) -> str:
        return reverse("stores:browse", args=[bucket.name])

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """A folder is added by its name; of what is there, everything but the credentials is shown."""
        return ["workspace", "name"] if obj is None else _FACTS if obj.remote else _FACTS[:4]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_active and request.user.is_superuser)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except (SourceRefused, SourceUnavailable) as error:
            messages.error(request, message_of(error))
            return HttpResponseRedirect(reverse("admin:stores_bucket_add"))

    def save_model(self, request: HttpRequest, obj: Bucket, form: Any, change: bool) -> None:
        assert isinstance(request.user, User)
        obj.pk = services.create_bucket(obj.workspace, obj.name, by=request.user, adopt=True).pk


UPLOAD_KINDS = {
    UploadState.RECEIVING: "busy",
    UploadState.UNPACKING: "busy",
    UploadState.DONE: "good",
    UploadState.FAILED: "bad",
    UploadState.CANCELLED: "idle",
}


class UploadWorkspaceFilter(ManagedWorkspaceFilter):
    path = "bucket__workspace"


@admin.register(Upload)
class UploadAdmin(Managed, admin.ModelAdmin):  # type: ignore[type-arg]
    workspace_path = "bucket__workspace"
    list_display = ["place", "workspace", "shown_state", "progress", "shown_size", "created_by_name", "created"]
    list_filter = [UploadWorkspaceFilter, "state"]
    search_fields = ["bucket__name", "created_by_name"]
    ordering = ["-id"]
    list_select_related = ["bucket__workspace"]
    fields = ["place", "workspace", "shown_state", "progress", "shown_size", "conflict", "created_by_name", "created"]

    @admin.display(description=_("folder"))
    def place(self, upload: Upload) -> str:
        return str(upload)

    @admin.display(description=_("workspace"), ordering="bucket__workspace__name")
    def workspace(self, upload: Upload) -> str:
        return upload.bucket.workspace.name

    @admin.display(description=_("state"), ordering="state")
    def shown_state(self, upload: Upload) -> str:
        return dot(UPLOAD_KINDS[UploadState(upload.state)], upload.get_state_display())

    @admin.display(description=_("files"))
    def progress(self, upload: Upload) -> str:
        return f"{upload.files_done} / {upload.files_total}"

    @admin.display(description=_("size"), ordering="bytes_total")
    def shown_size(self, upload: Upload) -> str:
        return filesizeformat(upload.bytes_total)

    @admin.display(description=_("created at"), ordering="id")
    def created(self, upload: Upload) -> str:
        return moment(upload.created_at)
