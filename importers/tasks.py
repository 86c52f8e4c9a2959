"""Celery tasks of importing. Each may be delivered any number of times."""

from celery import shared_task

from importers import pipeline, services, services_mlflow, services_mlflow_sync
from importers.models import ImportJob
from importers.queries_mlflow import due_connections
from importers.services import RUN_IMPORT
from importers.services_mlflow import SYNC_MLFLOW


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


@shared_task(name=SYNC_MLFLOW)
def sync_mlflow(connection_id: int) -> None:
    # Bells pile up while no worker listens; what the first of them had read is not due for the others.
    connection = due_connections().select_related("workspace").filter(pk=connection_id).first()
    if connection is not None:
        services_mlflow_sync.sync_connection(connection)


@shared_task(name="importers.sweep_mlflow")
def sweep_mlflow() -> None:
    services_mlflow.ring_due_connections()
