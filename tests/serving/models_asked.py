"""What the tests of proofs and predictions share: versions, and the supervisor's part played with a real server."""

import base64
from contextlib import contextmanager
from datetime import timedelta

from django.utils.timezone import now

from importers.package.check import CheckOptions, check_package
from importers.package.local import open_local
from registry import preparation
from registry.models import Status
from serving.instance_logs import path_of
from serving.models import (
    Environment,
    EnvironmentState,
    Instance,
    InstanceState,
    ProofRecord,
    ProofState,
    VersionEnvironment,
)
from tests.factories import make_version
from tests.inference.serving import package_with, serving, starting
from tests.serving.deployed import stand

ANSWERS = """
    def _preprocess(self, data):
        return data

    def _inference(self, data):
        return {"rows": len(data["rows"])}
"""
REFUSES = """
    def _inference(self, data):
        raise ValueError("no such digit")
"""


def config_of(package):
    """The configuration of a package as importing it would store it."""
    with open_local(package, CheckOptions().limits) as found:
        return check_package(found.files, found.read, CheckOptions(folder_name="package")).config.as_dict()


def building(package=None, **values):
    """A version whose build has just ended, held by its builder."""
    version = make_version(
        status=Status.BUILDING, digest="d" * 64, config=config_of(package) if package else {}, **values
    )
    assert preparation.claim_preparation(version, lease=timedelta(minutes=1))
    return version


def normal(package=None, **values):
    """A Normal version that has an environment."""
    version = make_version(config=config_of(package) if package else {}, **values)
    with_environment(version)
    return version


def failed(package):
    """A version whose own sample was answered with an error after its build, of a model that answers by now."""
    version = normal(package, status=Status.FAILED, status_code="proof.hung_up", digest="d" * 64)
    request = {
        "method": "POST",
        "path": "/",
        "headers": {"Content-Type": "application/json"},
        "body": base64.b64encode(b'{"rows": [1, 2]}').decode(),
        "origin": "user",
    }
    ProofRecord.objects.create(version=version, request=request, decides=True, state=ProofState.FAILED)
    return version


def with_environment(version):
    environment = Environment.objects.create(
        digest=f"{version.pk:064}", interpreter="3.11", state=EnvironmentState.READY, used_at=now()
    )
    VersionEnvironment.objects.create(version=version, environment=environment)
    stand(environment)


def observed(instance, state, **values):
    """What the supervisor writes."""
    Instance.objects.filter(pk=instance.pk).update(state=state, **values)
    instance.refresh_from_db()
    return instance


@contextmanager
def running(instance, package, *options):
    """A real server on the package as the ready instance, with its log where logs are."""
    with serving(package, *options) as server:
        started = now() - timedelta(seconds=2)
        values = {"started_at": started, "ready_at": started + timedelta(seconds=1.5), "starts": 1}
        memory = {"peak_memory": 300 * 1024 * 1024, "cpu_seconds": 0.4}
        observed(instance, InstanceState.READY, socket=str(server.path), pid=server.process.pid, **values, **memory)
        yield server


def write_log(instance, text):
    path = path_of(instance)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


__all__ = [
    "ANSWERS",
    "REFUSES",
    "building",
    "failed",
    "normal",
    "observed",
    "package_with",
    "running",
    "starting",
    "write_log",
]
