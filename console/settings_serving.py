"""Settings of environments, instances, the gateway, proofs and services; times in seconds, sizes in bytes."""

from console import env

# The name of the task that prepares an imported version for serving; with `none` it is Normal at once.
VERSION_PREPARER = env.text("MODELPORT_VERSION_PREPARER", "serving.prepare").removeprefix("none")
# Environments of models: where wheels come from, and what building one may cost (seconds and bytes).
PACKAGE_INDEX = env.text("MODELPORT_PACKAGE_INDEX")
FIND_LINKS = env.words("MODELPORT_FIND_LINKS", [])
BUILDS_AT_ONCE = env.number("MODELPORT_BUILDS_AT_ONCE", 1, least=1)
BUILD_TIMEOUT_SECONDS = env.seconds("MODELPORT_BUILD_TIMEOUT_SECONDS", 1800, least=1)
BUILD_MEMORY_BYTES = env.number("MODELPORT_BUILD_MEMORY_BYTES", 8 * 1024**3, least=1024**3)
BUILD_MAX_BYTES = env.number("MODELPORT_BUILD_MAX_BYTES", 10 * 1024**3, least=1024**2)
BUILD_LEASE_SECONDS = env.seconds("MODELPORT_BUILD_LEASE_SECONDS", 20, least=0.1)
BUILD_HEARTBEAT_SECONDS = env.seconds(
    "MODELPORT_BUILD_HEARTBEAT_SECONDS", min(1, BUILD_LEASE_SECONDS / 2), least=0.1, most=BUILD_LEASE_SECONDS / 2
)
BUILD_RETRY_SECONDS = env.seconds("MODELPORT_BUILD_RETRY_SECONDS", 30)
BUILD_ATTEMPTS = env.number("MODELPORT_BUILD_ATTEMPTS", 3, least=1)
# Dependencies without a wheel, where a workspace allows to build them: cores and MiB, and what else it may cost.
SOURCE_SPEC = env.spec("MODELPORT_SOURCE_SPEC", "2,2048")
SOURCE_TIMEOUT_SECONDS = env.seconds("MODELPORT_SOURCE_TIMEOUT_SECONDS", 900, least=1)
SOURCE_PROCESSES = env.number("MODELPORT_SOURCE_PROCESSES", 256, least=16)
SOURCE_MAX_BYTES = env.number("MODELPORT_SOURCE_MAX_BYTES", 256 * 1024**2, least=1024)
SOURCE_TEMPORARY_BYTES = env.number("MODELPORT_SOURCE_TEMPORARY_BYTES", 1024**3, least=1024**2)
SOURCE_PACKAGES = env.number("MODELPORT_SOURCE_PACKAGES", 10, least=1)
ENVIRONMENT_GRACE_SECONDS = env.seconds("MODELPORT_ENVIRONMENT_GRACE_SECONDS", 7 * 24 * 3600)

# Instances on this host. As root each gets a user of its own, from the first on.
SANDBOX_FIRST_UID = env.number("MODELPORT_SANDBOX_FIRST_UID", 200_000, least=1000)
SANDBOX_UIDS = env.number("MODELPORT_SANDBOX_UIDS", 10_000, least=1)
SANDBOX_PROCESSES = env.number("MODELPORT_SANDBOX_PROCESSES", 512, least=16)
SANDBOX_TEMPORARY_BYTES = env.number("MODELPORT_SANDBOX_TEMPORARY_BYTES", 256 * 1024**2, least=4096)
INSTANCE_LOG_BYTES = env.number("MODELPORT_INSTANCE_LOG_BYTES", 8 * 1024**2, least=1024)
INSTANCE_HEALTH_SECONDS = env.seconds("MODELPORT_INSTANCE_HEALTH_SECONDS", 5, least=0.1)
INSTANCE_UNHEALTHY_SECONDS = env.seconds("MODELPORT_INSTANCE_UNHEALTHY_SECONDS", 60, least=0.1)
INSTANCE_CRASHES = env.number("MODELPORT_INSTANCE_CRASHES", 5, least=1)
INSTANCE_CRASH_SECONDS = env.seconds("MODELPORT_INSTANCE_CRASH_SECONDS", 600, least=1)
INSTANCE_RETRY_SECONDS = env.seconds("MODELPORT_INSTANCE_RETRY_SECONDS", 10, least=0.1)
# `up` waits ten seconds for its children.
INSTANCE_GRACE_SECONDS = env.seconds("MODELPORT_INSTANCE_GRACE_SECONDS", 6, least=0.1)
PACKAGE_KEPT_SECONDS = env.seconds("MODELPORT_PACKAGE_KEPT_SECONDS", 24 * 3600)

# The gateway
GATEWAY_BODY_BYTES = env.number("MODELPORT_GATEWAY_BODY_BYTES", 12 * 1024**2, least=1)
GATEWAY_SECONDS = env.seconds("MODELPORT_GATEWAY_SECONDS", 40, least=0.1)
# The server of a model works on one and lets sixteen more wait.
GATEWAY_CALLS = env.number("MODELPORT_GATEWAY_CALLS", 16, least=1)
GATEWAY_CONNECTIONS = env.number("MODELPORT_GATEWAY_CONNECTIONS", 1024, least=1)
CALLS_KEPT_SECONDS = env.seconds("MODELPORT_CALLS_KEPT_SECONDS", 30 * 24 * 3600)

# Proofs: what each is given at least (cores and MiB), and how long is waited for its start and its answer.
PROOF_SPEC = env.spec("MODELPORT_PROOF_SPEC", "1,2048")
PROOF_PATIENCE_SECONDS = env.seconds("MODELPORT_PROOF_PATIENCE_SECONDS", 600, least=1)
PROOF_ANSWER_SECONDS = env.seconds("MODELPORT_PROOF_ANSWER_SECONDS", 40, least=0.1, most=600)
PROOF_ANSWER_BYTES = env.number("MODELPORT_PROOF_ANSWER_BYTES", 1024**2, least=1024, most=64 * 1024**2)
PROOF_ATTEMPTS = env.number("MODELPORT_PROOF_ATTEMPTS", 3, least=1)
PROOF_LEASE_SECONDS = PROOF_ANSWER_SECONDS + 20
PROOF_NOTICE_SECONDS = 10
PROOF_KEPT_SECONDS = env.seconds("MODELPORT_PROOF_KEPT_SECONDS", 3600)

# Services
# How many real-time services one person may have in a workspace; stopped ones count, too.
SERVICE_QUOTA = env.number("MODELPORT_SERVICE_QUOTA", 20, least=1)
SERVICE_EVENT_SECONDS = env.seconds("MODELPORT_SERVICE_EVENT_SECONDS", 30 * 24 * 3600, least=60)
# What services may use of this machine together; 0 is all it has.
POOL_CORES = env.number("MODELPORT_POOL_CORES", 0)
POOL_MEMORY_MIB = env.number("MODELPORT_POOL_MEMORY_MIB", 0)
