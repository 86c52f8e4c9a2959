"""Rows for tests of services: versions with an environment, services, and a supervisor that is played."""

from django.utils.timezone import now

from serving import rollout
from serving.environments import python_of
from serving.models import (
    Environment,
    EnvironmentState,
    Instance,
    InstanceState,
    Service,
    VersionEnvironment,
    Wanted,
)
from serving.services import Deployment, deploy
from tests.factories import make_member, make_version

SMALLEST = "modelarts.vm.cpu.1u"
CONFIG = {
    "model_type": "Scikit_Learn",
    "apis": [
        {
            "protocol": "https",
            "url": "/predict",
            "method": "post",
            "request": {
                "Content-type": "application/json",
                "data": {"type": "object", "properties": {"req_data": {"type": "array"}}},
            },
            "response": {"Content-type": "application/json", "data": {}},
        }
    ],
}


def make_deployable(name="digits", number=(0, 0, 1), *, state=EnvironmentState.READY, **values):
    """A Normal version whose environment is built."""
    version = make_version(name, number, **values)
    environment, _ = Environment.objects.get_or_create(
        digest="d" * 64, defaults={"lock": "", "interpreter": "3.11", "state": state, "used_at": now()}
    )
    VersionEnvironment.objects.create(version=version, environment=environment)
    stand(environment)
    return version


def stand(environment):
    """Its interpreter is there, as far as anybody looks who does not start it."""
    python_of(environment).parent.mkdir(parents=True, exist_ok=True)
    python_of(environment).touch()


def make_service(version=None, *, by=None, name="service-ab12", **values):
    """Deployed as the form does it: DEPLOYING, and nothing done yet."""
    by = by or make_member("ann")
    version = version or make_deployable()
    wanted = Deployment(name=name, specification=values.pop("specification", SMALLEST), **values)
    return deploy(version, wanted, by=by)


def instances_of(service):
    return Instance.objects.filter(revision__service=service).order_by("pk")


def observe(service, *states, **values):
    """What the supervisor would write of the service's instances, in their order, and the bells it rings."""
    rows = instances_of(service).filter(wanted=Wanted.RUNNING)
    for row, state in zip(list(rows), states, strict=True):
        Instance.objects.filter(pk=row.pk).update(state=state, **values)
    rollout.reconcile(service)
    service.refresh_from_db()


def obey(service):
    """What the supervisor does with instances that nobody wants any more."""
    rollout.reconcile(service)
    rows = instances_of(service).filter(wanted=Wanted.STOPPED).exclude(state=InstanceState.FAILED)
    rows.update(state=InstanceState.STOPPED)
    rollout.reconcile(service)


def make_running(version=None, **values):
    """A service that answers."""
    service = make_service(version, **values)
    rollout.reconcile(service)
    count = instances_of(service).count()
    observe(service, *[InstanceState.READY] * count)
    return Service.objects.get(pk=service.pk)


def fail(service, **params):
    observe(service, *[InstanceState.FAILED] * 2, reason_code="service.instances_failed", reason_params=params)
