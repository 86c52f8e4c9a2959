"""The deployment types to tick, and those that what was chosen rules out."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from registry.models import DeploymentType


@dataclass(frozen=True)
class TypeBox:
    """One deployment type: whether it is asked for, and why it cannot be had; empty when it can."""

    value: str
    label: str
    id: str
    asked: bool
    refused: str


def boxes_of(asked: Collection[str], refused: Mapping[str, str]) -> list[TypeBox]:
    return [
        TypeBox(kind, str(label), f"id_deployment_types_{index}", kind in asked, refused.get(kind, ""))
        for index, (kind, label) in enumerate(DeploymentType.choices)
    ]
