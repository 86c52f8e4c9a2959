"""Celery tasks of importing. Each may be delivered any number of times."""

from celery import shared_task

from importers import pipeline, services
from importers.models import ImportJob
from importers.services import RUN_IMPORT


@shared_task(name=RUN_IMPORT)
def run_import(job_id: int) -> None:
    job = ImportJob.objects.select_related("version__model", "workspace").filter(pk=job_id).first()
    if job is not None:
        pipeline.run(job)


@shared_task(name="importers.sweep_imports")
def sweep_imports() -> None:
    services.sweep_imports()


@shared_task(name="importers.sweep_artifacts")
def sweep_artifacts() -> None:
    services.sweep_artifacts()
