"""Entry points of the queue for environments, proofs and services."""

from celery import shared_task

from serving import rollout
from serving.models import Instance, Service
from serving.services import RECONCILE


@shared_task(name=RECONCILE)
def reconcile(service_id: int) -> None:
    service = Service.objects.filter(pk=service_id).first()
    if service is not None:
        rollout.reconcile(service)


@shared_task(name="serving.instance_changed")
def instance_changed(instance_id: int) -> None:
    instance = Instance.objects.select_related("revision__service").filter(pk=instance_id).first()
    if instance is not None:
        rollout.on_instance_change(instance)


@shared_task(name="serving.sweep_services")
def sweep_services() -> None:
    rollout.sweep()


@shared_task(name="serving.sweep_service_events")
def sweep_service_events() -> None:
    rollout.forget_events()
