"""What the gateway of a host is to know, asked of the database."""

import re
from collections import defaultdict
from uuid import UUID

from accounts.queries_tokens import tokens_allowing
from accounts.roles import Action
from registry.config import ModelConfig
from registry.models import DeploymentType, ModelVersion
from serving.models import Desired, Instance, InstanceState, Purpose, Route, Service, ServiceState, Wanted
from serving.routing import Methods, RevisionRoute, Routes, ServiceRoute, TokenRoute

ANSWERING = (ServiceState.RUNNING, ServiceState.CONCERNING)
# What is ready of a service that deploys is known before anybody reads that it runs.
COMING = ServiceState.DEPLOYING
# What the versions that have a route declare, by their uuid.
_METHODS: dict[UUID, Methods] = {}
_METHOD = re.compile(r"[A-Za-z]+")


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
    routes = Route.objects.filter(service__state__in=(*ANSWERING, COMING)).order_by("service_id", "revision__number")
    rows = list(routes.values_list("service_id", "revision_id", "revision__version__uuid", "weight"))
    _learn_methods({version for _service, _revision, version, _weight in rows})
    found: dict[int, list[RevisionRoute]] = defaultdict(list)
    for service, revision, version, weight in rows:
        found[service].append(RevisionRoute(str(version), weight, tuple(sockets[revision]), _METHODS.get(version, ())))
    return found


def _learn_methods(versions: set[UUID]) -> None:
    """What a version declares never changes once it can be deployed, and is too large to be read twice a second."""
    for version in _METHODS.keys() - versions:
        del _METHODS[version]
    if unknown := versions - _METHODS.keys():
        for version, config in ModelVersion.objects.filter(uuid__in=unknown).values_list("uuid", "config"):
            _METHODS[version] = _methods_of(ModelConfig.from_dict(config))


def _methods_of(config: ModelConfig) -> Methods:
    """Of what no request can ask for, such as a path with an umlaut, the gateway need not know."""
    found: dict[str, list[str]] = {}
    for api in config.apis:
        if api.url.isascii() and _METHOD.fullmatch(api.method):
            found.setdefault("/" + api.url.lstrip("/"), []).append(api.method.upper())
    return tuple((path, tuple(methods)) for path, methods in sorted(found.items()))


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
