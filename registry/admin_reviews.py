"""The reviewer's desk: the queue of versions that await a decision, the page to judge one, and the decisions."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.defaultfilters import filesizeformat
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from accounts.admin import ReadOnly
from accounts.admin_base import EMPTY, Choice
from accounts.models import User
from accounts.queries import workspaces_for
from accounts.roles import Action
from registry.admin_judging import facts_of, judged_review, why_not_decide, workspaces_to_judge
from registry.admin_parts import (
    EngineFilter,
    FindingsFilter,
    VerdictFilter,
    WorkspaceFilter,
    findings_count,
    review_dot,
    verdict_dot,
)
from registry.errors import ReviewRefused
from registry.findings import message_for
from registry.models import ModelVersion, Review, ReviewState
from registry.queries import LARGE
from registry.queries_review import next_to_judge, reviews_for
from registry.services_desk import Decision, Refusal, decide, decide_all
from registry.values import LONGEST_COMMENT

MOST_AT_ONCE = 100
LONGEST_PK = 18
DONE: Mapping[Decision, str | Promise] = {
    Decision.APPROVE: gettext_lazy("%(version)s is approved."),
    Decision.REJECT: gettext_lazy("%(version)s is rejected."),
}
# What the list reads of a version; its texts and reports stay in the database.
LEFT_OUT = [f"version__{name}" for name in LARGE if name != "findings"]


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


class ReviewAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """Reads everything and writes nothing: a decision is one of the commands."""

    list_display = [
        "full_name",
        "workspace",
        "requested_by_name",
        "requested",
        "engine",
        "shown_size",
        "shown_scan",
        "remarks",
    ]
    list_filter = [
        StateFilter,
        ReviewWorkspaceFilter,
        ReviewEngineFilter,
        ReviewVerdictFilter,
        ReviewFindingsFilter,
        "requested_at",
        RequesterFilter,
    ]
    search_fields = ["version__model__name", "requested_by_name"]
    search_help_text = gettext_lazy("By model name or by who requested the review.")
    ordering = ["requested_at", "pk"]
    fields = ["full_name"]
    actions = ["approve_selected", "reject_selected"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Review]:
        return reviews_for(request.user).defer(*LEFT_OUT).order_by(*self.ordering)

    def get_list_display(self, request: HttpRequest) -> Any:
        """The decision is a column only where it differs from row to row."""
        several = request.GET.get(StateFilter.parameter_name) == StateFilter.everything
        return [*self.list_display, *(["state"] if several else [])]

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """For whoever may decide somewhere; on which of the versions, the commands say."""
        may_decide = workspaces_for(request.user, Action.APPROVE).exists()
        return super().get_actions(request) if may_decide else {}

    @admin.display(description=gettext_lazy("version"), ordering="version__model__name")
    def full_name(self, review: Review) -> str:
        return str(review.version)

    @admin.display(description=gettext_lazy("workspace"), ordering="version__model__workspace__name")
    def workspace(self, review: Review) -> str:
        return review.version.model.workspace.name

    @admin.display(description=gettext_lazy("requested"), ordering="requested_at")
    def requested(self, review: Review) -> str:
        waits = review.version.review == ReviewState.REQUESTED
        context = {"at": review.requested_at, "waits": timesince(review.requested_at, depth=1) if waits else ""}
        return render_to_string("admin/registry/review/requested.html", context)

    @admin.display(description=gettext_lazy("AI engine"), ordering="version__engine")
    def engine(self, review: Review) -> str:
        return review.version.engine or EMPTY

    @admin.display(description=gettext_lazy("size"), ordering="version__size")
    def shown_size(self, review: Review) -> str:
        return filesizeformat(review.version.size)

    @admin.display(description=gettext_lazy("file scan"), ordering="version__scan_verdict")
    def shown_scan(self, review: Review) -> str:
        return verdict_dot(review.version.scan_verdict)

    @admin.display(description=gettext_lazy("findings"))
    def remarks(self, review: Review) -> str:
        return findings_count(review.version.findings)

    @admin.display(description=gettext_lazy("decision"), ordering="version__review")
    def state(self, review: Review) -> str:
        return review_dot(review.version)

    # One version

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        user = _reviewer(request)
        review = judged_review(user, unquote(object_id))
        if review is None:
            messages.warning(request, message_for("review.already_none", {}))
            return HttpResponseRedirect(reverse("admin:registry_review_changelist"))
        if request.method == "POST":
            return self._decide(request, review)
        if request.method not in {"GET", "HEAD"}:
            return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
        return self._page(request, review)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """What happened stands on the page itself."""
        return HttpResponseRedirect(reverse("admin:registry_review_change", args=[object_id]))

    def _decide(self, request: HttpRequest, review: Review) -> HttpResponse:
        user, version, comment = _reviewer(request), review.version, _comment(request)
        decision = _decision(request.POST.get("decision", ""))
        try:
            decide(version, decision, seen=request.POST.get("seen", ""), comment=comment.strip(), by=user)
        except ReviewRefused as refusal:
            current = judged_review(user, str(review.pk))
            if current is None:
                messages.error(request, message_for(refusal.code, refusal.params))
                return HttpResponseRedirect(reverse("admin:registry_review_changelist"))
            refused = {"comment": comment, "refused": message_for(refusal.code, refusal.params), "code": refusal.code}
            return self._page(request, current, status=422, **refused)
        return self._go_on(request, review, str(DONE[decision]) % {"version": version})

    def _go_on(self, request: HttpRequest, review: Review, done: str) -> HttpResponse:
        following = next_to_judge(_reviewer(request), after=review)
        if following is None:
            messages.success(request, format_html("{} {}", done, _("Nothing else awaits your decision.")))
            return HttpResponseRedirect(reverse("admin:registry_review_changelist"))
        address = reverse("admin:registry_review_change", args=[review.pk])
        link = format_html('<a href="{}">{}</a>', address, done)
        messages.success(request, format_html("{} {}", link, _("Here is the next one.")))
        return HttpResponseRedirect(reverse("admin:registry_review_change", args=[following.pk]))

    def _page(self, request: HttpRequest, review: Review, *, status: int = 200, **given: Any) -> HttpResponse:
        user = _reviewer(request)
        context = {
            **self.admin_site.each_context(request),
            **facts_of(review, user),
            "title": str(review.version),
            "review": review,
            "original": review,
            "opts": self.opts,
            "following": next_to_judge(user, after=review),
            **given,
        }
        return TemplateResponse(request, "admin/registry/review/judge.html", context, status=status)

    # Several at once

    @admin.action(description=pgettext_lazy("desk", "Approve selected"))
    def approve_selected(self, request: HttpRequest, queryset: QuerySet[Review]) -> HttpResponse | None:
        return self._decide_several(request, queryset, Decision.APPROVE)

    @admin.action(description=pgettext_lazy("desk", "Reject selected"))
    def reject_selected(self, request: HttpRequest, queryset: QuerySet[Review]) -> HttpResponse | None:
        return self._decide_several(request, queryset, Decision.REJECT)

    def response_action(
        self, request: HttpRequest, queryset: QuerySet[Any], *args: Any, **kwargs: Any
    ) -> HttpResponse | None:
        """Nothing but primary keys is chosen, and none longer than any database has."""
        chosen = request.POST.getlist("_selected_action")
        if not all(each.isascii() and each.isdecimal() and len(each) <= LONGEST_PK for each in chosen):
            raise Http404
        return super().response_action(request, queryset, *args, **kwargs)

    def _decide_several(
        self, request: HttpRequest, queryset: QuerySet[Review], decision: Decision
    ) -> HttpResponse | None:
        """First a page that says on what, and on what not and why; it sends the decision back here."""
        user, comment = _reviewer(request), _comment(request)
        if "decide" in request.POST:  # Also those that left the queue since the page was shown: each is told.
            queryset = self.get_queryset(request).filter(pk__in=request.POST.getlist("_selected_action"))
        reviews = list(queryset[: MOST_AT_ONCE + 1])
        if len(reviews) > MOST_AT_ONCE:
            messages.error(request, _("At most %(most)s versions are decided at once. Choose fewer.") % _MOST)
            return None
        problem = _problem(comment, decision) if "decide" in request.POST else None
        if "decide" not in request.POST or problem:
            return self._confirmation(request, reviews, decision, comment, problem)
        decided, refused = decide_all((each.version for each in reviews), decision, comment=comment.strip(), by=user)
        _tell(request, decision, decided, refused)
        return HttpResponseRedirect(request.get_full_path())

    def _confirmation(
        self,
        request: HttpRequest,
        reviews: list[Review],
        decision: Decision,
        comment: str,
        problem: str | None,
    ) -> HttpResponse:
        user = _reviewer(request)
        workspaces = workspaces_to_judge(user)
        reasons = {each.pk: _why_not_listed(each.version, user, workspaces) for each in reviews}
        possible = [each for each in reviews if not reasons[each.pk]]
        approving = decision is Decision.APPROVE
        context = {
            **self.admin_site.each_context(request),
            "title": _("Approve versions") if approving else _("Reject versions"),
            "opts": self.opts,
            "approving": approving,
            "action": request.POST.get("action", ""),
            "possible": possible,
            "impossible": [(each, reasons[each.pk]) for each in reviews if reasons[each.pk]],
            "comment": comment,
            "problem": problem,
            "longest_comment": LONGEST_COMMENT,
        }
        status = 422 if problem else 200
        return TemplateResponse(request, "admin/registry/review/decide.html", context, status=status)


_MOST = {"most": MOST_AT_ONCE}


def _reviewer(request: HttpRequest) -> User:
    """The person who asks; the desk is behind the sign-in."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def _comment(request: HttpRequest) -> str:
    """As it was typed; browsers send line ends that nobody typed, and no database keeps NUL."""
    return request.POST.get("comment", "").replace("\r\n", "\n").replace("\0", "")


