"""Everything of serving that is kept in tables."""

from serving.models_calls import CallBatch, UsageMinute
from serving.models_environments import Environment, EnvironmentState, Making, Overlay, VersionEnvironment
from serving.models_instances import (
    INSTANCE_RESTS,
    Instance,
    InstanceState,
    ProofRecord,
    ProofState,
    Purpose,
    Wanted,
)
from serving.models_services import (
    CallMinute,
    Desired,
    Route,
    Service,
    ServiceEvent,
    ServiceRevision,
    ServiceState,
)

__all__ = [
    "INSTANCE_RESTS",
    "CallBatch",
    "CallMinute",
    "Desired",
    "Environment",
    "EnvironmentState",
    "Instance",
    "InstanceState",
    "Making",
    "Overlay",
    "ProofRecord",
    "ProofState",
    "Purpose",
    "Route",
    "Service",
    "ServiceEvent",
    "ServiceRevision",
    "ServiceState",
    "UsageMinute",
    "VersionEnvironment",
    "Wanted",
]
