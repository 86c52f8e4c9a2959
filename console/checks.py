"""What `check --deploy` asks of an installation beyond Django's own questions."""

from typing import Any

from django.conf import settings
from django.core import checks

from console import env

KEYS = {"MODELPORT_SECRET_KEY": "secret-key", "MODELPORT_ENCRYPTION_KEYS": "encryption-key"}


def missing_keys() -> list[str]:
    """The variables of keys that come neither from the environment nor from the data folder."""
    return [
        variable
        for variable, file in KEYS.items()
        if not env.text(variable) and not env.recorded(settings.DATA / "run" / file)
    ]


@checks.register(checks.Tags.security, deploy=True)
def keys_are_shared(**_options: Any) -> list[checks.CheckMessage]:
    """With a database of its own the console may have several hosts, and all of them need the same keys."""
    if settings.DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
        return []
    return [
        checks.Error(
            f"{variable} is not set: each process would make a key of its own and understand no other.",
            hint="Write the same one into the environment of every host (docs/deploy.md).",
            id=f"modelport.E00{number}",
        )
        for number, variable in enumerate(missing_keys(), start=1)
    ]


@checks.register(checks.Tags.security, deploy=True)
def proxy_is_named(**_options: Any) -> list[checks.CheckMessage]:
    """TLS ends in a proxy: unless that is trusted, every request looks like plain HTTP and is redirected for ever."""
    if not settings.HTTPS or settings.TRUSTED_PROXIES:
        return []
    return [
        checks.Warning(
            "MODELPORT_HTTPS is set but MODELPORT_TRUSTED_PROXIES is empty: no request can be known to be HTTPS.",
            hint="Name the addresses of the proxy, such as 127.0.0.1.",
            id="modelport.W001",
        )
    ]
