"""Services and proofs share the memory of one machine: neither is given what the other has."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.timezone import now

from registry.models import Proof, Status
from serving import proof, tasks
from serving import transitions_instances as transitions
from serving.errors import ServiceRefused
from serving.models import Instance, InstanceState, ProofRecord, Purpose, Wanted
from serving.queries_room import memory_in_use, proofs_without_room
from serving.services import machine_now
from tests.factories import make_member
from tests.serving.deployed import make_deployable, make_running, make_service
from tests.serving.models_asked import building

pytestmark = [pytest.mark.django_db, pytest.mark.db]


@pytest.fixture(autouse=True)
def _small_machine(settings):
    settings.POOL_CORES, settings.POOL_MEMORY_MIB = 4, 4096


def make_proof(state=InstanceState.PENDING, memory=2048, wanted=Wanted.RUNNING, **values):
    version = make_deployable(f"proof-{Instance.objects.count()}")
    fields = {"purpose": Purpose.PROOF, "host": settings.HOST_NAME, "cpu_limit": 1} | values
    return Instance.objects.create(version=version, state=state, wanted=wanted, memory_limit=memory, **fields)


def test_proofs_count_until_they_are_over():
    make_running()
    make_proof(InstanceState.STARTING, 300)
    make_proof(memory=200)
    make_proof(InstanceState.READY, 1000, Wanted.STOPPED)
    make_proof(InstanceState.FAILED, 1000)
    make_proof(memory=1000, host="elsewhere")

    assert memory_in_use() == 2048 + 300 + 200
    assert machine_now().left == 4096 - 2548


def test_deployment_is_refused_what_a_proof_has():
    make_running()
    make_proof(InstanceState.READY)

    with pytest.raises(ServiceRefused) as refused:
        make_service(make_deployable("second"), name="second", by=make_member("bob"))

    assert (refused.value.code, refused.value.params["left"]) == ("spec.sold_out", 0)
    assert "wait until the proofs that run have ended" in refused.value.message
    with translation.override("zh-hans"):
        assert "等待正在运行的验证结束" in refused.value.message


def test_proof_waits_while_services_have_the_memory_and_starts_once_they_have_not():
    service = make_running(instances=2)
    instance = make_proof()

    waiting = proofs_without_room()
    service.revisions.update(instances=1)

    assert waiting == {instance.pk}
    assert proofs_without_room() == set()


def test_proofs_take_turns_in_their_order():
    make_running()
    first, second = make_proof(), make_proof()
    small = make_proof(memory=1)

    waiting = proofs_without_room()
    begun = proofs_without_room({first.pk})
    Instance.objects.filter(pk=first.pk).update(state=InstanceState.STOPPED)

    assert waiting == begun == {second.pk, small.pk}
    assert proofs_without_room() == {small.pk}


def test_proof_that_ends_keeps_its_memory_until_its_process_is_gone():
    make_running()
    ending = make_proof(InstanceState.READY, wanted=Wanted.STOPPED)
    instance = make_proof()

    waiting = proofs_without_room()
    transitions.observe(ending.pk, {"state": InstanceState.STOPPED})

    assert (waiting, proofs_without_room()) == ({instance.pk}, set())


def test_proof_that_is_larger_than_the_machine_runs_alone():
    large, other = make_proof(memory=9000), make_proof()

    assert proofs_without_room() == {other.pk}
    assert proofs_without_room({large.pk}) == {other.pk}


@pytest.mark.parametrize("count", [1, 3])
def test_number_of_queries_is_constant(django_assert_num_queries, count):
    for _ in range(count):
        make_proof()

    with django_assert_num_queries(2):
        proofs_without_room()


@pytest.fixture
def crowded(monkeypatch):
    """A proof that decides on its version, on a machine whose services have it all."""
    monkeypatch.setattr("serving.proof.current_app.send_task", lambda *call: None)
    make_running(instances=2, by=make_member("bob"))
    version = building(name="proven")
    assert proof.begin(version) is True
    return ProofRecord.objects.get(version=version)


def test_proof_that_found_no_room_in_time_says_so_and_blames_no_model(crowded):
    Instance.objects.filter(pk=crowded.instance_id).update(created_at=now() - timedelta(hours=1))

    tasks.run_proof(crowded.pk)
    tasks.run_proof(crowded.pk)

    crowded.refresh_from_db()
    crowded.version.refresh_from_db()
    found = crowded.version
    assert (found.status, found.proof, found.proof_code) == (Status.NORMAL, Proof.NOT_ASKED, "proof.no_room")
    assert "had no 2048 MiB of memory free for it" in crowded.reason
    with translation.override("zh-hans"):
        assert "2048 MiB" in crowded.reason


TOLD = {
    "en": "Waiting for 2048 MiB of memory, which services and other proofs",
    "zh-hans": "正在等待 2048 MiB 内存",
}


@pytest.mark.parametrize(("language", "told"), TOLD.items())
def test_page_says_that_a_proof_waits_for_memory(client, crowded, language, told):
    ProofRecord.objects.update(created_at=now() - timedelta(seconds=30))
    client.force_login(make_member("reader"))
    page = reverse("serving:version-proof", args=[crowded.version.uuid])

    response = client.get(page, headers={"Accept-Language": language})

    assert (response.status_code, told in response.content.decode()) == (200, True)
    assert "manage.py up" not in response.content.decode()
