"""Entry points of the queue for environments, proofs and services."""
