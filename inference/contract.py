"""One request through a service: decode, ask, encode, and a status for whatever goes wrong."""

from __future__ import annotations

from dataclasses import dataclass

from .answers import Answer, model_error, refusal
from .decoding import Request, UnknownContent, decode
from .encoding import encode
from .engines.base import BadRequest
from .failures import Failure, describe
from .loading import Loaded


@dataclass
class Outcome:
    """An answer, and the failure behind it for the log."""

    answer: Answer
    failure: Failure | None = None


def ask(loaded: Loaded, request: Request) -> Outcome:
    """The answer of a service; never raises.

    KeyError and TypeError in the service's code are the request's fault (400), everything else is the model's (500).
    """
    try:
        data = decode(request, as_text=loaded.service._modelport_takes_text)
    except UnknownContent as error:
        return Outcome(refusal(415, str(error)))
    except BadRequest as error:
        return Outcome(refusal(400, str(error)))
    stage = "inference"
    try:
        answer = loaded.service.inference(data)
        stage = "encode"
        encoded = encode(answer)
    except BaseException as error:
        return _failed(error, loaded, stage)
    return Outcome(Answer(200, encoded.body, encoded.content_type))


def _failed(error: BaseException, loaded: Loaded, stage: str) -> Outcome:
    failure = describe(error, loaded.package, stage)
    if isinstance(error, BadRequest):
        return Outcome(model_error(400, failure.message), failure)
    blamed = stage == "inference" and isinstance(error, (KeyError, TypeError))
    # A KeyError's text is the bare key.
    message = failure.message if failure.error == "Exception" else f"{failure.error}: {failure.message}"
    return Outcome(model_error(400 if blamed else 500, message), failure)
