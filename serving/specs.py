"""The specifications of the public pool, and what this machine has for them. Memory is in MiB."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from registry.findings import message_for

MIB = 1024**2
# One machine is the whole pool: of the documented limits (5, 128, none) the smallest fits it.
MOST_INSTANCES = 5
CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


@dataclass(frozen=True)
class Specification:
    """What one instance may use; the codes are named like the documented ones."""

    code: str
    cpu: Decimal
    memory: int
    scene: Promise

    @property
    def label(self) -> str:
        cores = self.cpu
        if self.memory < 1024:
            return _("CPU: %(cores)s core %(memory)s MiB") % {"cores": f"{cores:f}", "memory": self.memory}
        words = ngettext("CPU: %(cores)d core %(memory)d GiB", "CPU: %(cores)d cores %(memory)d GiB", int(cores))
        return words % {"cores": int(cores), "memory": self.memory // 1024}


# The first two are ours: on one machine models of a few MiB would else take it all.
SPECIFICATIONS = (
    Specification("modelarts.vm.cpu.0.5u", Decimal("0.5"), 512, _("Very small models that are asked now and then")),
    Specification("modelarts.vm.cpu.1u1g", Decimal(1), 1024, _("Small models without large libraries")),
    Specification("modelarts.vm.cpu.1u", Decimal(1), 2048, _("Small models, and trying things out")),
    Specification("modelarts.vm.cpu.2u", Decimal(2), 8192, _("Most models that run on a processor")),
    Specification("modelarts.vm.cpu.4u", Decimal(4), 16384, _("Deep-learning models, or many requests at once")),
    Specification("modelarts.vm.cpu.8u", Decimal(8), 32768, _("Large models")),
)


# What is proposed where nothing is known of a version.
USUAL = "modelarts.vm.cpu.1u"


@dataclass(frozen=True)
class Machine:
    """What the public pool consists of, and how much of its memory services and proofs have already."""

    cores: int
    memory: int
    promised: int = 0

    @property
    def left(self) -> int:
        return max(0, self.memory - self.promised)


@dataclass(frozen=True)
class Needs:
    """What the author of a version says one instance needs, or its proof (`measured`); zero is anything."""

    cpu: Decimal = Decimal(0)
    memory: int = 0
    accelerator: bool = False
    measured: bool = False

    @property
    def known(self) -> bool:
        return bool(self.cpu or self.memory)


@dataclass(frozen=True)
class Offer:
    """One specification as it stands in the form: `refusal` greys it out, `remark` only warns."""

    specification: Specification
    refusal: str = ""
    remark: str = ""
    sold_out: bool = False
    enough: bool = True


def specification_of(code: str) -> Specification | None:
    return next((each for each in SPECIFICATIONS if each.code == code), None)


def machine_size() -> Machine:
    """The cores and memory of this machine, or what the settings leave of them."""
    cores = settings.POOL_CORES or len(os.sched_getaffinity(0))
    return Machine(cores, settings.POOL_MEMORY_MIB or _memory())


def why_not(specification: Specification, machine: Machine, *, instances: int = 1) -> str:
    """The code of the reason why so many instances of it do not fit on the machine; empty when they do."""
    if specification.memory > machine.memory or specification.cpu > machine.cores:
        return "spec.too_large"
    return "spec.sold_out" if specification.memory * instances > machine.left else ""


def offers(machine: Machine, needs: Needs, *, instances: int = 1) -> tuple[Offer, ...]:
    """Every specification with what speaks against it here."""
    return tuple(_offer(each, machine, needs, instances) for each in SPECIFICATIONS)


def suitable(offered: Sequence[Offer], needs: Needs) -> Offer:
    """The one to propose: the smallest that meets the needs, else the largest to be had, else the first.

    Where no needs are known, none below the usual one meets them.
    """
    usable = [offer for offer in offered if not offer.refusal]
    first = 0 if needs.known else next(i for i, offer in enumerate(offered) if offer.specification.code == USUAL)
    fitting = [offer for offer in offered[first:] if not offer.refusal and offer.enough]
    return [*fitting[:1], *usable[-1:], offered[0]][0]


def refusal_params(specification: Specification, machine: Machine, instances: int) -> dict[str, Any]:
    return {
        "cores": machine.cores,
        "memory": machine.memory,
        "left": machine.left,
        "needed": specification.memory * instances,
    }


def _offer(specification: Specification, machine: Machine, needs: Needs, instances: int) -> Offer:
    code = why_not(specification, machine, instances=instances)
    refusal = message_for(code, refusal_params(specification, machine, instances)) if code else ""
    remark = ""
    enough = needs.cpu <= specification.cpu and needs.memory <= specification.memory
    if not enough:
        told = "spec.below_measured" if needs.measured else "spec.below_needs"
        remark = message_for(told, {"cpu": f"{needs.cpu.normalize():f}", "memory": needs.memory})
    elif needs.accelerator:
        remark = message_for("spec.no_accelerator", {})
    return Offer(specification, refusal, remark, sold_out=code == "spec.sold_out", enough=enough)


def _memory() -> int:
    """Of the machine, or of the container that this runs in."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = [int(text) for text in map(_text_of, CGROUP_LIMITS) if text.isdigit()]
    return min([whole, *limits]) // MIB


def _text_of(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""
