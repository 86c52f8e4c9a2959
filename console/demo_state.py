"""How far the demo is, kept in one small file of the data folder so that pages can say it."""

from dataclasses import dataclass
from enum import StrEnum

from django.conf import settings


class Stage(StrEnum):
    NONE = ""
    PREPARING = "preparing"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class DemoState:
    stage: Stage = Stage.NONE
    detail: str = ""


def read_demo_state() -> DemoState:
    """What the last `seed_demo` wrote; nothing when it never ran here."""
    try:
        stage, _, detail = (settings.DATA / "demo" / "state").read_text().partition("\n")
        return DemoState(Stage(stage), detail)
    except (OSError, ValueError):
        return DemoState()


def write_demo_state(stage: Stage, detail: str = "") -> None:
    folder = settings.DATA / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "state").write_text(f"{stage}\n{detail}")
