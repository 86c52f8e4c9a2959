"""Commands on connections to container registries, and what an image of one of them is."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

from django.db import IntegrityError, transaction
from django.utils.timezone import now

from accounts.models import User, Workspace
from accounts.secrets import SecretUnreadable, seal, unseal
from accounts.services import record_audit
from stores.errors import SourceRefused, SourceUnavailable
from stores.models import RegistryConnection
from stores.models_registries import NO_CATALOG, WORKS
from stores.oci import Names, RegistryClient
from stores.oci_images import USUAL_PLATFORM, ImageFacts
from stores.oci_place import RegistryPlace
from stores.paths import shown
from stores.paths_images import ImageReference, is_platform, is_repository, parse_reference

# What a saved password belongs to: to nothing else is it ever sent, and by nobody else is it read on its way.
_BELONGS = ("address", "insecure", "token_host", "ca", "username")

Verdict = SourceRefused | SourceUnavailable | Literal[True]


@dataclass(frozen=True)
class RegistryEntry:
    """What a person typed about a connection: its name, how it is reached, and what may be used of it."""

    name: str
    place: RegistryPlace
    repositories: tuple[str, ...] = ()


@dataclass(frozen=True)
class Checked:
    """What trying a registry found out: whether it wanted a user or a token, and whether it lists repositories."""

    signed_in: bool
    catalog: Verdict

    @property
    def code(self) -> str:
        return WORKS if self.catalog is True else self.catalog.code

    @property
    def params(self) -> dict[str, Any]:
        return {} if self.catalog is True else self.catalog.params


def probe_registry(place: RegistryPlace) -> Checked:
    """Ask a registry whether it is there, takes the user, and lists repositories; raises why it cannot be used.

    Nothing is stored.
    """
    client = RegistryClient(place)
    client.ping()
    try:
        client.may_list()
    except SourceRefused as refused:
        # A registry that does not ask who is there may do so for its repositories alone.
        if refused.code != NO_CATALOG:
            raise
        return Checked(client.signed_in, refused)
    return Checked(client.signed_in, True)


@transaction.atomic
def connect_registry(workspace: Workspace, entry: RegistryEntry, *, by: User | None) -> RegistryConnection:
    """Connect a workspace to a registry, which is not asked for it."""
    connection = RegistryConnection(workspace=workspace, name=entry.name, **_columns(entry), **_sealed(entry.place))
    with _taking_name(entry.name):
        connection.save(force_insert=True)
    record_audit(workspace, "registry.connected", by=by, registry=entry.name, **_told(entry))
    return connection


@transaction.atomic
def edit_registry(connection: RegistryConnection, entry: RegistryEntry, *, by: User) -> None:
    """Give a connection another name, another way to its registry, or other repositories; its last test is void."""
    values = {"name": entry.name, **_columns(entry), **_sealed(entry.place)}
    changed = [name for name, value in values.items() if name != "password" and value != getattr(connection, name)]
    values |= {"checked_at": None, "check_code": "", "check_params": {}}
    for name, value in values.items():
        setattr(connection, name, value)
    with _taking_name(entry.name):
        connection.save(update_fields=[*values])
    told = _told(entry) | {"changed": changed}
    record_audit(connection.workspace, "registry.edited", by=by, registry=entry.name, **told)


@transaction.atomic
def remove_registry(connection: RegistryConnection, *, by: User) -> None:
    """Forget a connection and its password; nothing in the registry is touched, and versions stay as they are."""
    record_audit(connection.workspace, "registry.removed", by=by, registry=connection.name, address=connection.address)
    connection.delete()


def record_check(connection: RegistryConnection, outcome: Checked | SourceRefused | SourceUnavailable) -> None:
    """Keep what a test came to, for the list."""
    connection.checked_at = now()
    connection.check_code, connection.check_params = outcome.code, outcome.params
    connection.save(update_fields=["checked_at", "check_code", "check_params"])


def check_registry(connection: RegistryConnection) -> Checked | SourceRefused | SourceUnavailable:
    """Try a connection as it is saved and keep what came of it, which is also returned."""
    outcome: Checked | SourceRefused | SourceUnavailable
    try:
        outcome = probe_registry(place_of(connection))
    except (SourceRefused, SourceUnavailable) as error:
        outcome = error
    record_check(connection, outcome)
    return outcome


def resolve_image(
    workspace: Workspace, reference: str, *, platform: str = USUAL_PLATFORM, seconds: float | None = None
) -> ImageFacts:
    """What an image of one of the workspace's registries is now, pinned by digest; nothing is fetched or stored.

    With `seconds` all answers of the registry together may take no longer.

    Raises SourceRefused where the reference is none, its registry is not connected (`image.not_connected`), the
    connection does not allow its repository (`image.not_allowed`), or it is not made for the platform.
    """
    image = parse_reference(reference)
    return look_up(connection_for(workspace, image), image, platform=platform, seconds=seconds)


def digest_now(workspace: Workspace, image: ImageReference, *, seconds: float) -> str:
    """Which digest an image of one of the workspace's registries has now; an answer may take `seconds` and no longer.

    Raises as `resolve_image` does.
    """
    connection = connection_for(workspace, image)
    return RegistryClient(place_of(connection), seconds).digest_of(image)


def look_up(
    connection: RegistryConnection, image: ImageReference, *, platform: str = "", seconds: float | None = None
) -> ImageFacts:
    """What an image of a connection is; without a platform the usual one, or the first there is."""
    check_allowed(connection, image.repository)
    if platform and not is_platform(platform):
        raise SourceRefused("image.platform_malformed", wanted=shown(platform))
    return RegistryClient(place_of(connection), seconds).resolve(image, platform=platform)


def connection_for(workspace: Workspace, image: ImageReference) -> RegistryConnection:
    """The workspace's connection that allows the repository of an image; the first by name where several do."""
    connections = list(RegistryConnection.objects.filter(workspace=workspace, address=image.address).order_by("name"))
    if not connections:
        raise SourceRefused("image.not_connected", address=image.address)
    for connection in connections:
        if connection.allows(image.repository):
            return connection
    raise SourceRefused("image.not_allowed", address=image.address, repository=image.repository)


