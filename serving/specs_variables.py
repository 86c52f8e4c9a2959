"""The rules for environment variables that people give a service."""

import re

MOST = 10
LONGEST_NAME = 64
LONGEST_VALUE = 1024
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# What the sandbox sets itself, or what would lead the interpreter to code that is not the package's.
_RESERVED = frozenset(
    {"PATH", "HOME", "TMPDIR", "TMP", "TEMP", "PWD", "USER", "LOGNAME", "SHELL", "IFS", "ENV", "BASH_ENV"}
)
_RESERVED_BEGINNINGS = ("LD_", "DYLD_", "PYTHON", "MODELPORT_", "GLIBC_", "MALLOC_")
# Words in a name that make a secret likely.
_SECRETIVE = re.compile(r"PASSW|SECRET|TOKEN|CREDENTIAL|API_?KEY|ACCESS_?KEY|PRIVATE", re.IGNORECASE)


def why_not(name: str) -> str:
    """The code of the reason why a variable cannot have this name; empty when it can."""
    if len(name) > LONGEST_NAME:
        return "variable.name_too_long"
    if not NAME.fullmatch(name):
        return "variable.name_invalid"
    if name.upper() in _RESERVED or name.upper().startswith(_RESERVED_BEGINNINGS):
        return "variable.name_reserved"
    return ""


def why_not_value(value: str) -> str:
    if len(value) > LONGEST_VALUE:
        return "variable.value_too_long"
    return "variable.value_hidden" if any(ord(char) < 32 or ord(char) == 127 for char in value) else ""


def looks_secret(name: str) -> bool:
    return _SECRETIVE.search(name) is not None
