"""The reviewer's desk: the queue of versions that await a decision, the page to judge one, and its decision."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
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
from django.utils.translation import gettext_lazy

from accounts.admin_base import EMPTY
from registry.admin_deciding import DecidingDesk, comment_of, reviewer_of
from registry.admin_filters import (
    RequesterFilter,
    ReviewEngineFilter,
    ReviewFindingsFilter,
    ReviewVerdictFilter,
    ReviewWorkspaceFilter,
    StateFilter,
)
from registry.admin_judging import facts_of, judged_review
from registry.admin_parts import findings_count, review_dot, verdict_dot
from registry.errors import ReviewRefused
from registry.findings import message_for
from registry.models import Review, ReviewState
from registry.queries import LARGE
from registry.queries_review import next_to_judge, reviews_for
from registry.services_desk import Decision, decide

DONE: Mapping[Decision, str | Promise] = {
    Decision.APPROVE: gettext_lazy("%(version)s is approved."),
    Decision.REJECT: gettext_lazy("%(version)s is rejected."),
}
# What the list reads of a version; its texts and reports stay in the database.
LEFT_OUT = [f"version__{name}" for name in LARGE if name != "findings"]


class ReviewAdmin(DecidingDesk):
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

    def get_queryset(self, request: HttpRequest) -> QuerySet[Review]:
        return reviews_for(request.user).defer(*LEFT_OUT).order_by(*self.ordering)

    def get_list_display(self, request: HttpRequest) -> Any:
        """The decision is a column only where it differs from row to row."""
        several = request.GET.get(StateFilter.parameter_name) == StateFilter.everything
        return [*self.list_display, *(["state"] if several else [])]

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
        user = reviewer_of(request)
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
        user, version, comment = reviewer_of(request), review.version, comment_of(request)
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
        following = next_to_judge(reviewer_of(request), after=review)
        if following is None:
            messages.success(request, format_html("{} {}", done, _("Nothing else awaits your decision.")))
            return HttpResponseRedirect(reverse("admin:registry_review_changelist"))
        address = reverse("admin:registry_review_change", args=[review.pk])
        link = format_html('<a href="{}">{}</a>', address, done)
        messages.success(request, format_html("{} {}", link, _("Here is the next one.")))
        return HttpResponseRedirect(reverse("admin:registry_review_change", args=[following.pk]))

    def _page(self, request: HttpRequest, review: Review, *, status: int = 200, **given: Any) -> HttpResponse:
        user = reviewer_of(request)
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


def _decision(text: str) -> Decision:
    try:
        return Decision(text)
    except ValueError as error:
        raise Http404 from error
