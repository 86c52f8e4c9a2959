"""The Celery application; tasks live in each app's tasks.py and are rung by name."""

import os
import signal
from logging.config import dictConfig
from typing import Any

from celery import Celery, signals
from django.conf import settings

from console import logs
from registry import shutdown

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")

app = Celery("modelport")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

# What the first argument of a task is, in the log.
SUBJECTS = {
    "importers.run_import": "job",
    "stores.unpack_upload": "upload",
    "registry.run_export": "export",
    "serving.prepare": "version",
    "serving.make_environment": "version",
}


@signals.setup_logging.connect
def set_up_logging(**_options: Any) -> None:
    """In place of Celery's own, which would write in another form."""
    dictConfig(settings.LOGGING)


@signals.task_prerun.connect
def name_work(*, task_id: str, task: Any, args: tuple[Any, ...] | list[Any], **_options: Any) -> None:
    subject = {SUBJECTS[task.name]: args[0]} if task.name in SUBJECTS and args else {}
    logs.work_on({"task": task.name, "task_id": task_id, **subject})


@signals.task_postrun.connect
def end_work(**_options: Any) -> None:
    logs.work_on(None)


@signals.worker_init.connect
def begin(**_options: Any) -> None:
    shutdown.begin()


@signals.worker_ready.connect
def stop_on_hangup(**_options: Any) -> None:
    """Celery would start itself anew, which fails as it is started here; what supervises it does that well."""
    signal.signal(signal.SIGHUP, signal.getsignal(signal.SIGTERM))


@signals.worker_shutting_down.connect
def hand_back_work(**_options: Any) -> None:
    """A stopping worker waits for its tasks: imports and exports end at once, by going back into the queue."""
    shutdown.ask()
