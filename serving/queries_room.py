"""Who uses the memory of this machine: what is promised to services, and what proofs take beside them. In MiB."""

from collections.abc import Collection

from django.conf import settings
from django.db.models import QuerySet, Sum

from serving.models import INSTANCE_RESTS, Instance, InstanceState, Purpose, Service, Wanted
from serving.queries_services import promised_memory
from serving.specs import machine_size


def memory_in_use(*, but: Service | None = None) -> int:
    """What all services may use, without the one named, and what the proofs take that run or wait for their turn."""
    proofs = _proofs().filter(wanted=Wanted.RUNNING).aggregate(total=Sum("memory_limit"))
    return promised_memory(but=but) + (proofs["total"] or 0)


def proofs_without_room(begun: Collection[int] = ()) -> set[int]:
    """The proofs of this host that wait until services or other proofs have left them enough memory.

    `begun` are instances whose start was begun although the table does not say so yet. Where nothing else runs, a proof
    has all there is, and waits for nothing.
    """
    rows = list(_proofs().order_by("pk").values_list("pk", "state", "wanted", "memory_limit"))
    waiting = [row for row in rows if row[1] == InstanceState.PENDING and row[0] not in begun]
    if not waiting:
        return set()
    size = machine_size().memory
    taken = promised_memory() + sum(row[3] for row in rows if row not in waiting)
    crowded = set()
    for pk, _state, wanted, memory in waiting:
        if wanted != Wanted.RUNNING:
            continue
        if taken and taken + memory > size:
            crowded.add(pk)
        else:
            taken += memory
    return crowded


def _proofs() -> QuerySet[Instance]:
    """Those of this host that are not over."""
    mine = Instance.objects.filter(purpose=Purpose.PROOF, host=settings.HOST_NAME)
    return mine.exclude(state__in=INSTANCE_RESTS)
