"""Lengths of time in words."""

from datetime import timedelta

from django.utils.translation import gettext as _
from django.utils.translation import ngettext


def length(left: timedelta) -> str:
    """Rounded up: minutes up to an hour, then hours, and minutes where there are some."""
    minutes = max(1, -(-int(left.total_seconds()) // 60))
    if minutes <= 60:
        return ngettext("%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes}
    if minutes % 60 == 0:
        return whole_hours(minutes * 60)
    return _("%(hours)d h %(minutes)d min") % {"hours": minutes // 60, "minutes": minutes % 60}


def whole_hours(seconds: int | None) -> str:
    """A length of whole hours."""
    count = (seconds or 0) // 3600
    return ngettext("%(count)d hour", "%(count)d hours", count) % {"count": count}
