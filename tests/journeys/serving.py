"""Environments and instances for journeys, written as their builder and the supervisor of the host write them."""

from urllib.parse import urlsplit

ENVIRONMENT = """
from django.utils.timezone import now
from registry.models import ModelVersion
from serving.environments import python_of
from serving.models import Environment, VersionEnvironment
built, _ = Environment.objects.get_or_create(
    digest="e" * 64, defaults={{"lock": "", "interpreter": "3.11", "state": "ready", "used_at": now()}}
)
python_of(built).parent.mkdir(parents=True, exist_ok=True)
python_of(built).touch()
for version in ModelVersion.objects.filter(uuid="{version}"):
    VersionEnvironment.objects.update_or_create(version=version, defaults={{"environment": built}})
"""
OBSERVE = """
from serving.instance_logs import path_of
from serving.models import Instance, Service
from serving.rollout import reconcile
service = Service.objects.get(uuid="{service}")
reconcile(service)
for instance in Instance.objects.filter(revision__service=service):
    path_of(instance).parent.mkdir(parents=True, exist_ok=True)
    path_of(instance).write_text("model loaded\\n" * 50)
values = {values!r}
Instance.objects.filter(revision__service=service).update(**values)
reconcile(service)
"""
FAILED = {
    "state": "failed",
    "reason_code": "service.instances_failed",
    "reason_params": {"stage": "load", "file": "customize_service.py", "line": 12, "message": "no such file"},
}


def has_environment(console, version):
    """The version of this address can be deployed from now on."""
    console.runs(ENVIRONMENT.format(version=uuid_of(version)))


def observes(console, service, **values):
    """All instances of the service of this address are seen so from now on."""
    console.runs(OBSERVE.format(service=uuid_of(service), values=values))


def uuid_of(address):
    return urlsplit(address).path.split("/")[2]
