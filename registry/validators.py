"""The rules for what people type about a model, as Django validators (console-flow.md §4.14)."""

import re
import unicodedata
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

URL_LENGTH = 2048
NAME_LENGTH = 48
_NAME = re.compile(r"[A-Za-z\u4e00-\u9fa5][A-Za-z0-9\u4e00-\u9fa5_-]{0,47}")
_LABEL = re.compile(r"[A-Za-z\u4e00-\u9fa5][A-Za-z0-9\u4e00-\u9fa5_]{0,63}")
_DESCRIPTION = re.compile(r"[^&!'\"<>=]{0,100}", re.DOTALL)
_URL = re.compile(r"https?://\S+", re.IGNORECASE)
# Joiners shape scripts and emoji; a line break and a tab are what a text area may send.
_HARMLESS = frozenset("\u200c\u200d\n\r\t")
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def has_hidden_characters(text: str, *, allowed: frozenset[str] = frozenset()) -> bool:
    """Whether the text holds control, direction or other invisible characters, which can make it read as another."""
    return any(unicodedata.category(char) in _HIDDEN and char not in allowed for char in text)


def valid_name(value: str) -> None:
    """A model name: a letter or Chinese character first, at most 48."""
    if not _NAME.fullmatch(value):
        raise ValidationError(
            _(
                "Start with a letter or Chinese character; then letters, digits, Chinese characters, "
                "hyphens and underscores; at most 48 characters."
            ),
            code="invalid_name",
        )


def name_like(text: str, *, otherwise: str) -> str:
    """The nearest name of a model; `otherwise` comes first where the text begins with no letter."""
    plain = re.sub(r"[^A-Za-z0-9\u4e00-\u9fa5_-]+", "-", text).strip("-_")
    begun = plain if _NAME.match(plain) else f"{otherwise}-{plain}".rstrip("-")
    return begun[:NAME_LENGTH]


def valid_label(value: str) -> None:
    if not _LABEL.fullmatch(value):
        raise ValidationError(
            _(
                "A label starts with a letter or Chinese character; then letters, digits, Chinese characters "
                "and underscores; at most 64 characters."
            ),
            code="invalid_label",
        )


def valid_description(value: str) -> None:
    if not _DESCRIPTION.fullmatch(value):
        raise ValidationError(
            _("At most 100 characters, and none of these: & ! ' \" < > ="), code="invalid_description"
        )
    if has_hidden_characters(value, allowed=_HARMLESS):
        raise ValidationError(_("Remove the control or direction characters from the text."), code="hidden_characters")


def valid_document_name(value: str) -> None:
    if not _NAME.fullmatch(value):
        raise ValidationError(
            _(
                "A document name starts with a letter or Chinese character; then letters, digits, Chinese characters, "
                "hyphens and underscores; at most 48 characters."
            ),
            code="invalid_document_name",
        )


def valid_document_url(value: str) -> None:
    """An http or https address with a host; nothing a browser would run."""
    if not _URL.fullmatch(value) or has_hidden_characters(value) or not _host(value):
        raise ValidationError(
            _("Enter a web address that starts with http:// or https:// and holds no spaces."),
            code="invalid_document_url",
        )
    if len(value) > URL_LENGTH:
        raise ValidationError(_("The address is longer than 2,048 characters."), code="invalid_document_url")


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
