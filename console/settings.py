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
# Object storage: the hosts endpoints may have (none named: every one), and how long the console waits for them.
S3_HOSTS = env.words("MODELPORT_S3_HOSTS", [])
S3_CONNECT_SECONDS = env.seconds("MODELPORT_S3_CONNECT_SECONDS", 5, least=0.1)
S3_READ_SECONDS = env.seconds("MODELPORT_S3_READ_SECONDS", 30, least=0.1)
S3_ATTEMPTS = env.number("MODELPORT_S3_ATTEMPTS", 3, least=1)
# Container registries: the hosts the console may ask (none named: every one), those it may ask without encryption.
REGISTRY_HOSTS = env.words("MODELPORT_REGISTRY_HOSTS", [])
REGISTRY_INSECURE_HOSTS = env.words("MODELPORT_REGISTRY_INSECURE_HOSTS", [])
REGISTRY_CONNECT_SECONDS = env.seconds("MODELPORT_REGISTRY_CONNECT_SECONDS", 5, least=0.1)
REGISTRY_READ_SECONDS = env.seconds("MODELPORT_REGISTRY_READ_SECONDS", 20, least=0.1)
# Tracking servers: the hosts connections may name (none named: every one), and what they may cost.
MLFLOW_HOSTS = env.words("MODELPORT_MLFLOW_HOSTS", [])
MLFLOW_CONNECT_SECONDS = env.seconds("MODELPORT_MLFLOW_CONNECT_SECONDS", 5, least=0.1)
MLFLOW_READ_SECONDS = env.seconds("MODELPORT_MLFLOW_READ_SECONDS", 30, least=0.1)
MLFLOW_MAX_BYTES = env.number("MODELPORT_MLFLOW_MAX_BYTES", 16 * 1024**2, least=1024)
MLFLOW_MAX_RUNS = env.number("MODELPORT_MLFLOW_MAX_RUNS", 20_000, least=1)
MLFLOW_SYNC_SECONDS = env.seconds("MODELPORT_MLFLOW_SYNC_SECONDS", 600)
MLFLOW_SWEEP_SECONDS = env.seconds("MODELPORT_MLFLOW_SWEEP_SECONDS", 15, least=0.1)
MLFLOW_LEASE_SECONDS = env.seconds("MODELPORT_MLFLOW_LEASE_SECONDS", 180, least=0.1)
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
CELERY_TASK_ROUTES = {"*": {"priority": 6}}
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

# Importing: times in seconds, sizes in bytes
IMPORT_LEASE_SECONDS = env.seconds("MODELPORT_IMPORT_LEASE_SECONDS", 60, least=0.1)
# A worker that beats less often than twice in a lease would lose its imports to others.
IMPORT_HEARTBEAT_SECONDS = env.seconds(
    "MODELPORT_IMPORT_HEARTBEAT_SECONDS", min(1, IMPORT_LEASE_SECONDS / 2), least=0.1, most=IMPORT_LEASE_SECONDS / 2
)
IMPORT_RETRY_SECONDS = env.seconds("MODELPORT_IMPORT_RETRY_SECONDS", 20)
IMPORT_ATTEMPTS = env.number("MODELPORT_IMPORT_ATTEMPTS", 3, least=1)
IMPORT_FETCHERS = env.number("MODELPORT_IMPORT_FETCHERS", 4, least=1)
# An object of a bucket that shows the same key, ETag, size and version as before is not fetched again.
TRUST_FINGERPRINTS = env.flag("MODELPORT_TRUST_FINGERPRINTS", True)
PAGE_POLL_SECONDS = env.seconds("MODELPORT_PAGE_POLL_SECONDS", 1, least=0.1)
ARTIFACT_GRACE_SECONDS = env.seconds("MODELPORT_ARTIFACT_GRACE_SECONDS", 24 * 3600)
PACKAGE_MAX_BYTES = env.number("MODELPORT_PACKAGE_MAX_BYTES", 5 * 1024**3)
IMAGE_MAX_BYTES = env.number("MODELPORT_IMAGE_MAX_BYTES", 30 * 1024**3)
IMAGE_PLATFORM = env.text("MODELPORT_IMAGE_PLATFORM", "linux/amd64")
PACKAGE_MAX_FILES = env.number("MODELPORT_PACKAGE_MAX_FILES", 20_000)
PACKAGE_MAX_DEPTH = env.number("MODELPORT_PACKAGE_MAX_DEPTH", 32)
PACKAGE_MAX_KEY_BYTES = env.number("MODELPORT_PACKAGE_MAX_KEY_BYTES", 1024)
PACKAGE_MAX_EXPANSION = env.number("MODELPORT_PACKAGE_MAX_EXPANSION", 100)
UPLOAD_MAX_BYTES = env.number("MODELPORT_UPLOAD_MAX_BYTES", 20 * 1024**3)
UPLOAD_MAX_FILES = env.number("MODELPORT_UPLOAD_MAX_FILES", 100_000)
UPLOAD_LEASE_SECONDS = env.seconds("MODELPORT_UPLOAD_LEASE_SECONDS", 30, least=0.1)
UPLOAD_RETRY_SECONDS = env.seconds("MODELPORT_UPLOAD_RETRY_SECONDS", 20)
UPLOAD_ATTEMPTS = env.number("MODELPORT_UPLOAD_ATTEMPTS", 3, least=1)
UPLOAD_IDLE_SECONDS = env.seconds("MODELPORT_UPLOAD_IDLE_SECONDS", 24 * 3600)
UPLOAD_KEPT_SECONDS = env.seconds("MODELPORT_UPLOAD_KEPT_SECONDS", 7 * 24 * 3600)
EXPORT_LEASE_SECONDS = env.seconds("MODELPORT_EXPORT_LEASE_SECONDS", 60, least=0.1)
EXPORT_HEARTBEAT_SECONDS = env.seconds(
    "MODELPORT_EXPORT_HEARTBEAT_SECONDS", min(1, EXPORT_LEASE_SECONDS / 2), least=0.1, most=EXPORT_LEASE_SECONDS / 2
)
EXPORT_RETRY_SECONDS = env.seconds("MODELPORT_EXPORT_RETRY_SECONDS", 20)
EXPORT_ATTEMPTS = env.number("MODELPORT_EXPORT_ATTEMPTS", 3, least=1)
SCAN_TIMEOUT_SECONDS = env.seconds("MODELPORT_SCAN_TIMEOUT_SECONDS", 600, least=0.1)
SCAN_MEMORY_BYTES = env.number("MODELPORT_SCAN_MEMORY_BYTES", 1024**3)
STRICT_SEED_RULES = env.flag("MODELPORT_STRICT_SEED_RULES", False)

