"""Paging by the last row seen, as `accounts.keyset` has it."""

from accounts.keyset import Order, Slice, slice_of

__all__ = ["Order", "Slice", "slice_of"]
