"""The review of a version on the console's own pages: asking for it and deciding."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from accounts.models import User
from accounts.requests import Allowed, ConsoleRequest, allowed, follow_to
from registry import services_desk
from registry.errors import ReviewRefused
from registry.findings import message_for
from registry.forms import ReviewForm
from registry.models import ModelVersion, Review, ReviewState, Status
from registry.queries import versions_for
from registry.queries_review import last_approved
from registry.services_desk import decide
from registry.services_review import (
    approve_version,
    request_review,
    why_not_judge,
    withdraw_review,
)

Decision = ReviewForm.Decision
SAID: Mapping[str, str | Promise] = {
    Decision.REQUEST: _("The review is requested: the reviewers of this workspace find it at the review desk."),
    Decision.WITHDRAW: _("The request is withdrawn."),
    Decision.APPROVE: _("The version is approved."),
    Decision.REJECT: _("The version is rejected."),
}
COMMANDS: Mapping[str, Callable[[ModelVersion, str, str, User], None]] = {
    Decision.REQUEST: lambda version, _seen, text, by: request_review(version, note=text, by=by),
    Decision.WITHDRAW: lambda version, _seen, _text, by: withdraw_review(version, by=by),
    Decision.APPROVE: lambda version, _seen, text, by: approve_version(version, comment=text, by=by),
    Decision.REJECT: lambda version, seen, text, by: decide(
        version, services_desk.Decision.REJECT, seen=seen or ReviewState.REQUESTED, comment=text, by=by
    ),
}


@dataclass(frozen=True)
class ReviewPanel:
    """What a page shows of the review: the record, what this person may do, and what the state allows."""

    version: ModelVersion
    record: Review | None
    may_request: bool
    may_withdraw: bool
    may_approve: bool
    may_reject: bool
    why_not: str
    before: ModelVersion | None

    @property
    def decides(self) -> bool:
        return self.may_approve or self.may_reject

    @property
    def asked_again(self) -> bool:
        """Whether the decision on record is one on an earlier request."""
        return self.record is not None and self.record.decided_at is not None and not self.decided

    @property
    def rejected(self) -> bool:
        return self.version.review == ReviewState.REJECTED

    @property
    def decided(self) -> bool:
        return self.version.review in {ReviewState.APPROVED, ReviewState.REJECTED}

    @property
    def acts(self) -> bool:
        return self.decides or self.may_request or self.may_withdraw


def review_panel(version: ModelVersion, user: User, may: Allowed) -> ReviewPanel:
    """For a version with its model, workspace and review loaded, and what `user` may do there."""
    state, edits = version.review, may.edit
    why_not = why_not_judge(version, user) if may.approve else ""
    decides = may.approve and not why_not
    asked = state == ReviewState.REQUESTED
    return ReviewPanel(
        version=version,
        record=getattr(version, "review_record", None),
        may_request=edits and version.status == Status.NORMAL and state in {ReviewState.NONE, ReviewState.REJECTED},
        may_withdraw=edits and asked,
        may_approve=decides and asked,
        may_reject=decides and state in {ReviewState.REQUESTED, ReviewState.APPROVED},
        why_not=message_for(why_not, {}) if why_not and asked else "",
        before=last_approved(version) if decides and asked else None,
    )


@require_http_methods(["GET", "HEAD", "POST"])
def version_review(request: ConsoleRequest, code: UUID) -> HttpResponse:
    """Show the review with its form, or carry a decision out; a refusal keeps what was typed."""
    versions = versions_for(request.user).select_related("review_record")
    version = get_object_or_404(versions, uuid=code)
    follow_to(request, version.model.workspace)
    form = ReviewForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        decision = form.cleaned_data["decision"]
        try:
            COMMANDS[decision](version, form.cleaned_data["seen"], form.cleaned_data["comment"], request.user)
        except ReviewRefused as refused:
            form.add_error("comment", message_for(refused.code, refused.params))
            version = get_object_or_404(versions, uuid=code)
        else:
            messages.success(request, str(SAID[decision]))
            return redirect(version)
    panel = review_panel(version, request.user, allowed(request, version.model.workspace))
    context = {"version": version, "model": version.model, "form": form, "panel": panel}
    return render(request, "registry/review.html", context, status=422 if form.is_bound else 200)
