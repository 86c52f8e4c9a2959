"""Pages of models and versions."""
