"""What the gateway itself answers: errors with the documentation's codes."""

import json
from dataclasses import dataclass, field

Headers = list[tuple[bytes, bytes]]
JSON: tuple[bytes, bytes] = (b"content-type", b"application/json")
# Said of every answer: nothing that a model made is to be kept by a cache, or taken for what it does not say it is.
GUARDS: Headers = [(b"x-content-type-options", b"nosniff")]


@dataclass(eq=False)
class Refusal(Exception):
    """An answer that no model gave."""

    status: int
    code: str
    message: str
    headers: tuple[tuple[bytes, bytes], ...] = field(default=())

    def body(self, request_id: str) -> bytes:
        told = {"error_code": self.code, "error_msg": self.message, "request_id": request_id}
        return json.dumps(told).encode()


_SOON = ((b"retry-after", b"1"),)
_BEARER = b'Bearer realm="modelport"'


def no_address() -> Refusal:
    return Refusal(404, "APIG.0101", "There is nothing at this address: use /infer/<service>/<path>.")


def bad_path() -> Refusal:
    told = "The path has an empty part, a part of dots, an encoded slash or a character that no path has."
    return Refusal(400, "APIG.0101", told)


def no_service() -> Refusal:
    return Refusal(404, "APIG.0101", "The workspace of this token has no such service.")


def no_method() -> Refusal:
    return Refusal(405, "APIG.0101", "Use POST or GET.", ((b"allow", b"GET, POST, PUT, PATCH, DELETE"),))


def wrong_method(declared: tuple[str, ...]) -> Refusal:
    told = f"The model declares this path for {' and '.join(declared)} alone."
    return Refusal(405, "APIG.0101", told, ((b"allow", ", ".join(declared).encode()),))


def no_token() -> Refusal:
    told = "Send an API token of the workspace as X-Auth-Token, or as Authorization: Bearer."
    return Refusal(401, "APIG.0301", told, ((b"www-authenticate", _BEARER),))


def wrong_token(*, expired: bool) -> Refusal:
    told = "The API token has expired." if expired else "The API token is wrong, or it was revoked."
    return Refusal(401, "APIG.0301", told, ((b"www-authenticate", _BEARER + b', error="invalid_token"'),))


def no_routes() -> Refusal:
    return Refusal(503, "ModelArts.4302", "The gateway has not been told of any service yet.", _SOON)


def not_running() -> Refusal:
    return Refusal(503, "ModelArts.4203", "The service is not running: start it, or wait until it runs.", _SOON)


def nothing_ready() -> Refusal:
    return Refusal(503, "ModelArts.4302", "No instance of the service is ready.", _SOON)


def too_many() -> Refusal:
    return Refusal(429, "ModelArts.4206", "Too many calls wait for this service already.", _SOON)


def too_large(limit: int) -> Refusal:
    return Refusal(413, "APIG.0201", f"The body is larger than {limit} bytes.")


def too_slow_body(seconds: float) -> Refusal:
    return Refusal(408, "Modelport.0408", f"The body did not arrive within {seconds:g} seconds.")


def dropped() -> Refusal:
    return Refusal(502, "ModelArts.4302", "The instance closed the connection before it had answered.")


def no_answer(seconds: float) -> Refusal:
    return Refusal(504, "ModelArts.4503", f"The model did not answer within {seconds:g} seconds.")


def broken(error: BaseException) -> Refusal:
    return Refusal(500, "Modelport.0500", f"The gateway failed: {type(error).__name__}.")


def no_http(message: str) -> Refusal:
    return Refusal(400, "APIG.0101", message)


def head_too_large(limit: int) -> Refusal:
    return Refusal(431, "APIG.0101", f"The head of the request is larger than {limit} bytes, or has too many lines.")


def head_too_slow(seconds: float) -> Refusal:
    return Refusal(408, "Modelport.0408", f"The head of the request did not arrive within {seconds:g} seconds.")


def too_many_connections() -> Refusal:
    return Refusal(503, "ModelArts.4206", "Too many connections are open.", _SOON)
