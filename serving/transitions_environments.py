"""State changes of environments: one builder at a time holds the row by its lease; the loser is told False."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, ProtectedError, Q
from django.utils.timezone import now

from serving.models import Environment, EnvironmentState, VersionEnvironment

BUILDING = Q(state=EnvironmentState.BUILDING)


def _free() -> Q:
    return BUILDING & (Q(lease_until=None) | Q(lease_until__lt=now()))


def find_or_add(digest: str, *, lock: str, interpreter: str, sources: Sequence[Mapping[str, str]] = ()) -> Environment:
    """The row of a lock, made where there is none. One that a sweep made for a stray folder gets its lock."""
    told = {"lock": lock, "interpreter": interpreter, "sources": [*sources]}
    values = told | {"state": EnvironmentState.BUILDING, "used_at": now()}
    environment, added = Environment.objects.get_or_create(digest=digest, defaults=values)
    if not added and not environment.lock:
        _change(environment, _free() & Q(lock=""), **told)
    return environment


def claim(environment: Environment, *, missing: bool = False) -> bool:
    """Take it for building: when nobody builds it, when that failed, or when it is `missing` on this host."""
    wanted = _free() | Q(state=EnvironmentState.FAILED) | (Q(state=EnvironmentState.READY) if missing else Q(pk=None))
    return _change(
        environment,
        wanted,
        state=EnvironmentState.BUILDING,
        lease_until=_lease_end(),
        attempts=F("attempts") + 1,
        reason_code="",
        reason_params={},
    )


def claim_unused(environment: Environment) -> bool:
    """Take it for removal, unless a version refers to it or somebody builds it."""
    return _change(
        environment,
        (~BUILDING | _free()) & ~Q(Exists(VersionEnvironment.objects.filter(environment=OuterRef("pk")))),
        state=EnvironmentState.BUILDING,
        lease_until=_lease_end(),
    )


def renew(environment: Environment) -> bool:
    """Say that its builder lives. False once it was taken over."""
    return _change(environment, _held(environment), lease_until=_lease_end())


def ready(environment: Environment, *, size: int, seconds: float) -> bool:
    return _change(
        environment,
        _held(environment),
        state=EnvironmentState.READY,
        lease_until=None,
        attempts=0,
        size=size,
        seconds=seconds,
        used_at=now(),
    )


def use(environment: Environment) -> bool:
    """Note that it is wanted now. False unless it is ready."""
    return _change(environment, Q(state=EnvironmentState.READY), used_at=now())


def give_up(environment: Environment, code: str, params: dict[str, Any]) -> bool:
    """It could not be built; whoever wants it next tries anew."""
    return _change(
        environment,
        _held(environment),
        state=EnvironmentState.FAILED,
        lease_until=None,
        reason_code=code,
        reason_params=params,
    )


def let_go(environment: Environment) -> bool:
    """Its builder stops half-way; the next one may begin."""
    return _change(environment, _held(environment), lease_until=None)


@transaction.atomic
def forget(environment: Environment) -> bool:
    """Delete the row of an environment that was removed. False when a version came to it meanwhile."""
    held = Environment.objects.select_for_update().filter(_held(environment), pk=environment.pk).first()
    if held is None:
        return False
    try:
        with transaction.atomic():
            held.delete()
    except ProtectedError:
        let_go(environment)
        return False
    return True


def _held(environment: Environment) -> Q:
    return BUILDING & Q(lease_until__isnull=False, lease_until=environment.lease_until)


def _lease_end() -> datetime:
    return now() + timedelta(seconds=settings.BUILD_LEASE_SECONDS)


def _change(environment: Environment, when: Q, **values: Any) -> bool:
    if Environment.objects.filter(when, pk=environment.pk).update(**values) != 1:
        return False
    environment.refresh_from_db(fields=[*values])
    return True
