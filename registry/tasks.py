"""Celery tasks of the registry. Each may be delivered any number of times."""

from celery import shared_task

from registry import exports_job, services_exports
from registry.models_exports import ExportJob
from registry.services_exports import RUN_EXPORT


@shared_task(name=RUN_EXPORT)
def run_export(job_id: int) -> None:
    jobs = ExportJob.objects.select_related("version__model", "bucket__workspace", "workspace", "created_by")
    job = jobs.filter(pk=job_id).first()
    if job is not None:
        exports_job.run(job)


@shared_task(name="registry.sweep_exports")
def sweep_exports() -> None:
    services_exports.sweep_exports()
