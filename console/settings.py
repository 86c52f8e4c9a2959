"""Django settings: embedded defaults that run on one machine, each replaceable by one environment variable."""

import logging
import secrets
import socket
import zoneinfo
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import dj_database_url
from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _
from django_guid.integrations import CeleryIntegration

from console import env, logs
from console.artifact_storage import artifact_storages
from console.settings_importing import *  # noqa: F403
from console.settings_outside import *  # noqa: F403
from console.settings_serving import *  # noqa: F403

BASE_DIR = Path(__file__).resolve().parent.parent
DATA = Path(env.text("MODELPORT_DATA", str(BASE_DIR / "var"))).expanduser().resolve()
DEBUG = env.flag("MODELPORT_DEBUG", False)
BIND = env.address("MODELPORT_BIND", "127.0.0.1")
PORT = env.number("PORT", 8000, least=1, most=65_535)
# Where predictions are asked; the address shown to people may be that of a proxy before it.
GATEWAY_PORT = env.number("GATEWAY_PORT", min(PORT + 1, 65_535), least=1, most=65_535)
GATEWAY_URL = env.text("GATEWAY_URL", f"http://localhost:{GATEWAY_PORT}").rstrip("/")
# What this host is called where several serve; its supervisor takes the instances of that name.
HOST_NAME = env.text("MODELPORT_HOST_NAME") or socket.gethostname()
LISTEN = f"[{BIND}]:{PORT}" if ":" in BIND else f"{BIND}:{PORT}"

# `up` writes the key below DATA; without it (a check in CI, say) a key that lives as long as the process will do.
SECRET_KEY = env.text("MODELPORT_SECRET_KEY") or env.recorded(DATA / "run" / "secret-key") or secrets.token_urlsafe(50)
# Seal credentials at rest: the first seals, each opens, so a new one is put before the old ones.
ENCRYPTION_KEYS = env.fernet_keys("MODELPORT_ENCRYPTION_KEYS", DATA / "run" / "encryption-key")
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", LISTEN.rpartition(":")[0], *env.words("MODELPORT_HOSTS", [])]
CSRF_TRUSTED_ORIGINS = env.words("MODELPORT_ORIGINS", [])
HTTPS = env.flag("MODELPORT_HTTPS", False)
# Who may say on whose behalf it asks: X-Forwarded-For, -Proto and -Host and X-Request-ID count from these alone.
TRUSTED_PROXIES = env.networks("MODELPORT_TRUSTED_PROXIES")
# How many processes `up` and `run` start; each web process answers as many requests at once as it has threads.
WORKERS = env.number("MODELPORT_WORKERS", 1, least=1)
WEB_WORKERS = env.number("MODELPORT_WEB_WORKERS", 2, least=1)
WEB_THREADS = env.number("MODELPORT_WEB_THREADS", 8, least=1)

INSTALLED_APPS = [
    "console.apps.ConsoleConfig",
    "importers.apps.ImportersConfig",
    "serving.apps.ServingConfig",
    "registry.apps.RegistryConfig",
    "stores.apps.StoresConfig",
    "accounts.apps.AccountsConfig",
    "console.apps.DeskConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "axes",
    "csp",
    "django_guid",
    "django_htmx",
]
MIDDLEWARE = [
    "console.middleware.TrustedProxies",
    "django_guid.middleware.guid_middleware",
    "console.middleware.RequestLog",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "accounts.middleware.TokenMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "accounts.middleware.WorkspaceMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "console.urls"
WSGI_APPLICATION = "console.wsgi.application"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "console.context_processors.page",
            ],
            "builtins": ["console.templatetags.console"],
        },
    }
]

DATABASES: dict[str, Any] = {
    "default": dj_database_url.config(
        default=f"sqlite:///{quote(str(DATA / 'modelport.sqlite3'))}", conn_max_age=60, conn_health_checks=True
    )
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
else:
    DATABASES["default"].setdefault("OPTIONS", {}).setdefault("connect_timeout", 10)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# People
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOGIN_URL = "accounts:login"
LOGIN_REDIRECT_URL = "/"
AXES_FAILURE_LIMIT = env.number("MODELPORT_LOGIN_ATTEMPTS", 5, least=1)
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_TEMPLATE = "accounts/locked.html"
AXES_VERBOSE = False
AXES_ENABLE_ADMIN = False  # `manage.py axes_reset_username NAME` opens a locked account at once.
# How long the link of an invitation works.
INVITATION_SECONDS = env.seconds("MODELPORT_INVITATION_SECONDS", 7 * 24 * 3600, least=60)

# Languages and time
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese"))]
LOCALE_PATHS = [BASE_DIR / "console" / "locale"]
USE_TZ = True
TIME_ZONE = env.choice("MODELPORT_TIME_ZONE", "UTC", zoneinfo.available_timezones(), example="Asia/Shanghai")

# Static files and what is stored
STATIC_URL = "/static/"
STATIC_ROOT = DATA / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    **artifact_storages(DATA / "artifacts"),
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
BUCKETS_ROOT = DATA / "buckets"
# Only the upload page takes files, and never into memory; it names its own handler.
FILE_UPLOAD_HANDLERS = ["console.uploads.NoFiles"]
DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FILES = 1000

# Protection of the pages
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz)$"]
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}

