"""What the queue of reviews is narrowed by."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from accounts.admin_base import Choice, WorkspaceFilter
from registry.admin_parts import EngineFilter, FindingsFilter, VerdictFilter
from registry.models import Review, ReviewState


class StateFilter(admin.SimpleListFilter):
    """Opens on what awaits a decision; everything is a choice like the others."""

    title = gettext_lazy("decision")
    parameter_name = "review"
    everything = "all"
    always_named = True

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, Any]]:
        states = (ReviewState.REQUESTED, ReviewState.APPROVED, ReviewState.REJECTED)
        return [*((state.value, state.label) for state in states), (self.everything, gettext_lazy("All"))]

    def choices(self, changelist: ChangeList) -> Any:
        chosen = self.value() or ReviewState.REQUESTED.value
        for value, title in self.lookup_choices:
            query = changelist.get_query_string({self.parameter_name: value})
            yield {"selected": value == chosen, "query_string": query, "display": title}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Review]) -> QuerySet[Review]:
        chosen = self.value() or ReviewState.REQUESTED
        return queryset if chosen == self.everything else queryset.filter(version__review=chosen)


class ReviewWorkspaceFilter(WorkspaceFilter):
    path = "version__model__workspace"


class ReviewEngineFilter(EngineFilter):
    column = "version__engine"


class ReviewVerdictFilter(VerdictFilter):
    column = "version__scan_verdict"


class ReviewFindingsFilter(FindingsFilter):
    column = "version__findings"


class RequesterFilter(Choice):
    """Those of one's own are the ones somebody else has to decide on."""

    title = gettext_lazy("requested by")
    parameter_name = "by"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, Any]]:
        return [("me", gettext_lazy("Me")), ("others", gettext_lazy("Others"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Review]) -> QuerySet[Review]:
        if self.value() == "me":
            return queryset.filter(requested_by=request.user.pk)
        return queryset.exclude(requested_by=request.user.pk) if self.value() == "others" else queryset
