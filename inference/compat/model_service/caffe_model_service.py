"""The base class of Caffe services."""

from ...services import CaffeBaseService

__all__ = ["CaffeBaseService"]
