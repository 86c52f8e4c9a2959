"""Decisions on several versions chosen in the queue: first what they would hit, then each by its command."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext_lazy

from accounts.admin_base import ReadOnly
from accounts.models import User
from accounts.queries import workspaces_for
from accounts.roles import Action
from registry.admin_judging import why_not_decide, workspaces_to_judge
from registry.findings import message_for
from registry.models import ModelVersion, Review, ReviewState
from registry.services_desk import Decision, Refusal, decide_all
from registry.values import LONGEST_COMMENT

MOST_AT_ONCE = 100
LONGEST_PK = 18
_MOST = {"most": MOST_AT_ONCE}


class DecidingDesk(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """The actions of the queue; the desk below says which versions are seen."""

    actions = ["approve_selected", "reject_selected"]

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """For whoever may decide somewhere; on which of the versions, the commands say."""
        may_decide = workspaces_for(request.user, Action.APPROVE).exists()
        return super().get_actions(request) if may_decide else {}

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
        user, comment = reviewer_of(request), comment_of(request)
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
        user = reviewer_of(request)
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


def reviewer_of(request: HttpRequest) -> User:
    """The person who asks; the desk is behind the sign-in."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def comment_of(request: HttpRequest) -> str:
    """As it was typed; browsers send line ends that nobody typed, and no database keeps NUL."""
    return request.POST.get("comment", "").replace("\r\n", "\n").replace("\0", "")


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
