"""Settings of the tests: short waits, own folders, the database from the environment."""

import tempfile
from pathlib import Path

from console.settings import *  # noqa: F403
from console.settings import DATABASES, STORAGES

_ROOT = Path(tempfile.mkdtemp(prefix="modelport-tests-"))
SECRET_KEY = "tests-only"
ENCRYPTION_KEYS = ["0" * 43 + "="]
DATA = _ROOT
BUCKETS_ROOT = _ROOT / "buckets"
STATIC_ROOT = _ROOT / "static"
STATIC_ROOT.mkdir()
S3_CONNECT_SECONDS, S3_READ_SECONDS, S3_ATTEMPTS = 2, 10, 3
REGISTRY_INSECURE_HOSTS = ["127.0.0.1", "localhost"]
REGISTRY_CONNECT_SECONDS, REGISTRY_READ_SECONDS = 2, 10
# Most tests end where a version is handed over; those of building set it.
VERSION_PREPARER = ""
BUILD_LEASE_SECONDS, BUILD_HEARTBEAT_SECONDS, BUILD_RETRY_SECONDS = 10, 0.2, 0
STORAGES = STORAGES | {
    "artifacts": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(_ROOT / "artifacts")},
    },
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
INSTANCE_HEALTH_SECONDS, INSTANCE_UNHEALTHY_SECONDS, INSTANCE_RETRY_SECONDS = 1, 2, 0.5
INSTANCE_GRACE_SECONDS, INSTANCE_CRASHES, INSTANCE_LOG_BYTES = 2, 2, 256 * 1024
CELERY_BROKER_URL = "memory://"
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # A file, as in production: several threads and processes meet there, which a database in memory refuses.
    DATABASES["default"]["TEST"] = {"NAME": str(_ROOT / "test.sqlite3")}
