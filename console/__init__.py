"""The console: settings, URLs, the Celery application and the launcher; it may import every app."""

from console.celery import app as celery_app

__all__ = ["celery_app"]
