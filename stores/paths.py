"""Where an object lies: buckets, keys, how people write them and which of them are safe."""

import re
import secrets
import unicodedata
from dataclasses import dataclass

from stores.errors import SourceRefused

MAX_KEY_BYTES = 1024
# Where objects grow before they get their name: part of every bucket, never listed. An archive that waits to be
# unpacked lies in it under a scratch key, which drivers take and nobody can guess.
INCOMING = ".modelport-incoming"
BUCKET_NAME = r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
_SCHEMES = ("obs://", "s3://")
_SHOWN_CHARACTERS = 200
_REFUSED = {"Cc", "Cs", "Zl", "Zp"}


@dataclass(frozen=True)
class Location:
    """A bucket by name and a key in it; a key that ends in `/` or is empty names a folder."""

    bucket: str
    key: str = ""

    @property
    def display(self) -> str:
        """The form the console shows: `/bucket/prefix/`."""
        return f"/{self.bucket}/{self.key}"

    @property
    def folder(self) -> "Location":
        """The same place read as a folder."""
        return Location(self.bucket, as_prefix(self.key))


def parse_location(text: str) -> Location:
    """Read `/bucket/prefix/`, `obs://bucket/prefix/` or `s3://bucket/prefix/`; raises SourceRefused."""
    text = text.strip()
    rest = next((text[len(scheme) :] for scheme in _SCHEMES if text[: len(scheme)].lower() == scheme), None)
    if rest is None:
        rest = text[1:] if text.startswith("/") else ""
    if not rest:
        raise SourceRefused("source.path_malformed", path=shown(text))
    if any(character.isspace() for character in rest):
        raise SourceRefused("source.space_in_path", path=shown(text))
    bucket, _, key = rest.partition("/")
    if not is_bucket_name(bucket):
        raise SourceRefused("source.bucket_missing", bucket=shown(bucket))
    return Location(bucket, check_prefix(key) if key.endswith("/") or not key else check_key(key))


def is_bucket_name(name: str) -> bool:
    """True for 3–63 lower-case letters, digits, hyphens and dots that S3 takes too, so not for what reads as an IP."""
    if re.fullmatch(BUCKET_NAME, name) is None or re.fullmatch(r"\d+(\.\d+){3}", name):
        return False
    return re.search(r"\.\.|\.-|-\.", name) is None


def check_key(key: str) -> str:
    """Return a key that can be joined safely to any folder; raises SourceRefused for every other."""
    if len(key.encode("utf-8", "surrogatepass")) > MAX_KEY_BYTES:
        raise SourceRefused("source.name_too_long", path=shown(key), limit=MAX_KEY_BYTES)
    if not all(is_safe_name(segment) for segment in key.split("/")):
        raise SourceRefused("source.unsafe_name", path=shown(key))
    return key


def scratch_key() -> str:
    """A new key for an object that only the console itself uses for a while."""
    return f"{INCOMING}/{secrets.token_hex(16)}"


def is_scratch(key: str) -> bool:
    return re.fullmatch(rf"{re.escape(INCOMING)}/[0-9a-f]{{32}}", key) is not None


def check_prefix(prefix: str) -> str:
    """Return a folder's prefix (empty, or a key and `/`) that is safe; raises SourceRefused."""
    if prefix and not prefix.endswith("/"):
        raise SourceRefused("source.unsafe_name", path=shown(prefix))
    if prefix:
        check_key(prefix[:-1])
    return prefix


def check_spaces(key: str) -> str:
    """Return a key whose folders above `model/` hold no space, since no such folder can be imported."""
    above = key.split("/")[:-1]
    above = above[: above.index("model")] if "model" in above else above
    if any(character.isspace() for segment in above for character in segment):
        raise SourceRefused("upload.space_in_folder", path=shown(key))
    return key


def without_bucket(text: str, bucket: str) -> str:
    """The part of a path inside its bucket; `/bucket/folder/`, `obs://bucket/folder/` and `folder/` are the same."""
    for scheme in (*_SCHEMES, "/"):
        if bucket and as_prefix(text).lower().startswith(f"{scheme}{bucket}/"):
            return text[len(scheme) + len(bucket) + 1 :]
    return text.removeprefix("/")


def folder_in(bucket: str, text: str) -> str:
    """The prefix somebody typed; a whole path, as the console shows and copies it, loses the name of its bucket."""
    return check_spaces(check_prefix(as_prefix(without_bucket(text.strip(), bucket))))


def is_safe_name(segment: str) -> bool:
    """True when one part of a key is a plain name: no dots alone, no separator of any system, no control character."""
    if segment in ("", ".", "..") or "/" in segment or "\\" in segment:
        return False
    return not any(unicodedata.category(character) in _REFUSED for character in segment)


def as_prefix(key: str) -> str:
    return key if not key or key.endswith("/") else f"{key}/"


def parent_of(key: str) -> str:
    """The prefix of the folder that holds an object or a folder; empty at the top of the bucket."""
    return key.rstrip("/").rpartition("/")[0] + "/" if "/" in key.rstrip("/") else ""


def name_of(key: str) -> str:
    """The last part of a key, without a slash."""
    return key.rstrip("/").rpartition("/")[2]


def visible(text: str) -> str:
    """The text with every control, bidirectional and invisible character written out, so that it cannot deceive."""
    return "".join(character if character.isprintable() else f"\\u{ord(character):04x}" for character in text)


def shown(text: str) -> str:
    """A path as a parameter of a message: visible, and never longer than a line or two."""
    return visible(text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…")
