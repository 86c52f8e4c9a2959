"""The rules for what people type about a service (services.md §2)."""

import re

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from registry.validators import valid_description

_NAME = re.compile(r"[A-Za-z0-9\u4e00-\u9fa5_-]{1,64}")


def valid_service_name(value: str) -> None:
    if not _NAME.fullmatch(value):
        raise ValidationError(
            _("1 to 64 characters: letters, Chinese characters, digits, hyphens and underscores."),
            code="invalid_name",
        )


def valid_service_description(value: str) -> None:
    """As of a model; the API of services refuses the plus sign as well."""
    try:
        valid_description(value)
        valid = "+" not in value
    except ValidationError:
        valid = False
    if not valid:
        raise ValidationError(
            _("At most 100 characters, and none of these: & ! ' \" < > = +"), code="invalid_description"
        )
