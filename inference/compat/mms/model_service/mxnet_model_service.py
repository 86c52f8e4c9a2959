"""The base class of MXNet services."""

from ....services import MXNetBaseService

__all__ = ["MXNetBaseService"]