# Serving
# The name of the task that prepares an imported version for serving; with `none` it is Normal at once.
VERSION_PREPARER = env.text("MODELPORT_VERSION_PREPARER", "serving.prepare").removeprefix("none")
# Environments of models: where wheels come from, and what building one may cost (seconds and bytes).
PACKAGE_INDEX = env.text("MODELPORT_PACKAGE_INDEX")
FIND_LINKS = env.words("MODELPORT_FIND_LINKS", [])
BUILD_TIMEOUT_SECONDS = env.seconds("MODELPORT_BUILD_TIMEOUT_SECONDS", 1800, least=1)
BUILD_MEMORY_BYTES = env.number("MODELPORT_BUILD_MEMORY_BYTES", 8 * 1024**3, least=1024**3)
BUILD_MAX_BYTES = env.number("MODELPORT_BUILD_MAX_BYTES", 10 * 1024**3, least=1024**2)
BUILD_LEASE_SECONDS = env.seconds("MODELPORT_BUILD_LEASE_SECONDS", 20, least=0.1)
BUILD_HEARTBEAT_SECONDS = env.seconds(
    "MODELPORT_BUILD_HEARTBEAT_SECONDS", min(1, BUILD_LEASE_SECONDS / 2), least=0.1, most=BUILD_LEASE_SECONDS / 2
)
BUILD_RETRY_SECONDS = env.seconds("MODELPORT_BUILD_RETRY_SECONDS", 30)
BUILD_ATTEMPTS = env.number("MODELPORT_BUILD_ATTEMPTS", 3, least=1)
# Dependencies without a wheel, where a workspace allows to build them: cores and MiB, and what else it may cost.
SOURCE_SPEC = env.spec("MODELPORT_SOURCE_SPEC", "2,2048")
SOURCE_TIMEOUT_SECONDS = env.seconds("MODELPORT_SOURCE_TIMEOUT_SECONDS", 900, least=1)
SOURCE_PROCESSES = env.number("MODELPORT_SOURCE_PROCESSES", 256, least=16)
SOURCE_MAX_BYTES = env.number("MODELPORT_SOURCE_MAX_BYTES", 256 * 1024**2, least=1024)
SOURCE_TEMPORARY_BYTES = env.number("MODELPORT_SOURCE_TEMPORARY_BYTES", 1024**3, least=1024**2)
SOURCE_PACKAGES = env.number("MODELPORT_SOURCE_PACKAGES", 10, least=1)
ENVIRONMENT_GRACE_SECONDS = env.seconds("MODELPORT_ENVIRONMENT_GRACE_SECONDS", 7 * 24 * 3600)