def check_allowed(connection: RegistryConnection, repository: str) -> str:
    """The repository when the connection allows it; raises SourceRefused."""
    if not is_repository(repository):
        raise SourceRefused("image.repository_malformed", repository=shown(repository))
    if not connection.allows(repository):
        raise SourceRefused("image.not_allowed", address=connection.address, repository=repository)
    return repository


def repositories_of(connection: RegistryConnection) -> Names:
    """The repositories the connection allows; those allowed by name alone where the registry lists none."""
    named = connection.named_repositories
    if named and len(named) == len(connection.patterns):
        return Names(named)
    try:
        found = client_for(connection).repositories()
    except SourceRefused as refused:
        if refused.code != NO_CATALOG or not named:
            raise
        return Names(named, complete=False)
    return replace(found, names=tuple(name for name in found.names if connection.allows(name)))


def tags_of(connection: RegistryConnection, repository: str) -> Names:
    return client_for(connection).tags(check_allowed(connection, repository))


def client_for(connection: RegistryConnection) -> RegistryClient:
    """What reads the registry; raises SourceRefused where its password cannot be decrypted any more."""
    return RegistryClient(place_of(connection))


def place_of(connection: RegistryConnection) -> RegistryPlace:
    """How a connection is reached, with its password."""
    return replace(_place(connection), password=_opened(connection))


def with_saved_password(connection: RegistryConnection, place: RegistryPlace) -> RegistryPlace:
    """The place with the password the connection has, which only ever goes where it was given for.

    Whoever sits at a stolen session could otherwise send it to a host of their own.
    """
    saved = _place(connection)
    if connection.password and any(getattr(place, name) != getattr(saved, name) for name in _BELONGS):
        raise SourceRefused("registry.credentials_needed")
    return replace(place, password=_opened(connection))


def _place(connection: RegistryConnection) -> RegistryPlace:
    values = {name: getattr(connection, name) for name in _BELONGS}
    return RegistryPlace(**values, blob_hosts=tuple(connection.blob_hosts.split()))


def _opened(connection: RegistryConnection) -> str:
    if not connection.password:
        return ""
    try:
        return unseal(connection.password).get("password", "")
    except SecretUnreadable as error:
        raise SourceRefused("registry.secret_unreadable", name=connection.name) from error


@contextmanager
def _taking_name(name: str) -> Iterator[None]:
    """Say that a name is taken in place of the database's own refusal."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        raise SourceRefused("registry.name_taken", name=name) from error


def _columns(entry: RegistryEntry) -> dict[str, Any]:
    place = entry.place
    return {name: getattr(place, name) for name in _BELONGS} | {
        "blob_hosts": "\n".join(place.blob_hosts),
        "repositories": "\n".join(entry.repositories),
    }


def _sealed(place: RegistryPlace) -> dict[str, str]:
    return {"password": seal({"password": place.password}) if place.password else ""}


def _told(entry: RegistryEntry) -> dict[str, Any]:
    """What the audit trail keeps of a connection: never its password."""
    place = entry.place
    return {
        "address": place.address,
        "insecure": place.insecure,
        "username": place.username,
        "token_host": place.token_host,
        "repositories": [*entry.repositories],
    }
