"""What the pages of the registry share: what those of every list do, and reading a uuid."""

from uuid import UUID

from accounts.requests_lists import Column, Heading, headings, is_part, way_back

__all__ = ["Column", "Heading", "as_uuid", "headings", "is_part", "way_back"]


def as_uuid(text: str) -> UUID | None:
    """The uuid somebody wrote into an address, if it is one."""
    try:
        return UUID(text)
    except ValueError:
        return None
