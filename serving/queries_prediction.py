"""Whom a prediction of the service page may ask."""

from django.conf import settings

from serving.models import Instance, InstanceState, Service, ServiceRevision
from serving.queries_services import LARGE_OF_VERSION

_UNUSED = [name for name in LARGE_OF_VERSION if name not in {"version__config", "version__sample"}]


def askable_revisions(service: Service) -> list[ServiceRevision]:
    """Those that answer requests, in their order, with version, model, configuration and sample loaded."""
    rows = service.revisions.filter(route__isnull=False).select_related("version__model").defer(*_UNUSED)
    return list(rows.order_by("number"))


def ready_instance(revision: ServiceRevision) -> Instance | None:
    """One of its ready instances on this host."""
    ready = Instance.objects.filter(revision=revision, state=InstanceState.READY, host=settings.HOST_NAME)
    return ready.order_by("id").first()
