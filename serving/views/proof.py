"""The proofs of a version: a part of its page that is loaded after it, or a page; proving now, and replaying."""

import base64
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

from django.contrib import messages
from django.db.models.fields.json import KT
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import trigger_client_event

from accounts.queries import actions_in, require
from accounts.requests import ConsoleRequest
from accounts.roles import Action
from registry.findings import message_for
from registry.models import ModelVersion, Status
from registry.queries import LARGE, versions_for
from registry.views.base import as_uuid, is_part
from serving import proof
from serving.asking import Asked, SentFile, files_of
from serving.asking.answers import LARGEST_PICTURE, Picture, Reading
from serving.asking.pictures import media_type
from serving.models import ProofRecord, ProofState
from serving.proof import waiting_for_room, waiting_for_supervisor
from serving.services_proofs import ProofRefused, prove_now, replay, why_not_again
from serving.views.base import FLEETING, MOVED

RECORDS_SHOWN = 20
# The body of an answer is large; whether there is one is told by the time it took.
_HEAVY = ("request", "answer", "log", "suggestion")
_KINDS = {
    ProofState.RUNNING: "busy",
    ProofState.STARTED: "good",
    ProofState.ANSWERED: "good",
    ProofState.FAILED: "bad",
    ProofState.CANCELLED: "idle",
}
TEXT_SHOWN = 20_000


@dataclass(frozen=True)
class Shown:
    """One proof as the panel shows it."""

    record: ProofRecord

    @property
    def kind(self) -> str:
        warned = self.record.state == ProofState.STARTED and self.record.answer_seconds is not None
        return "warn" if warned else _KINDS[ProofState(self.record.state)]

    @cached_property
    def reading(self) -> Reading:
        return Reading(base64.b64decode(self.record.answer.get("body", "")), self.record.answer.get("cut", False))

    @property
    def sent(self) -> str:
        """The body of the request where it is text."""
        body = base64.b64decode(self.record.request.get("body", ""))
        return "" if self.sent_type.startswith("multipart/") else Reading(body).text[:TEXT_SHOWN]

    @cached_property
    def files(self) -> list[SentFile]:
        return _files(self.record)

    @cached_property
    def pictures(self) -> list[Picture]:
        """What was asked, where it is pictures that are not too large to be shown."""
        bodies = [file.data for file in self.files] or [base64.b64decode(self.record.request.get("body", ""))]
        return [each for body in bodies if len(body) <= LARGEST_PICTURE for each in Reading(body).pictures]

    @property
    def occasion(self) -> str:
        """Which button began it; empty for one after a build, and where that was not noted."""
        noted = getattr(self.record, "occasion", None)
        return {proof.NOW: _("Prove now"), proof.REPLAY: _("Replay")}.get(noted or "", "")

    @property
    def sent_size(self) -> int:
        return len(base64.b64decode(self.record.request.get("body", "")))

    @property
    def sent_type(self) -> str:
        said = str(self.record.request.get("headers", {}).get("Content-Type", ""))
        return said.partition(";")[0]

    @property
    def prepares(self) -> bool:
        """Whether it waits for the environment of its version."""
        return self.record.state == ProofState.RUNNING and self.record.instance is None

    @cached_property
    def crowded(self) -> bool:
        return waiting_for_room(self.record)

    @property
    def waiting(self) -> bool:
        return waiting_for_supervisor(self.record)


