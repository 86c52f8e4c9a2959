"""The platform's `log`: the standard logging under another name."""

from __future__ import annotations

import logging
from logging import CRITICAL, DEBUG, ERROR, FATAL, INFO, WARN, WARNING, critical, debug, error, exception, info, warning

__all__ = [
    "CRITICAL",
    "DEBUG",
    "ERROR",
    "FATAL",
    "INFO",
    "WARN",
    "WARNING",
    "critical",
    "debug",
    "error",
    "exception",
    "getLogger",
    "get_logger",
    "info",
    "logger",
    "warning",
]


def getLogger(name: str | None = None, *_more: object, **_named: object) -> logging.Logger:
    """The logger of that name."""
    return logging.getLogger(name)


get_logger = getLogger
logger = logging.getLogger("model_service")
