"""The platform's `model_service`: one module for each base class."""
