"""A supervisor that is killed at one point: `python -m tests.serving.dying_supervisor before|after NAME`."""

import os
import signal
import sys
from functools import wraps

import django

django.setup()

from django.core.management import call_command  # noqa: E402

from serving import packages, supervisor_ledger, supervisor_running, transitions_instances  # noqa: E402
from serving.sandbox_processes import Sandboxed  # noqa: E402
from serving.supervisor_keeper import Keeper  # noqa: E402

POINTS = {
    "forget": (transitions_instances, "forget_processes"),
    "rows": (supervisor_ledger, "rows"),
    "unpack": (packages, "_place"),
    "plan": (supervisor_ledger, "plan_of"),
    "listen": (supervisor_running, "_listening"),
    "spawn": (Sandboxed, "__init__"),
    "started": (Keeper, "_started"),
    "write": (supervisor_ledger, "write"),
    "ready": (supervisor_ledger, "write"),
    "terminate": (Sandboxed, "terminate"),
    "clear": (Sandboxed, "clear"),
}


def is_due(name, arguments):
    """Probes start and clear processes too, before there is a loop; "ready" is the writing of that state."""
    if name in ("spawn", "clear"):
        return sys._getframe(2).f_globals["__name__"] != "serving.sandbox_probes"
    if name == "ready":
        return any(values.get("state") == "ready" for values in arguments[0].values())
    return True


def install(when, name):
    owner, attribute = POINTS[name]
    step = getattr(owner, attribute)

    @wraps(step)
    def stepped(*arguments, **options):
        due = is_due(name, arguments)
        if due and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = step(*arguments, **options)
        if due:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, attribute, stepped)


if __name__ == "__main__":
    install(*sys.argv[1:])
    call_command("supervise")
