"""Entry points of the queue for environments, proofs and services."""

from celery import shared_task

from serving import calls


@shared_task(name="serving.sweep_calls")
def sweep_calls() -> None:
    calls.sweep_calls()
