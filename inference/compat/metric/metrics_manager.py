"""Where packages look whether somebody keeps the times of their steps: nobody does."""

from __future__ import annotations

from typing import Any, ClassVar


class MetricsManager:
    """Only its attribute is touched."""

    metrics: ClassVar[dict[str, Any]] = {}
