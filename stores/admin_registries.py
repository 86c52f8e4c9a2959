"""The desk of container registries: what workspaces are connected to, to read."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from accounts.admin_base import EMPTY, Managed, ManagedWorkspaceFilter, dot, dotted, moment
from stores.models_registries import NO_CATALOG, WORKS, RegistryConnection
from stores.views.registry_base import last_test

PATTERNS_SHOWN = 3


class LastTestFilter(admin.SimpleListFilter):
    """What the list of the console calls by the same words."""

    title = _("last test")
    parameter_name = "test"
    conditions = {
        "works": Q(check_code=WORKS),
        "no-list": Q(check_code=NO_CATALOG),
        "none": Q(checked_at=None),
        "fails": Q(checked_at__isnull=False) & ~Q(check_code__in=[WORKS, NO_CATALOG]),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, Any]]:
        return [
            ("works", _("Worked")),
            ("no-list", _("Worked, lists nothing")),
            ("fails", _("Did not work")),
            ("none", _("Not tested")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[RegistryConnection]) -> QuerySet[RegistryConnection]:
        return queryset.filter(self.conditions.get(self.value() or "", Q()))


@admin.register(RegistryConnection)
class RegistryConnectionAdmin(Managed, admin.ModelAdmin):  # type: ignore[type-arg]
    """Connections are made and changed on the pages of container registries; passwords are nowhere shown."""

    list_display = ["name", "workspace", "place", "repositories_shown", "user", "shown_test", "tested"]
    list_filter = [ManagedWorkspaceFilter, LastTestFilter, "insecure"]
    list_select_related = ["workspace"]
    search_fields = ["name", "address", "username"]
    search_help_text = _("By name, address or user name.")
    fieldsets = [
        (None, {"fields": ["name", "workspace", "created"]}),
        (_("Address"), {"fields": ["place", "user", "tokens", "blobs", "authority"]}),
        (_("Allowed repositories"), {"fields": ["all_repositories"]}),
        (_("Last test"), {"fields": ["shown_test", "why", "tested"]}),
    ]

    @admin.display(description=_("address"), ordering="address")
    def place(self, connection: RegistryConnection) -> str:
        return format_html('<bdi class="mono">{}</bdi>', connection.where)

    @admin.display(description=_("allowed repositories"))
    def repositories_shown(self, connection: RegistryConnection) -> SafeString | str:
        patterns = connection.patterns
        more = ["…"] if len(patterns) > PATTERNS_SHOWN else []
        return dotted([*patterns[:PATTERNS_SHOWN], *more]) or str(_("All"))

    @admin.display(description=_("allowed repositories"))
    def all_repositories(self, connection: RegistryConnection) -> SafeString | str:
        return dotted(connection.patterns) or str(_("All"))

    @admin.display(description=_("user name"), ordering="username")
    def user(self, connection: RegistryConnection) -> str:
        return connection.username or EMPTY

    @admin.display(description=_("token service"))
    def tokens(self, connection: RegistryConnection) -> str:
        return connection.token_host or EMPTY

    @admin.display(description=_("hosts of blobs"))
    def blobs(self, connection: RegistryConnection) -> SafeString | str:
        return dotted(connection.blob_hosts.split()) or EMPTY

    @admin.display(description=_("certificate of the authority"))
    def authority(self, connection: RegistryConnection) -> str:
        return str(_("of its own") if connection.ca else _("one of the system's"))

    @admin.display(description=_("last test"), ordering="check_code")
    def shown_test(self, connection: RegistryConnection) -> str:
        test = last_test(connection)
        return dot(test.kind, test.words)

    @admin.display(description=_("reason"))
    def why(self, connection: RegistryConnection) -> str:
        return last_test(connection).why or EMPTY

    @admin.display(description=_("last tested"), ordering="checked_at")
    def tested(self, connection: RegistryConnection) -> str:
        return moment(connection.checked_at)

    @admin.display(description=_("created at"), ordering="created_at")
    def created(self, connection: RegistryConnection) -> str:
        return moment(connection.created_at)
