"""Version numbers of models: three integers that are compared as such."""

import re
from typing import NamedTuple

HIGHEST = 99
_PATTERN = re.compile(r"(0|[1-9][0-9]?)\.(0|[1-9][0-9]?)\.(0|[1-9][0-9]?)")


class Version(NamedTuple):
    """`major.minor.patch`, each from 0 to 99; sorts numerically because it is a tuple."""

    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"

    @classmethod
    def parse(cls, text: str) -> "Version":
        """Read `0.0.1`; ValueError for anything else, also for leading zeros and spaces around it."""
        match = _PATTERN.fullmatch(text)
        if match is None:
            raise ValueError(f"not a version: {text[:40]!r}")
        return cls(*(int(part) for part in match.groups()))

    def next(self) -> "Version | None":
        """The number offered after this one: the third counts up and carries at 99; None after 99.99.99."""
        if self.patch < HIGHEST:
            return Version(self.major, self.minor, self.patch + 1)
        if self.minor < HIGHEST:
            return Version(self.major, self.minor + 1, 0)
        if self.major < HIGHEST:
            return Version(self.major + 1, 0, 0)
        return None


FIRST = Version(0, 0, 1)
