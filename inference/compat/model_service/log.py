"""The same as the top-level `log`."""

from ..log import *  # noqa: F403
