"""Entry points of the queue for environments, proofs and services. Each may be delivered any number of times."""

from celery import shared_task

from registry.models import ModelVersion
from serving import building, building_making, calls, proof, rollout, services_environments
from serving.models import Instance, ProofRecord, Service, VersionEnvironment
from serving.services import RECONCILE


@shared_task(name=building.PREPARE)
def prepare(version_id: int) -> None:
    version = ModelVersion.objects.select_related("model__workspace").filter(pk=version_id).first()
    if version is not None:
        building.run(version)


@shared_task(name=building_making.MAKE)
def make_environment(version_id: int) -> None:
    records = VersionEnvironment.objects.select_related("version", "environment")
    record = records.filter(version=version_id).first()
    if record is not None:
        building_making.run(record)


@shared_task(name="serving.sweep_preparations")
def sweep_preparations() -> None:
    services_environments.sweep_preparations()


@shared_task(name="serving.sweep_environments")
def sweep_environments() -> None:
    services_environments.sweep_environments()


@shared_task(name="serving.instance_changed")
def instance_changed(instance_id: int) -> None:
    instance = Instance.objects.select_related("revision__service").filter(pk=instance_id).first()
    if instance is not None:
        proof.on_instance_change(instance)
        rollout.on_instance_change(instance)


@shared_task(name=proof.RUN_PROOF)
def run_proof(record_id: int) -> None:
    record = ProofRecord.objects.select_related("instance", "version").filter(pk=record_id).first()
    if record is not None:
        proof.run(record)


@shared_task(name="serving.sweep_proofs")
def sweep_proofs() -> None:
    proof.sweep()


@shared_task(name=RECONCILE)
def reconcile(service_id: int) -> None:
    service = Service.objects.filter(pk=service_id).first()
    if service is not None:
        rollout.reconcile(service)


@shared_task(name="serving.sweep_services")
def sweep_services() -> None:
    rollout.sweep()


@shared_task(name="serving.sweep_service_events")
def sweep_service_events() -> None:
    rollout.forget_events()


@shared_task(name="serving.sweep_calls")
def sweep_calls() -> None:
    calls.sweep_calls()
