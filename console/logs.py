"""How the console writes its log: each record as a line or a JSON object, with the ids that tell what belongs together.

gunicorn's first process reads this file without Django's settings (`console/gunicorn.conf.py`).
"""

import json
import logging
import re
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from django_guid.context import guid
from pythonjsonlogger.core import RESERVED_ATTRS, merge_record_extra
from pythonjsonlogger.json import JsonFormatter

FORMATS = ("line", "json")
# Not written: they repeat addresses with their query, and the arguments of tasks.
RESERVED = frozenset({*RESERVED_ATTRS, "taskName", "request", "data", "server_time"})
CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]")
NAMES = (
    r"X-Amz-(?:Signature|Credential|Security-Token)|AWSAccessKeyId|Signature|"
    r"csrfmiddlewaretoken|X-CSRFToken|csrftoken|sessionid|(?:PG)?passw(?:or)?d|"
    r"secret[_-]?(?:access[_-]?)?key|encryption[_-]?keys?|session[_-]?token|Authorization"
)
SECRETS = re.compile(
    rf"(?<![^\W_])((?:{NAMES})[\\\"']*\s*[=:]\s*[\\\"']*(?:(?:Bearer|Basic|Token)\s+)?)[^&\s\"'\\,;<>)]+"
    r"|(://[^/\s:@]*:)[^/\s\"]+(?=@)",
    re.I,
)
SECRET_NAME = re.compile(rf"[\w-]*(?:{NAMES})", re.I)
QUIET = {
    # Whoever asks for what is not there or not theirs is told so, and does not fill the log.
    "django.request": "ERROR",
    "django_guid": "WARNING",
    "celery.beat": "WARNING",
    # They would write parameters of queries and signed addresses.
    "django.db.backends": "INFO",
    "botocore": "WARNING",
    "boto3": "WARNING",
    "s3transfer": "WARNING",
    "urllib3": "WARNING",
}

_working_on: ContextVar[Mapping[str, Any] | None] = ContextVar("working_on", default=None)


def work_on(ids: Mapping[str, Any] | None) -> None:
    """Every record from here on in this context carries `ids`; None when the work is done."""
    _working_on.set(ids)


def without_secrets(text: str) -> str:
    """The text without what signs, opens or identifies a session, should a library have written it."""
    return SECRETS.sub(lambda match: f"{match[1] or match[2]}***", text)


class Context(logging.Filter):
    """Puts the request's id, and the task and job being worked on, on a record that does not say them itself."""

    def filter(self, record: logging.LogRecord) -> bool:
        for name, value in {"request_id": guid.get(), **(_working_on.get() or {})}.items():
            if value is not None:
                record.__dict__.setdefault(name, value)
        return True


class Routine(logging.Filter):
    """Keeps back that a sweep was taken up and ended well: it says nothing, every few seconds."""

    def filter(self, record: logging.LogRecord) -> bool:
        task = getattr(record, "data", None)
        name = task.get("name", "") if isinstance(task, Mapping) else ""
        return record.levelno > logging.INFO or ".sweep_" not in str(name)


class Lines(logging.Formatter):
    """Time, level, logger and event, then `name=value` of everything else: always one line, tracebacks below it."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:
        extra = merge_record_extra(record, {}, RESERVED)
        parts = [_one_line(super().formatMessage(record)), *(f"{name}={_word(extra[name])}" for name in extra)]
        return " ".join(parts)

    def format(self, record: logging.LogRecord) -> str:
        return without_secrets(super().format(record))


class JsonLines(JsonFormatter):
    """One object a line: time, level, logger, event, process, and everything else by its name."""

    def __init__(self) -> None:
        super().__init__(
            "%(levelname)s %(name)s %(message)s %(process)d",
            timestamp="time",
            rename_fields={"levelname": "level", "name": "logger", "message": "event", "exc_info": "traceback"},
            reserved_attrs=sorted(RESERVED),
        )

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        return {name: _covered(value, name) for name, value in log_data.items()}

    def format(self, record: logging.LogRecord) -> str:
        return without_secrets(super().format(record))


def logging_config(form: str, level: str) -> dict[str, Any]:
    """The configuration of Python's logging for every process of the console."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"context": {"()": Context}, "routine": {"()": Routine}},
        "formatters": {"line": {"()": Lines}, "json": {"()": JsonLines}},
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "formatter": form, "filters": ["routine", "context"]}
        },
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "gunicorn.error": {"handlers": [], "propagate": True, "level": "NOTSET"},
            **{name: {"level": max(level, least, key=logging.getLevelName)} for name, least in QUIET.items()},
        },
    }


def _covered(value: Any, name: str = "") -> Any:
    """The value of a field, which stays valid JSON whatever stands under the name of a secret."""
    if SECRET_NAME.fullmatch(name):
        return "***"
    if isinstance(value, dict):
        return {key: _covered(each, str(key)) for key, each in value.items()}
    return [_covered(each) for each in value] if isinstance(value, list | tuple) else value


def _one_line(text: str) -> str:
    return CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def _word(value: object) -> str:
    text = str(value)
    return text if text and text.isprintable() and not set(text) & set(" \"'=") else json.dumps(text)