@require_safe
@vary_on_headers("HX-Request")
def proof_panel(request: ConsoleRequest, code: UUID) -> HttpResponse:
    """The latest proof of a version, or the one that `?record=` names, and a list of all."""
    version = _version(request, code)
    told = {"occasion": KT("request__occasion")}
    records = list(version.proof_records.defer(*_HEAVY).annotate(**told)[:RECORDS_SHOWN])
    wanted = as_uuid(request.GET.get("record", ""))
    chosen = next((each for each in records if each.uuid == wanted), records[0] if records else None)
    whole = ProofRecord.objects.select_related("instance").annotate(**told)
    shown = whole.get(pk=chosen.pk) if chosen else None
    actions = actions_in(request.user, version.model.workspace)
    may_prove = Action.DEPLOY in actions
    built_in_vain = version.status in {Status.FAILED, Status.BUILD_FAILED} and version.digest != ""
    normal, asked = version.status == Status.NORMAL, bool(shown and shown.request)
    failed_asked = asked and version.status == Status.FAILED
    refusal = why_not_again(version)
    context = {
        "version": version,
        "shown": Shown(shown) if shown else None,
        "records": [Shown(each) for each in records],
        "may_prove": may_prove and normal and not refusal,
        "may_replay": may_prove and asked and not refusal,
        "may_retry": built_in_vain and Action.IMPORT in actions,
        "why_not": message_for(refusal, {}) if refusal and may_prove and (normal or failed_asked) else "",
        "running": any(each.state == ProofState.RUNNING for each in records),
    }
    part = is_part(request, "version-proof")
    response = render(request, "serving/_proof.html" if part else "serving/proof.html", context)
    if part and not context["running"]:
        trigger_client_event(response, MOVED)
    return response


@require_POST
def proof_now(request: ConsoleRequest, code: UUID) -> HttpResponse:
    version = _version(request, code, Action.DEPLOY)
    try:
        record = prove_now(version, by=request.user)
    except ProofRefused as refused:
        messages.warning(request, message_for(refused.code, {}))
    else:
        _tell(request, record, _("The model is being started and asked."))
    return redirect(_back(version))


@require_POST
def proof_replay(request: ConsoleRequest, code: UUID, record: UUID) -> HttpResponse:
    version = _version(request, code, Action.DEPLOY)
    try:
        again = replay(get_object_or_404(version.proof_records, uuid=record), by=request.user)
    except ProofRefused as refused:
        messages.warning(request, message_for(refused.code, {}))
    else:
        _tell(request, again, _("The model is being started and asked the same again."))
    return redirect(_back(version))


@require_safe
def proof_request(request: ConsoleRequest, code: UUID, record: UUID) -> HttpResponse:
    """What was asked as a file, never as a page of ours: the whole body, or with `?file=` one file of the form."""
    kept = get_object_or_404(_version(request, code).proof_records, uuid=record)
    if not kept.request.get("body"):
        raise Http404
    wanted = request.GET.get("file")
    if wanted is None:
        return _as_file(base64.b64decode(kept.request["body"]), f"request-{str(kept.uuid)[:8]}")
    file = next((each for number, each in enumerate(_files(kept)) if str(number) == wanted), None)
    if file is None:
        raise Http404
    return _as_file(file.data, file.name, named=True)


@require_safe
def proof_answer(request: ConsoleRequest, code: UUID, record: UUID) -> HttpResponse:
    """The raw answer as a file, never as a page of ours: its bytes are the model's."""
    kept = get_object_or_404(_version(request, code).proof_records, uuid=record)
    if not kept.answer:
        raise Http404
    return _as_file(base64.b64decode(kept.answer["body"]), f"answer-{str(kept.uuid)[:8]}")


def _as_file(body: bytes, name: str, *, named: bool = False) -> HttpResponse:
    """To be kept, not shown; `named` has its ending already."""
    kind = media_type(body) or "application/octet-stream"
    suffix = kind.removeprefix("image/") if kind.startswith("image/") else "txt"
    response = HttpResponse(body, content_type=kind)
    whole = name if named else f"{name}.{suffix}"
    response["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=whole)
    return response


def _files(record: ProofRecord) -> list[SentFile]:
    return files_of(Asked.from_dict(record.request)) if record.request.get("body") else []


def _tell(request: ConsoleRequest, record: ProofRecord, started: str) -> None:
    waits = _("Its environment is being built; then it is started and asked.")
    messages.info(request, waits if record.instance is None else started, extra_tags=FLEETING)


def _version(request: ConsoleRequest, code: UUID, action: Action = Action.VIEW) -> ModelVersion:
    """404 for a version nobody may see here, 403 where seeing is all that is allowed."""
    unused = [name for name in LARGE if action is Action.VIEW or name not in {"sample", "config"}]
    version = get_object_or_404(versions_for(request.user).defer(*unused), uuid=code)
    if action is not Action.VIEW:
        require(request.user, action, version.model.workspace)
    return version


def _back(version: ModelVersion) -> str:
    return f"{reverse('registry:version', args=[version.uuid])}#version-proof"
