"""Helpers of the multi-model server."""
