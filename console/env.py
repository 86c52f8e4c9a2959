"""Settings from the environment: each reader fails loudly and names the variable."""

import ipaddress
import os
import re
from collections.abc import Collection
from decimal import Decimal
from pathlib import Path

from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off"}
MOST = 10**15  # what databases and timers of every kind can still hold
DECADE = 10 * 366 * 24 * 3600.0


def text(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


def flag(name: str, default: bool) -> bool:
    value = text(name).lower()
    if not value:
        return default
    if value not in TRUE | FALSE:
        raise ImproperlyConfigured(f"{name}={value!r}: write 1 or 0")
    return value in TRUE


def number(name: str, default: int, *, least: int = 0, most: int = MOST) -> int:
    value = text(name)
    if not value:
        return default
    if not value.isdecimal() or len(value) > len(str(MOST)) or not least <= int(value) <= most:
        limit = "or more" if most == MOST else f"to {most}"
        raise ImproperlyConfigured(f"{name}={value!r}: write a whole number, {least} {limit}")
    return int(value)


def seconds(name: str, default: float, *, least: float = 0, most: float = DECADE) -> float:
    value = text(name)
    if not value:
        return default
    try:
        parsed = float(value)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}={value!r}: write a number of seconds") from error
    if not least <= parsed <= most:
        raise ImproperlyConfigured(f"{name}={value!r}: write a number of seconds from {least:g} to {most:g}")
    return parsed


def address(name: str, default: str) -> str:
    value = text(name, default)
    try:
        return str(ipaddress.ip_address(value))
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}={value!r}: write an IP address, such as 127.0.0.1 or 0.0.0.0") from error


def choice(name: str, default: str, allowed: Collection[str], *, example: str) -> str:
    value = text(name, default)
    if value not in allowed:
        raise ImproperlyConfigured(f"{name}={value!r}: write a known one, such as {example}")
    return value


def networks(name: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    found = []
    for word in words(name, []):
        try:
            found.append(ipaddress.ip_network(word))
        except ValueError as error:
            example = "10.0.0.5 or 10.0.0.0/8"
            raise ImproperlyConfigured(f"{name}={word!r}: write addresses or networks, such as {example}") from error
    return found


def spec(name: str, default: str) -> tuple[Decimal, int]:
    """Cores and MiB."""
    value = text(name, default)
    match = re.fullmatch(r"(\d{1,4}(?:\.\d{1,2})?),\s*(\d{1,8})", value, re.ASCII)
    if not match or not Decimal(match[1]) or not int(match[2]):
        raise ImproperlyConfigured(f"{name}={value!r}: write cores and MiB, such as {default}")
    return Decimal(match[1]), int(match[2])


def words(name: str, default: list[str]) -> list[str]:
    value = text(name)
    return [word.strip() for word in value.split(",") if word.strip()] if value else default


def fernet_keys(name: str, record: Path) -> list[str]:
    """Encryption keys from the environment, else the recorded one; where neither is, nothing can be sealed."""
    keys = words(name, []) or [key for key in [recorded(record)] if key]
    for key in keys:
        try:
            Fernet(key)
        except ValueError as error:
            example = "python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'"
            raise ImproperlyConfigured(f"{name} or {record}: not an encryption key; make one with {example}") from error
    return keys


def recorded(path: Path) -> str:
    """What `manage.py up` wrote down for other commands of this data folder; empty when it never ran."""
    try:
        return path.read_text().strip()
    except OSError:
        return ""
