"""Listings of object storage: by folders, and of everything below one."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from operator import itemgetter
from typing import Any

from stores.drivers.base import Entry, Page
from stores.drivers.s3_access import entry_of
from stores.drivers.s3_errors import refusals
from stores.drivers.s3_reading import S3Reader
from stores.errors import SourceRefused, SourceUnavailable
from stores.paths import INCOMING, MAX_KEY_BYTES, check_prefix, is_safe_name

_FULL_PAGE = 1000
# SeaweedFS ends a listing of one thing at the marker of the folder itself.
_LEAST_PAGE = 2
# So many requests one page of a search may take before it is given up where it is.
_SEARCH_REQUESTS = 20
# So many answers in a row may list nothing.
_MOST_EMPTY = 100
_MOST_BYTES = 2**63
_NEVER = datetime.fromtimestamp(0, UTC)

Found = tuple[str, Entry | None]


class S3Listing(S3Reader):
    """The order is that of the endpoint: by keys, or folder by folder where it keeps folders."""

    def list_folder(self, prefix: str, *, after: str = "", limit: int = 100, search: str = "") -> Page:
        self._check_shown(check_prefix(prefix))
        items, following, empty = self._page(prefix, after, limit, search.casefold())
        if empty and prefix and not after:
            self._refuse_missing(prefix)
        folders = tuple(item for item in items if isinstance(item, str))
        return Page(folders, tuple(item for item in items if isinstance(item, Entry)), following)

    def walk(self, prefix: str) -> Iterator[Entry]:
        self._check_shown(check_prefix(prefix))
        empty = True
        for answer in self._answers(self._whole(prefix)):
            for found in answer.get("Contents", []):
                empty = False
                key = self._own(found["Key"])
                if not key.endswith("/") and not key.startswith(f"{INCOMING}/"):
                    yield self._entry(found)
        if empty and prefix:
            self._refuse_missing(prefix)

    def _page(self, prefix: str, after: str, limit: int, search: str) -> tuple[list[Entry | str], str, bool]:
        """At most `limit` things, what opens the next page, and whether the storage has nothing there at all.

        A page may end inside an answer of the storage, so what opens the next is the answer and how much of it is over.
        """
        skip, token = _parsed(after)
        items: list[Entry | str] = []
        empty = True
        size = _FULL_PAGE if search else min(max(limit, _LEAST_PAGE) + skip, _FULL_PAGE)
        answers = self._answers(self._whole(prefix), token=token, size=size, delimiter=True)
        for answer in islice(answers, _SEARCH_REQUESTS):
            things = self._things(answer)
            empty = empty and not things
            while skip < len(things) and len(items) < limit:
                key, entry = things[skip]
                skip += 1
                if self._is_listed(key, prefix, search):
                    items.append(self._item(key, entry))
            if skip < len(things):
                return items, _address(skip, token), empty
            skip, token = 0, answer.get("NextContinuationToken", "")
            if len(items) == limit:
                break
        return items, _address(0, token) if token else "", empty

    def _answers(
        self, prefix: str, *, token: str = "", size: int = _FULL_PAGE, delimiter: bool = False
    ) -> Iterator[Mapping[str, Any]]:
        """The answers of the storage one after the other; refuses to go round in circles."""
        options: dict[str, Any] = {"Delimiter": "/"} if delimiter else {}
        empty = 0
        while True:
            page = options | ({"ContinuationToken": token} if token else {})
            with refusals(self._place):
                answer = self._client.list_objects_v2(Bucket=self._place.bucket, Prefix=prefix, MaxKeys=size, **page)
            if not _is_listing(answer):
                raise SourceUnavailable("an answer that is no listing")
            yield answer
            following = answer.get("NextContinuationToken", "")
            if not answer["IsTruncated"]:
                return
            empty = 0 if "Contents" in answer or "CommonPrefixes" in answer else empty + 1
            if not following or following == token or empty == _MOST_EMPTY:
                raise SourceUnavailable("a listing that leads nowhere")
            token = following

    def _things(self, answer: Mapping[str, Any]) -> list[Found]:
        """Objects and folders of one answer by their keys, in the order of keys."""
        objects = ((self._own(found["Key"]), self._entry(found)) for found in answer.get("Contents", []))
        folders = ((self._own(found["Prefix"]), None) for found in answer.get("CommonPrefixes", []))
        return sorted([*objects, *folders], key=itemgetter(0))

    def _is_listed(self, key: str, prefix: str, search: str) -> bool:
        if key == prefix or (not prefix and key.split("/", 1)[0] == INCOMING):
            return False
        return search in key.removeprefix(prefix).rstrip("/").casefold()

    def _item(self, key: str, entry: Entry | None) -> Entry | str:
        """What a listing shows for an object or for a folder, which is an entry too where its name is not safe."""
        if entry is not None:
            return entry
        refused = _refusal_of(key.removesuffix("/"), len(self._root))
        return entry_of(key, 0, _NEVER, "", refused) if refused else key

    def _entry(self, found: Mapping[str, Any]) -> Entry:
        key = self._own(found["Key"])
        outside = not found["Key"].startswith(self._root)
        refused = "source.unsafe_name" if outside else _refusal_of(key, len(self._root))
        return entry_of(key, found["Size"], found["LastModified"], found.get("ETag", ""), refused)

    def _own(self, whole: str) -> str:
        return whole.removeprefix(self._root)

    def _refuse_missing(self, prefix: str) -> None:
        """Nothing lies below a prefix: it names a file, or nothing."""
        try:
            self.stat(prefix[:-1])
        except SourceRefused as refusal:
            if refusal.code != "source.missing":
                raise
            raise self._refusal("source.missing", prefix) from None
        raise self._refusal("source.not_a_folder", prefix[:-1])


def _is_listing(answer: Mapping[str, Any]) -> bool:
    """Whether an answer says everything that a listing says."""
    objects, folders = answer.get("Contents", []), answer.get("CommonPrefixes", [])
    named = all("Key" in found and "LastModified" in found for found in objects)
    sized = all(0 <= found.get("Size", -1) < _MOST_BYTES for found in objects)
    return "IsTruncated" in answer and named and sized and all("Prefix" in found for found in folders)


def _refusal_of(key: str, above: int) -> str:
    if len(key.encode("utf-8", "surrogatepass")) + above > MAX_KEY_BYTES:
        return "source.name_too_long"
    return "" if all(is_safe_name(part) for part in key.split("/")) else "source.unsafe_name"


def _address(skip: int, token: str) -> str:
    return f"{skip}.{token}"


def _parsed(after: str) -> tuple[int, str]:
    """What `_address` made; the first page for anything else."""
    skip, _, token = after.partition(".")
    return (min(int(skip), _FULL_PAGE), token) if skip.isascii() and skip.isdecimal() else (0, "")
