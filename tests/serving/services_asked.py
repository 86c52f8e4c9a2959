"""A deployed service with an instance, as the rollout and the supervisor leave them."""

import struct

from django.urls import reverse

from registry.config import ModelConfig
from serving.models import Instance, Purpose, Route, Service, ServiceRevision, ServiceState
from tests.factories import make_version, make_workspace
from tests.package_builder import make_config
from tests.serving.models_asked import config_of

HTMX = {"HX-Request": "true"}
PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 640, 480) + b"\x08\x02\0\0\0"


def deployed(package=None, *apis, name="shop", workspace=None):
    """A running service of a version with the configuration of a package, or these APIs; nothing runs yet."""
    workspace = workspace or make_workspace()
    version = make_version(
        name=f"{name}-model",
        workspace=workspace,
        config=config_of(package) if package else ModelConfig(apis=apis).as_dict(),
    )
    service = Service.objects.create(workspace=workspace, kind="real-time", name=name, state=ServiceState.RUNNING)
    return add_revision(service, version)


def add_revision(service, version, weight=100):
    number = service.revisions.count() + 1
    revision = ServiceRevision.objects.create(
        service=service, version=version, number=number, specification="small", cpu="1.00", memory=1024
    )
    Route.objects.create(service=service, revision=revision, weight=weight)
    return service


def wanted(service, host):
    revision = service.revisions.last()
    return Instance.objects.create(
        purpose=Purpose.SERVICE, version=revision.version, revision=revision, host=host, cpu_limit=1, memory_limit=1024
    )


def config_with(schema, content_type="application/json", **api):
    request = {"Content-type": content_type, "data": schema}
    return make_config("PyTorch", apis=[{"url": "/", "method": "post", "request": request} | api])


def address_of(service):
    return reverse("serving:service-predict", args=[service.uuid])
