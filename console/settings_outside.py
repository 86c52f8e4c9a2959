"""Settings of what the console asks outside: object storage, container registries, tracking servers."""

from console import env

# Object storage: the hosts endpoints may have (none named: every one), and how long the console waits for them.
S3_HOSTS = env.words("MODELPORT_S3_HOSTS", [])
S3_CONNECT_SECONDS = env.seconds("MODELPORT_S3_CONNECT_SECONDS", 5, least=0.1)
S3_READ_SECONDS = env.seconds("MODELPORT_S3_READ_SECONDS", 30, least=0.1)
S3_ATTEMPTS = env.number("MODELPORT_S3_ATTEMPTS", 3, least=1)

# Container registries: the hosts the console may ask (none named: every one), those it may ask without encryption.
REGISTRY_HOSTS = env.words("MODELPORT_REGISTRY_HOSTS", [])
REGISTRY_INSECURE_HOSTS = env.words("MODELPORT_REGISTRY_INSECURE_HOSTS", [])
REGISTRY_CONNECT_SECONDS = env.seconds("MODELPORT_REGISTRY_CONNECT_SECONDS", 5, least=0.1)
REGISTRY_READ_SECONDS = env.seconds("MODELPORT_REGISTRY_READ_SECONDS", 20, least=0.1)

# Tracking servers: the hosts connections may name (none named: every one), and what they may cost.
MLFLOW_HOSTS = env.words("MODELPORT_MLFLOW_HOSTS", [])
MLFLOW_CONNECT_SECONDS = env.seconds("MODELPORT_MLFLOW_CONNECT_SECONDS", 5, least=0.1)
MLFLOW_READ_SECONDS = env.seconds("MODELPORT_MLFLOW_READ_SECONDS", 30, least=0.1)
MLFLOW_MAX_BYTES = env.number("MODELPORT_MLFLOW_MAX_BYTES", 16 * 1024**2, least=1024)
MLFLOW_MAX_RUNS = env.number("MODELPORT_MLFLOW_MAX_RUNS", 20_000, least=1)
MLFLOW_SYNC_SECONDS = env.seconds("MODELPORT_MLFLOW_SYNC_SECONDS", 600)
MLFLOW_LEASE_SECONDS = env.seconds("MODELPORT_MLFLOW_LEASE_SECONDS", 180, least=0.1)
