"""The base class of PyTorch services."""

from ...services import PTServingBaseService

__all__ = ["PTServingBaseService"]
