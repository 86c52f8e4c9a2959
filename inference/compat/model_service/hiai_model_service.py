"""The base class of Ascend services."""

from ...services import HiaiBaseService

__all__ = ["HiaiBaseService"]
