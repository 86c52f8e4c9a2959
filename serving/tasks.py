"""Entry points of the queue for environments, proofs and services."""

from celery import shared_task

from registry.models import ModelVersion
from serving import building, calls, services_environments
from serving.building import PREPARE


@shared_task(name=PREPARE)
def prepare(version_id: int) -> None:
    version = ModelVersion.objects.select_related("model__workspace").filter(pk=version_id).first()
    if version is not None:
        building.run(version)


@shared_task(name="serving.sweep_preparations")
def sweep_preparations() -> None:
    services_environments.sweep_preparations()


@shared_task(name="serving.sweep_environments")
def sweep_environments() -> None:
    services_environments.sweep_environments()


@shared_task(name="serving.sweep_calls")
def sweep_calls() -> None:
    calls.sweep_calls()