# Serving: instances on this host. As root each gets a user of its own, from the first on.
SANDBOX_FIRST_UID = env.number("MODELPORT_SANDBOX_FIRST_UID", 200_000, least=1000)
SANDBOX_UIDS = env.number("MODELPORT_SANDBOX_UIDS", 10_000, least=1)
SANDBOX_PROCESSES = env.number("MODELPORT_SANDBOX_PROCESSES", 512, least=16)
SANDBOX_TEMPORARY_BYTES = env.number("MODELPORT_SANDBOX_TEMPORARY_BYTES", 256 * 1024**2, least=4096)
INSTANCE_LOG_BYTES = env.number("MODELPORT_INSTANCE_LOG_BYTES", 8 * 1024**2, least=1024)
INSTANCE_HEALTH_SECONDS = env.seconds("MODELPORT_INSTANCE_HEALTH_SECONDS", 5, least=0.1)
INSTANCE_UNHEALTHY_SECONDS = env.seconds("MODELPORT_INSTANCE_UNHEALTHY_SECONDS", 60, least=0.1)
INSTANCE_CRASHES = env.number("MODELPORT_INSTANCE_CRASHES", 5, least=1)
INSTANCE_CRASH_SECONDS = env.seconds("MODELPORT_INSTANCE_CRASH_SECONDS", 600, least=1)
INSTANCE_RETRY_SECONDS = env.seconds("MODELPORT_INSTANCE_RETRY_SECONDS", 10, least=0.1)
# `up` waits ten seconds for its children.
INSTANCE_GRACE_SECONDS = env.seconds("MODELPORT_INSTANCE_GRACE_SECONDS", 6, least=0.1)
PACKAGE_KEPT_SECONDS = env.seconds("MODELPORT_PACKAGE_KEPT_SECONDS", 24 * 3600)

# Serving: the gateway
GATEWAY_BODY_BYTES = env.number("MODELPORT_GATEWAY_BODY_BYTES", 12 * 1024**2, least=1)
GATEWAY_SECONDS = env.seconds("MODELPORT_GATEWAY_SECONDS", 40, least=0.1)
# The server of a model works on one and lets sixteen more wait.
GATEWAY_CALLS = env.number("MODELPORT_GATEWAY_CALLS", 16, least=1)
GATEWAY_CONNECTIONS = env.number("MODELPORT_GATEWAY_CONNECTIONS", 1024, least=1)
CALLS_KEPT_SECONDS = env.seconds("MODELPORT_CALLS_KEPT_SECONDS", 30 * 24 * 3600)

# Proofs: what each is given at least (cores and MiB), and how long is waited for its start and its answer.
PROOF_SPEC = env.spec("MODELPORT_PROOF_SPEC", "1,2048")
PROOF_PATIENCE_SECONDS = env.seconds("MODELPORT_PROOF_PATIENCE_SECONDS", 600, least=1)
PROOF_ANSWER_SECONDS = env.seconds("MODELPORT_PROOF_ANSWER_SECONDS", 40, least=0.1, most=600)
PROOF_ANSWER_BYTES = env.number("MODELPORT_PROOF_ANSWER_BYTES", 1024**2, least=1024, most=64 * 1024**2)
PROOF_ATTEMPTS = env.number("MODELPORT_PROOF_ATTEMPTS", 3, least=1)
PROOF_LEASE_SECONDS = PROOF_ANSWER_SECONDS + 20
PROOF_NOTICE_SECONDS = 10
PROOF_KEPT_SECONDS = env.seconds("MODELPORT_PROOF_KEPT_SECONDS", 3600)

# Serving
# How many real-time services one person may have in a workspace; stopped ones count, too.
SERVICE_QUOTA = env.number("MODELPORT_SERVICE_QUOTA", 20, least=1)
SERVICE_EVENT_SECONDS = env.seconds("MODELPORT_SERVICE_EVENT_SECONDS", 30 * 24 * 3600, least=60)
# What services may use of this machine together; 0 is all it has.
POOL_CORES = env.number("MODELPORT_POOL_CORES", 0)
POOL_MEMORY_MIB = env.number("MODELPORT_POOL_MEMORY_MIB", 0)

LOG_LEVEL = env.choice("MODELPORT_LOG_LEVEL", "WARNING", logging.getLevelNamesMapping(), example="INFO")
LOG_FORMAT = env.choice("MODELPORT_LOG_FORMAT", "line", logs.FORMATS, example="json")
LOGGING = logs.logging_config(LOG_FORMAT, LOG_LEVEL)
# An id for each request, which its tasks inherit. TrustedProxies lets one from outside pass.
DJANGO_GUID = {"GUID_HEADER_NAME": "X-Request-ID", "EXPOSE_HEADER": False, "INTEGRATIONS": [CeleryIntegration()]}
