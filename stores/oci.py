"""A client of one container registry: who is there, what it holds, and what an image is, without pulling layers."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from time import monotonic
from typing import Literal
from urllib.parse import urljoin, urlsplit

from django.conf import settings

from stores.errors import SourceRefused, SourceUnavailable
from stores.oci_auth import SignIn
from stores.oci_http import MIB, Answer, Transport
from stores.oci_images import (
    ACCEPT,
    Descriptor,
    ImageConfig,
    ImageFacts,
    Index,
    Manifest,
    NotAnImage,
    OtherPlatforms,
    choose,
    digest_like,
    fits,
    read_config,
    read_manifest,
)
from stores.oci_json import MalformedAnswer, objects_in, read_object
from stores.oci_place import RegistryPlace, check_place, check_url, is_among, refusal, unavailable
from stores.paths import shown
from stores.paths_images import ImageReference, is_repository, is_tag

MANIFEST_BYTES, CONFIG_BYTES, LIST_BYTES, PING_BYTES = 4 * MIB, 8 * MIB, 8 * MIB, MIB
MAX_NAMES, MAX_PAGES, MAX_REDIRECTS = 20_000, 200, 3
_PAGE = 1000
# How many times the patience with one answer a list of many pages may take.
_PATIENCE = 2
_CATALOG = "registry:catalog:*"
_PASSING = {408, 425, 429}
_REDIRECTS = {301, 302, 303, 307, 308}

Subject = Literal["registry", "catalog", "tags", "manifest", "blob"]


@dataclass(frozen=True)
class Names:
    """Names in the order of the registry, each once; not `complete` where there are more than the console reads."""

    names: tuple[str, ...]
    complete: bool = True


class RegistryClient:
    """Reads one registry; every method raises SourceRefused or SourceUnavailable with a code that has a message."""

    def __init__(self, place: RegistryPlace, seconds: float | None = None) -> None:
        """With `seconds` everything it is asked may take no longer in all."""
        check_place(place)
        self._place = place
        self._transport = Transport(place, seconds)
        self._sign_in = SignIn(place, self._transport)

    @property
    def signed_in(self) -> bool:
        """Whether the registry asked for a user or a token so far, and took it."""
        return self._sign_in.asked

    def ping(self) -> None:
        """Ask whether a registry is there and takes the user and the password."""
        answer = self._get(f"{self._place.base}/v2/", "registry", scope="", limit=PING_BYTES)
        if "docker-distribution-api-version" in answer.headers or answer.headers.get("content-length") == "0":
            return
        try:
            read_object(answer.body)
        except MalformedAnswer as error:
            raise refusal("registry.not_a_registry", self._place) from error

    def repositories(self) -> Names:
        """The repositories this user may list; raises `registry.no_catalog` where listing is not allowed."""
        url = f"{self._place.base}/v2/_catalog?n={_PAGE}"
        return self._names(url, "repositories", "catalog", scope=_CATALOG)

    def may_list(self) -> None:
        """Ask for one repository only; raises as `repositories` does."""
        url = f"{self._place.base}/v2/_catalog?n=1"
        self._list_in(self._get(url, "catalog", scope=_CATALOG, limit=LIST_BYTES), "repositories")

    def tags(self, repository: str) -> Names:
        image = ImageReference(self._place.address, repository)
        url = f"{self._place.base}/v2/{repository}/tags/list?n={_PAGE}"
        return self._names(url, "tags", "tags", scope=_pull(repository), image=image)

    def resolve(self, image: ImageReference, *, platform: str = "") -> ImageFacts:
        """What a tag or a digest means now, every byte checked against its digest; no layer is fetched.

        Raises `image.platform_missing` where it is not made for `platform`; without one the usual is described, or the
        first there is.
        """
        try:
            return self._resolve(image, platform)
        except NotAnImage as error:
            raise self._refusal("image.not_an_image", image, reason=str(error)) from error
        except MalformedAnswer as error:
            raise self._refusal("image.malformed_manifest", image, reason=str(error)) from error
        except OtherPlatforms as error:
            raise self._refusal("image.platform_missing", image, wanted=platform, offered=str(error)) from error

    def digest_of(self, image: ImageReference) -> str:
        """Only which digest a tag or a digest means now; raises as `resolve` does."""
        try:
            return self._manifest(image, image.digest)[1]
        except NotAnImage as error:
            raise self._refusal("image.not_an_image", image, reason=str(error)) from error
        except MalformedAnswer as error:
            raise self._refusal("image.malformed_manifest", image, reason=str(error)) from error

    def _resolve(self, image: ImageReference, platform: str) -> ImageFacts:
        found, digest = self._manifest(image, image.digest)
        platforms: tuple[Descriptor, ...] = ()
        manifest, manifest_digest = found, digest
        if isinstance(found, Index):
            chosen, platforms = choose(found, platform), found.manifests
            manifest, manifest_digest = self._manifest(image, chosen.digest, size=chosen.size)
        if not isinstance(manifest, Manifest):
            raise MalformedAnswer("manifests")
        config = self._config(image, manifest.config)
        if not fits(platform or config.platform, config.platform):
            raise OtherPlatforms(config.platform)
        return ImageFacts(
            reference=image,
            digest=digest,
            media_type=found.media_type,
            manifest_digest=manifest_digest,
            manifest_type=manifest.media_type,
            platforms=platforms or (Descriptor(manifest.media_type, digest, 0, config.platform),),
            layers=manifest.layers,
            config_digest=manifest.config.digest,
            config=config,
        )

    def _manifest(self, image: ImageReference, digest: str, *, size: int | None = None) -> tuple[Manifest | Index, str]:
        """A manifest or an index by its digest, or by the tag where there is none, and the digest of its bytes."""
        url = f"{self._place.base}/v2/{image.repository}/manifests/{digest or image.tag}"
        answer = self._get(
            url, "manifest", scope=_pull(image.repository), limit=MANIFEST_BYTES, accept=ACCEPT, image=image
        )
        told = answer.headers.get("docker-content-digest", "")
        for expected in filter(None, (digest, told)):
            self._check_digest(image, answer.body, expected)
        if size is not None and size != len(answer.body):
            raise self._refusal("image.digest_mismatch", image)
        # What a server does not name is a manifest all the same when it says so itself.
        found = read_manifest(answer.body, answer.kind)
        return found, digest or digest_like(answer.body, "sha256:")

    def _config(self, image: ImageReference, wanted: Descriptor) -> ImageConfig:
        if wanted.size > CONFIG_BYTES:
            raise self._refusal("image.too_large", image, limit=f"{CONFIG_BYTES // MIB} MB")
        url = f"{self._place.base}/v2/{image.repository}/blobs/{wanted.digest}"
        part = ImageReference(image.address, image.repository, digest=wanted.digest)
        answer = self._get(url, "blob", scope=_pull(image.repository), limit=CONFIG_BYTES, accept="*/*", image=part)
        if len(answer.body) != wanted.size:
            raise self._refusal("image.digest_mismatch", image)
        self._check_digest(image, answer.body, wanted.digest)
        return read_config(answer.body)

    def _check_digest(self, image: ImageReference, body: bytes, expected: str) -> None:
        known = re.fullmatch(r"sha(256|512):[0-9a-f]+", expected)
        if known is None or digest_like(body, expected) != expected:
            raise self._refusal("image.digest_mismatch", image)

    def _names(self, url: str, key: str, subject: Subject, *, scope: str, image: ImageReference | None = None) -> Names:
        """The names on every page of a list, within bounds; what is no name is left out."""
        is_name = is_repository if key == "repositories" else is_tag
        found: dict[str, None] = {}
        until, asked = monotonic() + _PATIENCE * settings.REGISTRY_READ_SECONDS, set[str]()
        while url:
            if len(asked) >= MAX_PAGES or len(found) >= MAX_NAMES or monotonic() > until:
                return Names(tuple(found)[:MAX_NAMES], complete=False)
            asked.add(url)
            answer = self._get(url, subject, scope=scope, limit=LIST_BYTES, image=image)
            found.update(dict.fromkeys(name for name in self._list_in(answer, key) if is_name(name)))
            following = self._following(answer)
            url = "" if following in asked else following
        return Names(tuple(found)[:MAX_NAMES], complete=len(found) <= MAX_NAMES)

    def _list_in(self, answer: Answer, key: str) -> Iterator[str]:
        try:
            values = read_object(answer.body).get(key)
        except MalformedAnswer as error:
            raise refusal("registry.not_a_registry", self._place) from error
        # A repository whose tags were all deleted has null for its list.
        if values is not None and not isinstance(values, list):
            raise refusal("registry.not_a_registry", self._place)
        return (value for value in values or [] if isinstance(value, str))

    def _following(self, answer: Answer) -> str:
        """The next page, which lies at the registry itself; empty on the last."""
        found = re.search(r'<([^<>]{1,4096})>\s*;\s*rel="?next"?', answer.headers.get("link", ""))
        if found is None:
            return ""
        url = self._joined(answer.url, found.group(1))
        # Behind a proxy that adds the encryption, some name the next page without it.
        if not is_among(url, (self._place.address,)) or urlsplit(url).scheme != self._place.scheme:
            raise refusal("registry.redirected", self._place, host=shown(urlsplit(url).netloc or url))
        return url

    def _get(
        self,
        url: str,
        subject: Subject,
        *,
        scope: str,
        limit: int,
        accept: str = "application/json",
        image: ImageReference | None = None,
    ) -> Answer:
        """Ask the registry, sign in when it wants that, and ask again."""
        try:
            answer = self._ask(url, scope, limit, accept)
            if answer.status == 401 and self._sign_in.answer(answer, scope):
                answer = self._ask(url, scope, limit, accept)
            if subject == "blob" and answer.status in _REDIRECTS:
                answer = self._follow(answer, limit)
        except SourceRefused as refused:
            if refused.code == "registry.answer_too_large" and subject in ("manifest", "blob"):
                raise self._refusal("image.too_large", image, limit=refused.params["limit"]) from refused
            raise
        if answer.status != 200:
            raise self._failure(answer, subject, image)
        return answer

    def _ask(self, url: str, scope: str, limit: int, accept: str) -> Answer:
        return self._transport.get(url, limit=limit, accept=accept, authorization=self._sign_in.header(scope))

    def _follow(self, answer: Answer, limit: int) -> Answer:
        """A blob from where the registry keeps it: itself, or a host the connection names; credentials stay here."""
        place = self._place
        for _ in range(MAX_REDIRECTS):
            url = self._target(answer)
            if not is_among(url, (place.address, *place.blob_hosts)) or (
                urlsplit(url).scheme == "http" and not place.insecure
            ):
                raise refusal("registry.redirected", place, host=shown(urlsplit(url).netloc))
            answer = self._transport.get(check_url(place, url), limit=limit, accept="*/*")
            if answer.status == 200:
                return answer
            if answer.status not in _REDIRECTS:
                raise self._not_there(answer)
        raise refusal("registry.redirected", place, host=shown(urlsplit(answer.url).netloc))

    def _not_there(self, answer: Answer) -> SourceRefused | SourceUnavailable:
        """What the host of a blob answers instead of it, which says nothing about our user."""
        if answer.status >= 500 or answer.status in _PASSING:
            return unavailable("registry.unavailable", self._place, str(answer.status))
        host = shown(urlsplit(answer.url).netloc)
        return refusal("registry.rejected", self._place, reason=f"{host}: {answer.status}")

    def _target(self, answer: Answer) -> str:
        """Where a redirect leads."""
        return self._joined(answer.url, answer.headers.get("location", ""))

    def _joined(self, base: str, address: str) -> str:
        """An address as it stands in an answer; raises a refusal for what is none at all."""
        try:
            url: str = urljoin(base, address)
            return urlsplit(url).geturl()
        except ValueError as error:
            raise refusal("registry.redirected", self._place, host="?") from error

    def _failure(
        self, answer: Answer, subject: Subject, image: ImageReference | None
    ) -> SourceRefused | SourceUnavailable:
        """What an answer means that is not what was asked for; decided by its status and the registry's codes."""
        status, place = answer.status, self._place
        codes = codes_in(answer.body)
        if status == 429 or "TOOMANYREQUESTS" in codes:
            return unavailable("registry.throttled", place, str(status))
        if status >= 500 or status in _PASSING:
            return unavailable("registry.unavailable", place, str(status))
        if status in _REDIRECTS:
            return refusal("registry.redirected", place, host=shown(urlsplit(self._target(answer)).netloc))
        if status in (401, 403):
            return self._forbidden(answer, subject, image)
        if status in (404, 405, 410) or (status == 400 and subject == "catalog"):
            return self._missing(subject, image, codes)
        if not codes and subject == "registry":
            return refusal("registry.not_a_registry", place)
        return refusal("registry.rejected", place, image, reason=shown(", ".join(codes) or str(status)))

    def _forbidden(self, answer: Answer, subject: Subject, image: ImageReference | None) -> SourceRefused:
        """Basic answers 401 to a wrong password; a token was given for the right one, but not for this."""
        if answer.status == 401 and not self._sign_in.by_token:
            return self._refusal("registry.unauthorised", image)
        if subject == "catalog":
            return self._refusal("registry.no_catalog", image)
        if subject == "registry":
            return self._refusal("registry.unauthorised" if answer.status == 401 else "registry.denied", image)
        return self._refusal("image.denied", image)

    def _missing(self, subject: Subject, image: ImageReference | None, codes: tuple[str, ...]) -> SourceRefused:
        if subject == "registry":
            return self._refusal("registry.not_a_registry", image)
        if subject == "catalog":
            return self._refusal("registry.no_catalog", image)
        if image is None or subject == "tags" or "NAME_UNKNOWN" in codes:
            return self._refusal("image.repository_missing", image)
        if subject == "blob":
            return self._refusal("image.blob_missing", image)
        return self._unknown_manifest(image)

    def _unknown_manifest(self, image: ImageReference) -> SourceRefused:
        """Registries say the same of a tag and of a whole repository that they do not have: the tags tell which."""
        try:
            self.tags(image.repository)
        except SourceRefused as refused:
            if refused.code == "image.repository_missing":
                return refused
        except SourceUnavailable:
            pass
        return self._refusal("image.digest_missing" if image.digest else "image.tag_missing", image)

    def _refusal(self, code: str, image: ImageReference | None, **params: str) -> SourceRefused:
        return refusal(code, self._place, image, **params)


def codes_in(body: bytes) -> tuple[str, ...]:
    """The codes of an answer in the form registries have for refusals; none where it has another."""
    try:
        errors = objects_in(read_object(body), "errors")
    except MalformedAnswer:
        return ()
    found = (each.get("code") for each in errors[:10])
    return tuple(code for code in found if isinstance(code, str) and re.fullmatch(r"[A-Z0-9_]{1,64}", code))


def _pull(repository: str) -> str:
    return f"repository:{repository}:pull"
