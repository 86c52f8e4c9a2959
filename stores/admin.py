"""The operator's desk for buckets and registries: seen by whoever manages their workspace; operators add folders."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.admin import ReadOnly
from accounts.models import User
from accounts.queries import workspaces_for
from accounts.roles import Action
from stores import services
from stores.errors import SourceRefused, SourceUnavailable
from stores.messages import message_of
from stores.models import Bucket, RegistryConnection
from stores.paths import is_bucket_name, shown

_FACTS = [
    "workspace",
    "name",
    "driver",
    "created_at",
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
class BucketAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """A folder with files in it becomes a bucket here; all else about buckets is done on the storage pages."""

    form = BucketForm
    list_display = ["name", "workspace", "driver", "place", "region", "created_at"]
    list_select_related = ["workspace"]
    search_fields = ["name", "endpoint", "remote_name"]

    @admin.display(description=_("where"))
    def place(self, bucket: Bucket) -> str:
        return bucket.where

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """A folder is added by its name; of what is there, everything but the credentials is shown."""
        return ["workspace", "name"] if obj is None else _FACTS if obj.remote else _FACTS[:4]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Bucket]:
        return Bucket.objects.filter(workspace__in=workspaces_for(request.user, Action.MANAGE))

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return workspaces_for(request.user, Action.MANAGE).exists()

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


@admin.register(RegistryConnection)
class RegistryConnectionAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """What workspaces are connected to; connections are made and changed on the pages of container registries."""

    list_display = ["name", "workspace", "where", "username", "check_code", "checked_at"]
    list_select_related = ["workspace"]
    search_fields = ["name", "address"]
    fields = [
        "workspace",
        "name",
        "address",
        "insecure",
        "repositories",
        "username",
        "token_host",
        "blob_hosts",
        "created_at",
        "check_code",
        "checked_at",
    ]

    @admin.display(description=_("where"))
    def where(self, connection: RegistryConnection) -> str:
        return connection.where

    def get_queryset(self, request: HttpRequest) -> QuerySet[RegistryConnection]:
        return RegistryConnection.objects.filter(workspace__in=workspaces_for(request.user, Action.MANAGE))

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return workspaces_for(request.user, Action.MANAGE).exists()
