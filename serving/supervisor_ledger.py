"""The supervisor's side of the tables: what is wanted on this host, what a start needs, and what was observed.

Everything here may wait for the database or a store and runs in threads beside the loop.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, transaction

from registry.errors import ArtifactStoreUnavailable
from registry.models import ModelVersion
from serving import instance_logs, packages
from serving import transitions_instances as transitions
from serving.models import INSTANCE_RESTS, Environment, Instance, InstanceState, Purpose, Wanted
from serving.sandbox_cgroups import Limits
from serving.snapshots import write_snapshot

logger = logging.getLogger(__name__)

MEBIBYTE = 1024**2


class CannotStart(Exception):
    """An instance cannot be started: `final` when trying again changes nothing."""

    def __init__(self, code: str, *, final: bool = True, **params: Any) -> None:
        super().__init__(code)
        self.code = code
        self.final = final
        self.params = params


@dataclass(frozen=True)
class Row:
    """What the table says of an instance of this host."""

    pk: int
    uuid: UUID
    purpose: str
    wanted: str
    state: str
    starts: int
    reason: str = ""
    reason_params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def wants_process(self) -> bool:
        """A failed one rests until its row is taken away."""
        return self.wanted == Wanted.RUNNING and self.state != InstanceState.FAILED

    @property
    def may_wait(self) -> bool:
        """Whether it is not started while memory is short."""
        return self.purpose == Purpose.PROOF and self.state == InstanceState.PENDING and self.wants_process


@dataclass(frozen=True)
class Plan:
    """All that a start needs. `package` holds `model/`, `environment` is the folder of the environment."""

    package: Path
    environment: Path
    python: Path
    name: str
    engine: str
    variables: Mapping[str, str]
    limits: Limits
    load_seconds: int


def rows() -> dict[int, Row]:
    """All instances of this host, at rest or not; one query."""
    names = ("pk", "uuid", "purpose", "wanted", "state", "starts", "reason_code", "reason_params")
    found = transitions.of_this_host().values_list(*names)
    return {each[0]: Row(*each) for each in found}


def plan_of(pk: int) -> Plan:
    """What to start; brings the package to this host. Raises CannotStart."""
    instance = Instance.objects.select_related("version__model").get(pk=pk)
    environment = interpreter_of(instance.version)
    return Plan(
        package=_package(instance.version),
        environment=environment.parent.parent,
        python=environment,
        name=instance.version.model.name,
        engine=instance.version.engine,
        variables=instance.variables,
        limits=Limits(
            memory=instance.memory_limit * MEBIBYTE,
            cpu=float(instance.cpu_limit),
            processes=settings.SANDBOX_PROCESSES,
        ),
        load_seconds=instance.load_seconds,
    )


def interpreter_of(version: ModelVersion) -> Path:
    """The interpreter of the environment a version was prepared with; raises CannotStart when it is not here."""
    # The folder is that of `serving.environments.python_of`.
    environment = Environment.objects.filter(version_records__version=version).first()
    python = settings.DATA / "environments" / environment.digest / "bin" / "python" if environment else None
    if python is None or not python.exists():
        raise CannotStart("instance.no_environment")
    return Path(python)


def write(observed: Mapping[int, Mapping[str, Any]]) -> set[int]:
    """Write what changed of each instance, in one transaction; those whose row is gone.

    The gateway's routes are written before anybody can read the new states: a service that is seen to run is answered.
    """
    with transaction.atomic():
        gone = {pk for pk, values in observed.items() if not transitions.observe(pk, dict(values))}
        if any("state" in values for values in observed.values()):
            _write_routes()
    return gone


def _write_routes() -> None:
    """What keeps them from being written must not hide what happened; each round of the supervisor tries it again."""
    try:
        write_snapshot()
    except DatabaseError:
        raise
    except Exception:
        logger.exception("routes were not written")


def begin() -> list[int]:
    """Before anything is started: no process runs here, whatever the table says. The instances this changed."""
    packages.sweep_unfinished()
    return transitions.forget_processes("instance.supervisor_lost")


def sweep() -> None:
    """Remove packages that no instance here needs, and the folders of instances whose rows are gone."""
    mine = transitions.of_this_host()
    used = set(mine.exclude(state__in=INSTANCE_RESTS).values_list("version__digest", flat=True))
    packages.sweep(used, older=settings.PACKAGE_KEPT_SECONDS)
    for uuid in instance_logs.folders() - set(mine.values_list("uuid", flat=True)):
        instance_logs.remove(uuid)


def _package(version: ModelVersion) -> Path:
    try:
        return packages.materialise(version)
    except packages.PackageDamaged as damage:
        raise CannotStart("instance.package_damaged", path=damage.path) from damage
    except ArtifactStoreUnavailable as error:
        logger.warning("package cannot be brought", extra={"version": version.pk, "reason": str(error)[:500]})
        raise CannotStart("instance.store_unavailable", final=False) from error
    except OSError as error:
        logger.warning("package cannot be written", extra={"version": version.pk, "reason": str(error)[:500]})
        raise no_room_or_right(error) from error


def no_room_or_right(error: OSError) -> CannotStart:
    """What the host refused, such as a place on its disk: the same start may succeed in a moment."""
    return CannotStart("instance.cannot_begin", final=False, reason=error.strerror or type(error).__name__)
