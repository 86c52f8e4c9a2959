"""The supervisor with real processes on a machine that is too small for all that is wanted."""

import pytest

from serving.models import Purpose, Service, ServiceState
from tests.inference.serving import package_with
from tests.serving.rows import make_service
from tests.serving.supervising import await_state, make_instance, plain_environment, supervising

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]


def test_proof_is_started_once_services_have_left_it_enough_memory(tmp_path):
    service = make_service("large")
    package, plain = package_with(tmp_path), plain_environment()
    proof = make_instance(package, plain, name="proven", purpose=Purpose.PROOF)
    beside = make_instance(package, plain, name="beside")
    with supervising(MODELPORT_POOL_MEMORY_MIB="1200"):
        await_state(beside, "ready")
        waiting = await_state(proof, "pending")

        Service.objects.filter(pk=service.pk).update(state=ServiceState.STOPPED)
        started = await_state(proof, "ready", "failed")

    assert (waiting.starts, started.state) == (0, "ready")
