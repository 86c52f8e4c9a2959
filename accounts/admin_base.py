"""What every list and page of the desk does alike: filters that make no sense, totals, and how values are shown."""

from collections.abc import Iterable
from datetime import datetime
from operator import attrgetter
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import flatten_fieldsets
from django.contrib.admin.views.main import ERROR_FLAG, ChangeList
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.exceptions import SuspiciousOperation
from django.core.paginator import Paginator
from django.db import DataError
from django.db.models import QuerySet
from django.db.models.constants import LOOKUP_SEP
from django.http import HttpRequest, HttpResponse, QueryDict
from django.template.loader import render_to_string
from django.utils.functional import cached_property
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from accounts.queries import manages_something, workspaces_for
from accounts.roles import Action

EMPTY = "--"
ROWS = 50
MOST_COUNTED = 10_000
LONGEST_SEARCH = 200
LOOKUPS = ("exact", "in", "isnull", "gte", "gt", "lte", "lt", "year", "month", "day")


class CappedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts no further than a person pages, so that a list costs the same however long it grows."""

    @cached_property
    def count(self) -> int:
        return min(self._counted, MOST_COUNTED)

    @property
    def capped(self) -> bool:
        return self._counted > MOST_COUNTED

    @cached_property
    def _counted(self) -> int:
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]
        return rows.order_by()[: MOST_COUNTED + 1].count()


class Listing:
    """Lists that answer to every address: a filter that makes no sense is left out and said so.

    Only the filters a list offers may be asked for; any other would tell what its columns do not show.
    """

    actions: Any = None
    list_per_page = ROWS
    list_max_show_all = ROWS
    paginator: Any = CappedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        title = {"title": capfirst(self.opts.verbose_name_plural)}  # type: ignore[attr-defined]
        answer: HttpResponse = super().changelist_view(request, title | (extra_context or {}))  # type: ignore[misc]
        return answer

    def render_change_form(
        self,
        request: Any,
        context: Any,
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        """Under the name of the object; what kind of thing it is stands below."""
        if obj is not None:
            kind = capfirst(self.opts.verbose_name)  # type: ignore[attr-defined]
            context |= {"title": self.title_of(obj), "subtitle": kind}
        answer: HttpResponse = super().render_change_form(  # type: ignore[misc]
            request, context, add=add, change=change, form_url=form_url, obj=obj
        )
        return answer

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        """A choice of what there is; nothing is made or changed from within the form of something else."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)  # type: ignore[misc]
        if field is not None and isinstance(field.widget, RelatedFieldWidgetWrapper):
            widget = field.widget
            widget.can_add_related = widget.can_change_related = False
            widget.can_delete_related = widget.can_view_related = False
        return field

    def title_of(self, obj: Any) -> str:
        return str(obj)

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        try:
            listed: ChangeList = super().get_changelist_instance(request)  # type: ignore[misc]
            # What is asked for may break only when it reaches the database.
            listed.result_list = list(listed.result_list)
        except (IncorrectLookupParameters, SuspiciousOperation, OverflowError, ValueError, DataError) as error:
            messages.warning(request, _("This filter makes no sense here and was left out."))
            if ERROR_FLAG not in request.GET:
                raise IncorrectLookupParameters from error
            request.GET = QueryDict()
            return super().get_changelist_instance(request)  # type: ignore[misc, no-any-return]
        return listed

    def get_view_on_site_url(self, obj: Any = None) -> str | None:
        """Straight to the object's page in the console."""
        address = getattr(obj, "get_absolute_url", None)
        found: str | None = address() if address else super().get_view_on_site_url(obj)  # type: ignore[misc]
        return found

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        offered = [*map(_parameter_of, self.get_list_filter(request)), self.date_hierarchy]  # type: ignore[attr-defined]
        ways = {name + way for name in offered if name for way in ("", *(LOOKUP_SEP + each for each in LOOKUPS))}
        return lookup in ways and super().lookup_allowed(lookup, value, request)  # type: ignore[misc]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        found: tuple[QuerySet[Any], bool] = super().get_search_results(  # type: ignore[misc]
            request, queryset, search_term[:LONGEST_SEARCH]
        )
        return found


class ReadOnly(Listing):
    """For staff to look at; rows of other workspaces are left out by each desk's queryset.

    Nothing it shows is a field of a form either, so that no right ever given by mistake writes a state.
    """

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Without asking the form, which asks what is read-only, which asks here."""
        opts, hidden = self.opts, self.exclude or ()  # type: ignore[attr-defined]
        kept = [field.name for field in opts.fields if field.editable and not field.primary_key]
        return self.fields or [name for name in kept if name not in hidden]  # type: ignore[attr-defined]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None and self.has_add_permission(request):
            return self.readonly_fields  # type: ignore[attr-defined]
        return flatten_fieldsets(self.get_fieldsets(request, obj))  # type: ignore[attr-defined]

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.is_active and request.user.is_staff

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class Managed(ReadOnly):
    """Rows of the workspaces one administers.

    Their pages in the console are those of the workspace one works in, so only from there a way leads to them.
    """

    workspace_path = "workspace"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)  # type: ignore[misc]
        return rows.filter(**{f"{self.workspace_path}__in": workspaces_for(request.user, Action.MANAGE)})

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return manages(request)

    def render_change_form(self, request: Any, context: Any, *args: Any, **given: Any) -> HttpResponse:
        answer: Any = super().render_change_form(request, context, *args, **given)
        row = given.get("obj")
        here = row is not None and request.workspace == attrgetter(self.workspace_path.replace("__", "."))(row)
        answer.context_data["has_absolute_url"] &= here
        return answer  # type: ignore[no-any-return]


class Choice(admin.SimpleListFilter):
    """A filter by one column whose values are known without asking the database."""

    column = ""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(**{self.column: self.value()}) if self.value() else queryset


class WorkspaceFilter(admin.SimpleListFilter):
    """Offers the workspaces in which this person may do `action`, and no others."""

    title = _("workspace")
    parameter_name = "workspace"
    path = "workspace"
    action = Action.VIEW

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(name, name) for name in workspaces_for(request.user, self.action).values_list("name", flat=True)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(**{f"{self.path}__name": self.value()}) if self.value() else queryset


class ManagedWorkspaceFilter(WorkspaceFilter):
    action = Action.MANAGE


def manages(request: Any) -> bool:
    """Whether the desk has anything to manage for who asks; each list of the navigation asks, the database once."""
    if getattr(request, "manages", None) is None:
        request.manages = manages_something(request.user)
    return bool(request.manages)


def dot(kind: str, words: object) -> SafeString:
    """A state as the console shows it: a sign and words; `kind` is good, warn, bad, busy or idle."""
    return render_to_string("components/status.html", {"kind": kind, "words": words})


def moment(at: datetime | None) -> SafeString:
    return render_to_string("admin/moment.html", {"at": at})


def dotted(parts: Iterable[object]) -> SafeString:
    """Parts in one line, with a middle dot between them."""
    return format_html_join(" · ", '<bdi class="nowrap">{}</bdi>', ((part,) for part in parts))


def _parameter_of(given: Any) -> str:
    """The beginning of the addresses a filter of a list is asked for with."""
    given = given[0] if isinstance(given, tuple) else given
    return given if isinstance(given, str) else getattr(given, "parameter_name", "")
