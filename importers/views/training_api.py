"""`POST /api/training-runs`: what the last lines of a training script send."""

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ValidationError
from django.http import HttpResponse, JsonResponse
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_naive, make_aware
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from accounts.models import Workspace
from accounts.requests import ConsoleRequest, workspace_for
from accounts.requests_tokens import accepts_token, api_error
from accounts.roles import Action
from importers.errors import RunConflict
from importers.models import RunSource
from importers.services_training import Registered, record_run, refusals
from importers.values_training import RunValues
from registry.findings import message_for
from stores.errors import SourceRefused
from stores.services import resolve

LARGEST_BODY = 1024 * 1024
DEEPEST = 16
BAD_REQUEST, CONFLICT, NO_TOKEN = "ModelArts.0104", "ModelArts.3002", "ModelArts.0201"
Errors = dict[str, list[str]]


# Without a token nothing is done here, whoever is signed in: so no page elsewhere can make a browser send it.
@csrf_exempt
@login_not_required
@accepts_token(Action.IMPORT)
def training_runs(request: ConsoleRequest) -> HttpResponse:
    """201 for a new run, 200 for one that was known; 400 and 409 say what is wrong, field by field."""
    if request.method != "POST":
        response = api_error(
            405, BAD_REQUEST, _("Send a run by POST; the page Training jobs lists those that are known.")
        )
        response["Allow"] = "POST"
        return response
    if getattr(request.user, "acting_token", None) is None:
        response = api_error(401, NO_TOKEN, _("Send an API token of the workspace: Authorization: Bearer …"))
        response["WWW-Authenticate"] = 'Bearer realm="modelport"'
        return response
    workspace = workspace_for(request, Action.IMPORT)
    values, errors = _read(request)
    if values is not None:
        errors = refusals(workspace, values) | errors  # of a field that cannot be read, only that
    if values is None or errors:
        return _refused(errors)
    try:
        run, outcome = record_run(workspace, values, by=request.user, source=RunSource.API)
    except ValidationError as error:
        return _refused(error.message_dict)
    except RunConflict as conflict:
        message = message_for(conflict.code, conflict.params)
        return _said(409, CONFLICT, message, {conflict.field: [message]})
    answer = {
        "id": str(run.uuid),
        "job": run.job.name,
        "run": run.label,
        "status": run.status,
        "outcome": outcome,
        "url": request.build_absolute_uri(run.get_absolute_url()),
        "warnings": _warnings(workspace, run.output_path),
    }
    return JsonResponse(answer, status=201 if outcome is Registered.CREATED else 200)


def _warnings(workspace: Workspace, output_path: str) -> Errors:
    """What will stand in the way of an import, if it stays so: the bucket may come after the run."""
    try:
        if output_path:
            resolve(workspace, output_path)
    except SourceRefused as refused:
        return {"output_path": [message_for(refused.code, refused.params)]}
    return {}


def _refused(errors: Errors) -> HttpResponse:
    return _said(400, BAD_REQUEST, _("The run was not registered: see what is said of its fields."), errors)


def _said(status: int, code: str, message: str, errors: Errors) -> HttpResponse:
    response = JsonResponse({"error_code": code, "error_msg": message, "errors": errors}, status=status)
    response["Cache-Control"] = "no-store"
    return response


def _read(request: ConsoleRequest) -> tuple[RunValues | None, Errors]:
    """The values of a body as far as they can be read, and what is wrong with them; `body` names the whole of it."""
    length = request.headers.get("Content-Length") or "0"
    if not length.isdecimal() or int(length) > LARGEST_BODY:
        return None, {"body": [_("At most 1 MB.")]}
    try:
        body = json.loads(request.body, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return None, {"body": [_("Send one JSON object, in UTF-8.")]}
    if not isinstance(body, dict):
        return None, {"body": [_("Send one JSON object, in UTF-8.")]}
    return _values(body)


def _no_number(text: str) -> None:
    raise ValueError(text)


def _values(body: Mapping[str, Any]) -> tuple[RunValues, Errors]:
    errors: Errors = {}
    given: dict[str, Any] = {}
    for name, value in body.items():
        if name not in _READERS:
            errors[name[:64]] = [_("There is no such field.")]
        elif value is not None:
            try:
                given[name] = _READERS[name](value)
            except ValidationError as error:
                errors[name] = error.messages
    return RunValues(**({"job": "", "external_id": ""} | given)), errors


def _text(value: Any) -> str:
    if not isinstance(value, str) or "\0" in value or (not value.isascii() and not _encodable(value)):
        raise ValidationError(_("Send a text."))
    return value


def _encodable(value: str) -> bool:
    """Whether it is without lone surrogates, which JSON can write and no database keeps."""
    return not any("\ud800" <= char <= "\udfff" for char in value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValidationError(_("Send true or false."))
    return value


def _time(value: Any) -> datetime:
    try:
        moment = parse_datetime(_text(value))
    except ValueError:
        moment = None
    if moment is None:
        raise ValidationError(_("Send a time such as 2026-11-28T14:00:00Z."))
    return make_aware(moment) if is_naive(moment) else moment


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValidationError(_("Send an object: names and values."))
    if not all(_encodable(part) and "\0" not in part for part in _texts(value)):
        raise ValidationError(_("Names and values hold characters that cannot be kept."))
    return value


def _texts(value: Any, depth: int = 0) -> list[str]:
    """Every text in a JSON value, its names too; raises ValidationError for one that is nested without end."""
    if depth > DEEPEST:
        raise ValidationError(_("Values are nested at most %(most)s deep."), params={"most": DEEPEST})
    if isinstance(value, dict):
        return [text for pair in value.items() for part in pair for text in _texts(part, depth + 1)]
    if isinstance(value, list):
        return [text for part in value for text in _texts(part, depth + 1)]
    return [value] if isinstance(value, str) else []


_OTHERS: dict[str, Callable[[Any], Any]] = {
    "deployed": _flag,
    "started_at": _time,
    "finished_at": _time,
    "metrics": _object,
    "parameters": _object,
}
_READERS: dict[str, Callable[[Any], Any]] = {each.name: _OTHERS.get(each.name, _text) for each in fields(RunValues)}
