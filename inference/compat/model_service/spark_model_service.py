"""The base class of Spark services."""

from ...services import SparkServingBaseService

__all__ = ["SparkServingBaseService"]
