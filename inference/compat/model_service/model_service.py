"""The general base class."""

from ...services import SingleNodeService

__all__ = ["SingleNodeService"]