def _decision(text: str) -> Decision:
    try:
        return Decision(text)
    except ValueError as error:
        raise Http404 from error


def _problem(comment: str, decision: Decision) -> str | None:
    """What no version would be decided with."""
    if len(comment.strip()) > LONGEST_COMMENT:
        return message_for("review.text_too_long", {"most": LONGEST_COMMENT})
    missing = decision is Decision.REJECT and not comment.strip()
    return message_for("review.comment_missing", {}) if missing else None


def _why_not_listed(version: ModelVersion, user: User, workspaces: frozenset[int]) -> str:
    """Why a version chosen in the list cannot be decided there; empty when it can."""
    if version.review == ReviewState.APPROVED:
        return _("It is approved already. An approval is taken back on its own page.")
    if version.review != ReviewState.REQUESTED:
        return message_for("review.not_requested", {})
    return why_not_decide(version, user, workspaces)


def _tell(request: HttpRequest, decision: Decision, decided: list[ModelVersion], refused: list[Refusal]) -> None:
    count = len(decided)
    if decided and decision is Decision.APPROVE:
        messages.success(request, ngettext("%(n)s version approved.", "%(n)s versions approved.", count) % {"n": count})
    elif decided:
        messages.success(request, ngettext("%(n)s version rejected.", "%(n)s versions rejected.", count) % {"n": count})
    for refusal in refused:
        reason = message_for(refusal.code, refusal.params)
        messages.warning(request, _("%(version)s: %(reason)s") % {"version": refusal.version, "reason": reason})
