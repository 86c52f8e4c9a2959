"""Environments and instances for journeys, written as their builder and the supervisor of the host write them."""

import fcntl
from contextlib import contextmanager
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
from serving.snapshots import write_snapshot
service = Service.objects.get(uuid="{service}")
reconcile(service)
for instance in Instance.objects.filter(revision__service=service):
    path_of(instance).parent.mkdir(parents=True, exist_ok=True)
    path_of(instance).write_text("model loaded\\n" * 50)
values = {values!r}
Instance.objects.filter(revision__service=service).update(**values)
reconcile(service)
write_snapshot()
"""
PROVED = """
from registry.models import ModelVersion
from serving.models import ProofRecord
version = ModelVersion.objects.get(uuid="{version}")
request = {{"method": "POST", "path": "/", "headers": {{"Content-Type": "application/json"}}, "origin": "user"}}
answer = {{"status": 200, "headers": {{"Content-Type": "application/json"}}, "cut": False}}
ProofRecord.objects.create(
    version=version, state="failed", decides=True, reason_code="proof.too_slow", reason_params={{"seconds": "40"}},
    request=request | {{"body": "eyJyb3dzIjogWzFdfQ=="}}, start_seconds=1.5, log="model loaded\\n" * 30,
)
ProofRecord.objects.create(
    version=version, state="answered", asked_by_name="ann", request=request | {{"body": "eyJyb3dzIjogWzFdfQ=="}},
    answer=answer | {{"body": "eyJsYWJlbHMiOiBbImEiXX0="}}, start_seconds=1.5, answer_seconds=0.004,
    peak_memory=99_000_000, suggestion={{"cpu": 1, "memory": 1024}},
)
"""
CALLED = """
from datetime import timedelta
from django.utils.timezone import now
from serving.models import CallMinute, Service, ServiceRevision
service = Service.objects.get(uuid="{service}")
version = ServiceRevision.objects.filter(service=service).first().version
begin = now().replace(second=0, microsecond=0)
for ago in range(1, 30, 3):
    CallMinute.objects.create(
        service=service, version=version, minute=begin - timedelta(minutes=ago),
        calls=40 + ago, failures=ago % 4, latencies={{"20": 30 + ago, "25": 10}},
    )
"""
NOT_BUILT = """
from registry.models import ModelVersion, Status
from serving.models import VersionEnvironment
version = ModelVersion.objects.get(uuid="{version}")
ModelVersion.objects.filter(pk=version.pk).update(
    status=Status.BUILD_FAILED, status_code="build.source_not_allowed",
    status_params={{"requirements": "numpy==1.15.4", "interpreter": "CPython 3.11.7"}},
)
VersionEnvironment.objects.update_or_create(version=version, defaults={{
    "requirements": ["numpy==1.15.4"], "log": "numpy==1.15.4 has no wheels\\n" * 20,
    "proposals": [{{"name": "numpy", "declared": "numpy==1.15.4", "taken": "numpy==1.26.4"}}],
}})
"""
FAILED = {
    "state": "failed",
    "reason_code": "service.instances_failed",
    "reason_params": {"stage": "load", "file": "customize_service.py", "line": 12, "message": "no such file"},
}


@contextmanager
def supervised_by_us(data):
    """No supervisor of the console's own takes what is played here: it finds its data folder supervised already."""
    run = data / "run"
    run.mkdir(parents=True, mode=0o700)
    with (run / "supervisor.lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def has_environment(console, version):
    """The version of this address can be deployed from now on."""
    console.runs(ENVIRONMENT.format(version=uuid_of(version)))


def observes(console, service, **values):
    """All instances of the service of this address are seen so from now on."""
    console.runs(OBSERVE.format(service=uuid_of(service), values=values))


def is_proved(console, version):
    """The version of this address failed its proof, and answered when it was asked again."""
    console.runs(PROVED.format(version=uuid_of(version)))


def is_called(console, service):
    """The service of this address was asked for half an hour."""
    console.runs(CALLED.format(service=uuid_of(service)))


def is_not_built(console, version):
    """The environment of the version of this address cannot be built, but another one could."""
    console.runs(NOT_BUILT.format(version=uuid_of(version)))


def uuid_of(address):
    return urlsplit(address).path.split("/")[2]
