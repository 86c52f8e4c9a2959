"""The base class of TensorFlow services."""

from ...services import TfServingBaseService

__all__ = ["TfServingBaseService"]
