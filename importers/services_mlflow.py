"""Commands on MLflow connections: add, change, remove, try, and ask for a synchronisation."""

import logging
from dataclasses import dataclass, replace
from functools import partial

from celery import current_app
from django.db import IntegrityError, transaction
from django.utils.timezone import now
from kombu.exceptions import OperationalError

from accounts.models import User, Workspace
from accounts.secrets import SecretUnreadable, seal, unseal
from accounts.services import record_audit
from importers.mlflow import Client, Experiment
from importers.mlflow_http import Place
from importers.mlflow_places import ArtifactPlaces
from importers.models import MLflowConnection
from importers.queries_mlflow import due_connections
from stores.errors import SourceRefused

logger = logging.getLogger(__name__)
SYNC_MLFLOW = "importers.sync_mlflow"
SECRETS = ("password", "token")
TRIED_EXPERIMENTS = 5
# Nobody hears a bell that waited for longer; the sweep has rung again by then.
BELL_SECONDS = 3600


@dataclass(frozen=True)
class Wanted:
    """What a connection is to be: where, who asks, which experiments (by name, none for all), where artifacts lie."""

    name: str
    place: Place
    experiments: tuple[str, ...] = ()
    artifact_root: str = ""


@dataclass(frozen=True)
class Found:
    """What trying a server found: `unknown` are experiments it lacks, `artifacts` where those of some others lie."""

    version: str
    experiments: int
    logged_models: bool | None
    unknown: tuple[str, ...] = ()
    artifacts: tuple[tuple[str, str, SourceRefused | None], ...] = ()


def add_connection(workspace: Workspace, wanted: Wanted, *, by: User) -> MLflowConnection:
    """Keep a connection and read it as soon as a worker can; does not ask the server itself."""
    try:
        with transaction.atomic():
            connection = MLflowConnection.objects.create(
                workspace=workspace,
                **_columns(wanted),
                asked_at=now(),
                created_by=by,
                created_by_name=by.get_username(),
            )
            record_audit(workspace, "mlflow.connected", by=by, name=wanted.name, address=wanted.place.address)
            _ring(connection)
    except IntegrityError as error:
        raise SourceRefused("mlflow.name_taken", name=wanted.name) from error
    return connection


def edit_connection(connection: MLflowConnection, wanted: Wanted, *, by: User) -> None:
    """Change a connection and read it again. Runs that were found stay, whatever it says now."""
    columns = _columns(wanted)
    changed = [name for name, value in columns.items() if value != getattr(connection, name) and name != "credentials"]
    try:
        with transaction.atomic():
            for name, value in {**columns, "asked_at": now()}.items():
                setattr(connection, name, value)
            connection.save(update_fields=[*columns, "asked_at"])
            told = {"name": wanted.name, "address": wanted.place.address, "changed": changed}
            record_audit(connection.workspace, "mlflow.edited", by=by, **told)
            _ring(connection)
    except IntegrityError as error:
        raise SourceRefused("mlflow.name_taken", name=wanted.name) from error


@transaction.atomic
def remove_connection(connection: MLflowConnection, *, by: User) -> None:
    """Forget a connection and its credentials. The jobs and runs that came from it stay, and so do their models."""
    MLflowConnection.objects.filter(pk=connection.pk).delete()
    told = {"name": connection.name, "address": connection.address}
    record_audit(connection.workspace, "mlflow.removed", by=by, **told)


@transaction.atomic
def ask_for_sync(connection: MLflowConnection, *, by: User) -> None:
    """Let a worker read the server now. Asking while one does so makes it begin once more."""
    connection.asked_at = now()
    connection.save(update_fields=["asked_at"])
    record_audit(connection.workspace, "mlflow.sync_asked", by=by, name=connection.name)
    _ring(connection)


def ring_due_connections() -> None:
    """Ring for every connection whose time has come, or whose bell nobody heard."""
    for connection in due_connections():
        _send(connection.pk)


def place_of(connection: MLflowConnection) -> Place:
    """Where and as whom to ask; raises SourceRefused when its credentials cannot be decrypted any more."""
    try:
        values = unseal(connection.credentials) if connection.credentials else {}
    except SecretUnreadable as error:
        raise SourceRefused("mlflow.secret_unreadable", name=connection.name) from error
    return Place(connection.address, connection.username, values.get("password", ""), values.get("token", ""))


def with_saved_credentials(connection: MLflowConnection, place: Place) -> Place:
    """The place with the saved password or token, which only ever goes where it was given for, for whom it was."""
    saved = place_of(connection)
    if place.origin != saved.origin or place.username != saved.username:
        raise SourceRefused("mlflow.credentials_needed")
    return replace(place, password=saved.password, token=saved.token)


def try_server(workspace: Workspace, wanted: Wanted) -> Found:
    """Ask a server what it has; raises SourceRefused or SourceUnavailable. Nothing is stored."""
    client = Client(wanted.place)
    experiments = list(client.experiments())
    names = {each.name for each in experiments}
    taken = [each for each in experiments if not wanted.experiments or each.name in wanted.experiments]
    places = ArtifactPlaces(workspace, wanted.artifact_root)
    return Found(
        version=client.version(),
        experiments=len(experiments),
        logged_models=client.models(taken[0].id) is not None if taken else None,
        unknown=tuple(name for name in wanted.experiments if name not in names),
        artifacts=tuple(_reached(places, each) for each in taken[:TRIED_EXPERIMENTS]),
    )


def _reached(places: ArtifactPlaces, experiment: Experiment) -> tuple[str, str, SourceRefused | None]:
    try:
        return experiment.name, places.reaches(experiment.artifacts), None
    except SourceRefused as refusal:
        return experiment.name, "", refusal


def _columns(wanted: Wanted) -> dict[str, str]:
    place = wanted.place
    secrets = {name: getattr(place, name) for name in SECRETS if getattr(place, name)}
    return {
        "name": wanted.name,
        "address": place.address,
        "username": place.username,
        "credentials": seal(secrets) if secrets else "",
        "experiments": "\n".join(wanted.experiments),
        "artifact_root": wanted.artifact_root,
    }


def _ring(connection: MLflowConnection) -> None:
    """Tell a worker after commit. The broker is only a bell: when it is silent, the sweep rings again."""
    transaction.on_commit(partial(_send, connection.pk), robust=True)


def _send(connection_id: int) -> None:
    try:
        current_app.send_task(SYNC_MLFLOW, [connection_id], expires=BELL_SECONDS)
    except OperationalError as error:
        logger.warning("broker did not answer: %s", error, extra={"connection": connection_id})
