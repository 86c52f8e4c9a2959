"""The base class of MXNet services."""
