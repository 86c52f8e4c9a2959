"""Encryption at rest of what must be given back in clear: the credentials of places the console talks to."""

import json
from collections.abc import Mapping

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


class SecretUnreadable(Exception):
    """None of the keys opens it: it was written under another key, or changed."""


def seal(values: Mapping[str, str]) -> str:
    """The values as one text that only the keys of this installation open; the first key seals.

    Raises ImproperlyConfigured without a key: what a passing one sealed, nobody could open again.
    """
    if not settings.ENCRYPTION_KEYS:
        raise ImproperlyConfigured("MODELPORT_ENCRYPTION_KEYS is not set, and `up` never ran on MODELPORT_DATA")
    return _keys().encrypt(json.dumps(dict(values)).encode()).decode()


def unseal(text: str) -> dict[str, str]:
    """What `seal` was given; raises SecretUnreadable."""
    if not settings.ENCRYPTION_KEYS:
        raise SecretUnreadable("there is no encryption key")
    try:
        values: dict[str, str] = json.loads(_keys().decrypt(text.encode()))
    except InvalidToken as error:
        raise SecretUnreadable("written under another encryption key") from error
    return values


def _keys() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.ENCRYPTION_KEYS])