# The broker is only a bell (states are rows), so publishing never waits long for it.
CELERY_BROKER_URL = env.text("REDIS_URL") or env.recorded(DATA / "run" / "broker-url")
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_PUBLISH_RETRY = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# Zero is the first to be taken: a sweep never waits behind a long queue, where it would be too old before its turn.
# Builds wait in a queue of their own, as they take minutes: imports, rollouts and proofs never stand behind them.
CELERY_TASK_ROUTES = {
    "serving.prepare": {"queue": "builds", "priority": 6},
    "serving.make_environment": {"queue": "builds", "priority": 6},
    "*": {"priority": 6},
}
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 900,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "socket_connect_timeout": 2,
    "socket_timeout": 30,
    # A broker that is down is told at once; the sweep rings again.
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0,
    "interval_max": 0,
}
IMPORT_SWEEP_SECONDS = env.seconds("MODELPORT_IMPORT_SWEEP_SECONDS", 10, least=0.1)
ARTIFACT_SWEEP_SECONDS = env.seconds("MODELPORT_ARTIFACT_SWEEP_SECONDS", 3600, least=0.1)
UPLOAD_SWEEP_SECONDS = env.seconds("MODELPORT_UPLOAD_SWEEP_SECONDS", 60, least=0.1)
SERVICE_SWEEP_SECONDS = env.seconds("MODELPORT_SERVICE_SWEEP_SECONDS", 5, least=0.1)
EXPORT_SWEEP_SECONDS = env.seconds("MODELPORT_EXPORT_SWEEP_SECONDS", 10, least=0.1)
BUILD_SWEEP_SECONDS = env.seconds("MODELPORT_BUILD_SWEEP_SECONDS", 5, least=0.1)
ENVIRONMENT_SWEEP_SECONDS = env.seconds("MODELPORT_ENVIRONMENT_SWEEP_SECONDS", 3600, least=0.1)
CALLS_SWEEP_SECONDS = env.seconds("MODELPORT_CALLS_SWEEP_SECONDS", 3600, least=0.1)
MLFLOW_SWEEP_SECONDS = env.seconds("MODELPORT_MLFLOW_SWEEP_SECONDS", 15, least=0.1)
PROOF_SWEEP_SECONDS = env.seconds("MODELPORT_PROOF_SWEEP_SECONDS", 5, least=0.1)


def _every(seconds: float, task: str) -> dict[str, Any]:
    """A sweep that nobody took before the next one is due is dropped, so they never pile up."""
    return {"task": task, "schedule": seconds, "options": {"expires": seconds, "priority": 0}}


CELERY_BEAT_SCHEDULE = {
    "sweep-imports": _every(IMPORT_SWEEP_SECONDS, "importers.sweep_imports"),
    "sweep-artifacts": _every(ARTIFACT_SWEEP_SECONDS, "importers.sweep_artifacts"),
    "sweep-uploads": _every(UPLOAD_SWEEP_SECONDS, "stores.sweep_uploads"),
    "sweep-exports": _every(EXPORT_SWEEP_SECONDS, "registry.sweep_exports"),
    "sweep-calls": _every(CALLS_SWEEP_SECONDS, "serving.sweep_calls"),
    "sweep-services": _every(SERVICE_SWEEP_SECONDS, "serving.sweep_services"),
    "sweep-service-events": _every(3600, "serving.sweep_service_events"),
    "sweep-mlflow": _every(MLFLOW_SWEEP_SECONDS, "importers.sweep_mlflow"),
    "sweep-preparations": _every(BUILD_SWEEP_SECONDS, "serving.sweep_preparations"),
    "sweep-environments": _every(ENVIRONMENT_SWEEP_SECONDS, "serving.sweep_environments"),
    "sweep-proofs": _every(PROOF_SWEEP_SECONDS, "serving.sweep_proofs"),
}

LOG_LEVEL = env.choice("MODELPORT_LOG_LEVEL", "WARNING", logging.getLevelNamesMapping(), example="INFO")
LOG_FORMAT = env.choice("MODELPORT_LOG_FORMAT", "line", logs.FORMATS, example="json")
LOGGING = logs.logging_config(LOG_FORMAT, LOG_LEVEL)
# An id for each request, which its tasks inherit. TrustedProxies lets one from outside pass.
DJANGO_GUID = {"GUID_HEADER_NAME": "X-Request-ID", "EXPOSE_HEADER": False, "INTEGRATIONS": [CeleryIntegration()]}
