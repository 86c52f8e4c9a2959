"""What every request passes first: who really asks, and one line in the log."""

import ipaddress
import logging
import re
from collections.abc import Callable
from time import monotonic
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

logger = logging.getLogger("console.requests")
FORWARDED = (
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PORT",
    "HTTP_X_REAL_IP",
    "HTTP_FORWARDED",
)
REQUEST_ID = "HTTP_X_REQUEST_ID"
WELL_FORMED_ID = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Answer = Callable[[HttpRequest], HttpResponse]


class TrustedProxies:
    """Lets the forwarding headers count when they come from TRUSTED_PROXIES, and removes them in any case.

    What stands behind it finds the client's address, the scheme and the host where they stand without a proxy.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        forwarded = {name: request.META.pop(name, "") for name in FORWARDED}
        request_id = request.META.pop(REQUEST_ID, "").lower()
        peer = _address(request.META.get("REMOTE_ADDR", ""))
        if peer is not None and _trusted(peer):
            _apply(request.META, peer, forwarded)
            if WELL_FORMED_ID.fullmatch(request_id):
                request.META[REQUEST_ID] = request_id
        return self.get_response(request)


class RequestLog:
    """One record for each answered request."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        begun = monotonic()
        response = self.get_response(request)
        if logger.isEnabledFor(logging.INFO):
            logger.info("request answered", extra=_facts(request, response.status_code, monotonic() - begun))
        return response


def _facts(request: HttpRequest, status: int, seconds: float) -> dict[str, Any]:
    """Nothing of the query or the body, and nothing that would ask the database."""
    user = getattr(request, "_cached_user", None)
    workspace = getattr(request, "workspace", None)
    return {
        "method": request.method,
        "path": shown_path(request),
        "status": status,
        "ms": round(seconds * 1000, 1),
        "client": request.META.get("REMOTE_ADDR", ""),
        "user": user.pk if user is not None else None,
        "workspace": workspace.pk if workspace is not None else None,
    }


def shown_path(request: HttpRequest) -> str:
    """The path without the secret that the link of an invitation ends in."""
    match = request.resolver_match
    secret = match.kwargs.get("token") if match else None
    return request.path.replace(str(secret), "…") if secret else request.path


def _apply(meta: dict[str, Any], peer: Address, forwarded: dict[str, str]) -> None:
    meta["REMOTE_ADDR"] = str(_client(peer, forwarded["HTTP_X_FORWARDED_FOR"]))
    if forwarded["HTTP_X_FORWARDED_PROTO"] in ("http", "https"):
        meta["wsgi.url_scheme"] = forwarded["HTTP_X_FORWARDED_PROTO"]
    if forwarded["HTTP_X_FORWARDED_HOST"]:
        meta["HTTP_HOST"] = forwarded["HTTP_X_FORWARDED_HOST"]


def _client(peer: Address, hops: str) -> Address:
    """The first address, read from our end, that is no trusted proxy: what a client wrote itself stands before it."""
    client = peer
    for hop in reversed(hops.split(",")):
        address = _address(hop.strip())
        if address is None:
            break
        client = address
        if not _trusted(address):
            break
    return client


def _trusted(address: Address) -> bool:
    return any(address in network for network in settings.TRUSTED_PROXIES)


def _address(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
