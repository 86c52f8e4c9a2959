"""What the pages of container registries share: the connection a request asks for, and how its last test went."""

import logging
from dataclasses import dataclass
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _

from accounts.requests import ConsoleRequest, workspace_for
from accounts.roles import Action
from stores.errors import SourceRefused, SourceUnavailable
from stores.messages import message_of
from stores.models import RegistryConnection
from stores.models_registries import NO_CATALOG, WORKS
from stores.queries import registries_for
from stores.services_registries import check_registry, record_check

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LastTest:
    """What the list says of the last test; `kind` is that of a status sign, `why` is empty where all worked."""

    kind: str
    words: str
    why: str = ""


def connection_of(request: ConsoleRequest, code: UUID, action: Action = Action.VIEW) -> RegistryConnection:
    """A connection of the workspace the request works in: 404 when there is none, 403 when `action` is not allowed."""
    connections = registries_for(request.user, request.workspace).select_related("workspace")
    connection = get_object_or_404(connections, uuid=code)
    if action is not Action.VIEW:
        workspace_for(request, action)
    return connection


def last_test(connection: RegistryConnection) -> LastTest:
    if connection.checked_at is None:
        return LastTest("idle", _("Not tested"))
    if connection.check_code == WORKS:
        return LastTest("good", _("Worked"))
    error = SourceRefused(connection.check_code, **connection.check_params)
    if connection.check_code == NO_CATALOG:
        return LastTest("warn", _("Worked, lists nothing"), message_of(error))
    return LastTest("bad", _("Did not work"), message_of(error))


def note_answer(connection: RegistryConnection, error: SourceRefused | SourceUnavailable | None) -> None:
    """Keep with the connection what a look at the registry came to, where that is not what its last test says."""
    if error is not None:
        log_unavailable(connection.address, error)
    if isinstance(error, SourceUnavailable):
        record_check(connection, error)
    elif error is None and connection.check_code not in ("", WORKS, NO_CATALOG):
        check_registry(connection)


def log_unavailable(address: str, error: SourceRefused | SourceUnavailable) -> None:
    """Tell the operator of a registry that did not answer; refusals are the matter of whoever asked."""
    if isinstance(error, SourceUnavailable):
        facts = {"registry": address, "code": error.code, "reason": str(error)}
        logger.warning("registry unavailable", extra=facts)
