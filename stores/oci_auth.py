"""Signing in to a registry: what it asks for (Basic, or a token of its token service), and never at another host."""

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from urllib.parse import urlencode, urlsplit, urlunsplit

from stores.errors import SourceRefused, SourceUnavailable
from stores.oci_http import MIB, Answer, Transport
from stores.oci_json import MalformedAnswer, read_object
from stores.oci_place import RegistryPlace, check_url, is_among, refusal, unavailable
from stores.paths import shown

_SCHEME = re.compile(r"[\s,]*([A-Za-z][A-Za-z0-9-]*)(?=\s|,|$)")
_PARAMETER = re.compile(r'[\s,]*([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))')
_SENT_AS_HEADER = r"[\x21-\x7e]{1,65536}"
_MOST = MIB
_LONGEST = 8192


class SignIn:
    """Keeps what the registry accepted, for as long as its client lives."""

    def __init__(self, place: RegistryPlace, transport: Transport) -> None:
        self._place, self._transport = place, transport
        self._basic = ""
        self._tokens: dict[str, str] = {}

    @property
    def asked(self) -> bool:
        """Whether the registry wanted anything at all."""
        return bool(self._basic or self._tokens)

    @property
    def by_token(self) -> bool:
        return bool(self._tokens)

    def header(self, scope: str) -> str:
        """What to send with a request for a scope; empty before the registry asked for anything."""
        token = self._tokens.get(scope, "")
        return f"Bearer {token}" if token else self._basic

    def answer(self, refused: Answer, scope: str) -> bool:
        """Do what a 401 asks for; False when that was done before, so that asking again is of no use."""
        offered = dict(challenges(refused.headers.get("www-authenticate", "")))
        if "bearer" in offered:
            return self._fetch_token(offered["bearer"], scope)
        if "basic" not in offered:
            raise refusal("registry.not_a_registry", self._place)
        if self._place.anonymous:
            raise refusal("registry.sign_in_needed", self._place)
        before, self._basic = self._basic, _basic(self._place)
        return not before

    def _fetch_token(self, challenge: Mapping[str, str], scope: str) -> bool:
        if scope in self._tokens:
            return False
        url = self._service(challenge.get("realm", ""))
        wanted = {"service": challenge.get("service", ""), "scope": scope}
        query = urlencode({name: value for name, value in wanted.items() if value})
        parts = urlsplit(url)
        url = urlunsplit(parts._replace(query="&".join(filter(None, [parts.query, query])), fragment=""))
        authorization = "" if self._place.anonymous else _basic(self._place)
        self._tokens[scope] = self._token_in(self._transport.get(url, limit=_MOST, authorization=authorization))
        return True

    def _service(self, realm: str) -> str:
        """The address of the token service, which lies on the registry's host or on the one named in the connection."""
        place = self._place
        try:
            url = check_url(place, realm)
        except SourceRefused as refused:
            raise _named(refused, place, realm) from refused
        if not is_among(url, (place.address, place.token_host)) or (
            urlsplit(url).scheme == "http" and not place.insecure
        ):
            raise refusal("registry.token_host_refused", place, host=shown(urlsplit(url).netloc))
        return url

    def _token_in(self, answer: Answer) -> str:
        place, status = self._place, answer.status
        if status in (401, 403):
            raise refusal("registry.sign_in_needed" if place.anonymous else "registry.unauthorised", place)
        if status != 200:
            raise token_failure(place, status)
        try:
            values = read_object(answer.body)
        except MalformedAnswer as error:
            raise refusal("registry.not_a_registry", place) from error
        token = values.get("token") or values.get("access_token")
        if not isinstance(token, str) or re.fullmatch(_SENT_AS_HEADER, token) is None:
            raise refusal("registry.not_a_registry", place)
        return token


def token_failure(place: RegistryPlace, status: int) -> SourceRefused | SourceUnavailable:
    """What a token service's answer means that is neither a token nor a refusal to sign in."""
    if status == 429:
        return unavailable("registry.throttled", place, str(status))
    if status >= 500:
        return unavailable("registry.unavailable", place, str(status))
    return refusal("registry.rejected", place, reason=str(status))


def challenges(header: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Each scheme of a WWW-Authenticate header, in lower case, with its parameters; nonsense ends the reading."""
    at, text = 0, header[:_LONGEST]
    while found := _SCHEME.match(text, at):
        scheme, at, values = found.group(1).lower(), found.end(), {}
        while parameter := _PARAMETER.match(text, at):
            quoted, plain = parameter.group(2), parameter.group(3)
            values[parameter.group(1).lower()] = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain
            at = parameter.end()
        yield scheme, values


def _basic(place: RegistryPlace) -> str:
    return f"Basic {b64encode(f'{place.username}:{place.password}'.encode()).decode()}"


def _named(refused: SourceRefused, place: RegistryPlace, realm: str) -> SourceRefused:
    """A realm that is no address at all is no registry's."""
    if "://" in realm:
        return refused
    return refusal("registry.not_a_registry", place)
