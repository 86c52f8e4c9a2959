"""The base class of XGBoost and scikit-learn services."""

from ...services import XgSklServingBaseService

__all__ = ["XgSklServingBaseService"]
