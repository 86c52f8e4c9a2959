"""What the gateway of a host is to know, asked of the database."""

from collections import defaultdict

from accounts.queries_tokens import tokens_allowing
from accounts.roles import Action
from registry.models import DeploymentType
from serving.models import Desired, Instance, InstanceState, Purpose, Route, Service, ServiceState, Wanted
from serving.routing import RevisionRoute, Routes, ServiceRoute, TokenRoute

ANSWERING = (ServiceState.RUNNING, ServiceState.CONCERNING)
# What is ready of a service that deploys is known before anybody reads that it runs.
COMING = ServiceState.DEPLOYING


def routes_of(host: str) -> Routes:
    """The real-time services with the instances of this host that answer now, and the tokens that open them.

    Whoever may see a workspace may call its services. A service that does not run is there without revisions, so that
    a caller is told that instead of that there is none; one that deploys has some as soon as an instance is ready.
    """
    return Routes(_services(host), _tokens())


def _services(host: str) -> dict[str, ServiceRoute]:
    revisions = _revisions(host)
    rows = Service.objects.filter(kind=DeploymentType.REAL_TIME).exclude(desired=Desired.DELETED).order_by("pk")
    return {
        str(uuid): ServiceRoute(workspace, tuple(_in_force(state, revisions[pk])))
        for pk, uuid, workspace, state in rows.values_list("pk", "uuid", "workspace_id", "state")
    }


def _in_force(state: str, revisions: list[RevisionRoute]) -> list[RevisionRoute]:
    answers = state in ANSWERING or (state == COMING and any(revision.sockets for revision in revisions))
    return revisions if answers else []


def _revisions(host: str) -> dict[int, list[RevisionRoute]]:
    sockets = _sockets(host)
    rows = Route.objects.filter(service__state__in=(*ANSWERING, COMING)).order_by("service_id", "revision__number")
    found: dict[int, list[RevisionRoute]] = defaultdict(list)
    for service, revision, version, weight in rows.values_list(
        "service_id", "revision_id", "revision__version__uuid", "weight"
    ):
        found[service].append(RevisionRoute(str(version), weight, tuple(sockets[revision])))
    return found


def _sockets(host: str) -> dict[int, list[str]]:
    rows = Instance.objects.filter(
        host=host, purpose=Purpose.SERVICE, state=InstanceState.READY, wanted=Wanted.RUNNING, revision__isnull=False
    )
    found: dict[int, list[str]] = defaultdict(list)
    for revision, socket in rows.exclude(socket="").order_by("pk").values_list("revision_id", "socket"):
        found[revision].append(socket)
    return found


def _tokens() -> dict[str, TokenRoute]:
    rows = tokens_allowing(Action.VIEW).order_by("pk").values_list("digest", "workspace_id", "expires_at")
    return {digest: TokenRoute(workspace, end.timestamp() if end else None) for digest, workspace, end in rows}
