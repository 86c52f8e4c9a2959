"""Rows of services for tests."""

from decimal import Decimal

from django.conf import settings

from registry.models import DeploymentType
from serving.models import Instance, InstanceState, Purpose, Route, Service, ServiceRevision, ServiceState
from tests.factories import make_version, make_workspace


def make_service(name="digits-service", *, version=None, workspace=None, state=ServiceState.RUNNING, weight=100):
    """A real-time service with one revision; `service.revision` is that."""
    version = version or make_version(workspace=workspace)
    service = Service.objects.create(
        workspace=workspace or make_workspace(),
        kind=DeploymentType.REAL_TIME,
        name=name,
        state=state,
        created_by_name="dev",
    )
    service.revision = add_revision(service, version, weight=weight)
    return service


def add_revision(service, version, *, weight=100):
    revision = ServiceRevision.objects.create(
        service=service,
        version=version,
        number=service.revisions.count() + 1,
        specification="small",
        cpu=Decimal(1),
        memory=1024,
        created_by_name="dev",
    )
    Route.objects.create(service=service, revision=revision, weight=weight)
    return revision


def make_instance(revision, socket="/nowhere", **values):
    fields = {"state": InstanceState.READY, "host": settings.HOST_NAME, "purpose": Purpose.SERVICE} | values
    return Instance.objects.create(
        version=revision.version, revision=revision, socket=str(socket), cpu_limit=1, memory_limit=1024, **fields
    )
