"""What the histories of versions and of services have in common."""

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.findings import message_for


class HistoryLine(models.Model):
    """One line of the history of something: a code, said in the words of whoever reads it."""

    at = models.DateTimeField(_("time"), auto_now_add=True)
    abnormal = models.BooleanField(default=False)
    code = models.CharField(max_length=64)
    params = models.JSONField(default=dict)
    actor_name = models.CharField(_("who"), max_length=150, blank=True)

    class Meta:
        abstract = True
        verbose_name = _("event")
        verbose_name_plural = _("events")
        ordering = ["-at", "-id"]

    def __str__(self) -> str:
        return self.code

    @property
    def said(self) -> dict[str, Any]:
        """What fills the sentence."""
        return dict(self.params)

    @property
    def message(self) -> str:
        """The sentence in the active language, followed by the reason where one was recorded."""
        text, reason = message_for(self.code, self.said), self.reason
        return _("%(event)s: %(reason)s") % {"event": text, "reason": reason} if reason else text

    @property
    def reason(self) -> str:
        """The reason by itself, as a sentence in the active language; empty where none was recorded."""
        code = self.params.get("reason")
        return message_for(code, self.params.get("reason_params", {})) if code else ""
