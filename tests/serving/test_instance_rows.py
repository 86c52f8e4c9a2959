"""What is written of instances: only by conditional updates, only of this host, and told by a bell that may be lost."""

import pytest
from django.conf import settings
from kombu.exceptions import OperationalError

from serving import supervisor_ledger as ledger
from serving import transitions_instances as transitions
from serving.models import Environment, EnvironmentState, Instance, InstanceState, VersionEnvironment, Wanted
from serving.supervisor_ledger import CannotStart
from tests import factories
from tests.registry.exporting import exportable

pytestmark = pytest.mark.django_db


@pytest.fixture
def make(settings):
    settings.HOST_NAME = "here"
    version = factories.make_version()

    def made(state="ready", wanted="running", host="here"):
        values = {"purpose": "service", "cpu_limit": 1, "memory_limit": 64, "socket": "/s", "pid": 7}
        return Instance.objects.create(version=version, host=host, state=state, wanted=wanted, **values)

    return made


def test_observation_of_a_row_that_is_gone_or_elsewhere_is_refused(make):
    here, there = make(), make(host="there")

    assert transitions.observe(here.pk, {"memory": 5})
    assert not transitions.observe(there.pk, {"memory": 5})
    here.delete()
    assert ledger.write({here.pk or 0: {"memory": 5}, there.pk: {"memory": 6}}) == {here.pk or 0, there.pk}


@pytest.mark.parametrize(
    ("state", "wanted", "expected"),
    [
        ("ready", Wanted.RUNNING, InstanceState.PENDING),
        ("starting", Wanted.RUNNING, InstanceState.PENDING),
        ("restarting", Wanted.STOPPED, InstanceState.STOPPED),
        ("failed", Wanted.RUNNING, InstanceState.FAILED),
        ("stopped", Wanted.STOPPED, InstanceState.STOPPED),
        ("pending", Wanted.RUNNING, InstanceState.PENDING),
    ],
)
def test_no_row_says_that_a_process_runs_when_a_supervisor_begins(make, state, wanted, expected):
    instance, there = make(state, wanted), make(host="there")

    changed = transitions.forget_processes("instance.supervisor_lost")

    instance.refresh_from_db()
    there.refresh_from_db()
    assert (instance.state, there.state, there.socket) == (expected, "ready", "/s")
    assert changed == ([instance.pk] if state in ("ready", "starting", "restarting") else [])
    assert (instance.socket, instance.pid) == (("", None) if changed else ("/s", 7))


def test_one_that_never_started_is_stopped_once(make):
    instance, wanted = make("pending", Wanted.STOPPED), make("pending")

    assert transitions.stop_unstarted(instance.pk)
    assert not transitions.stop_unstarted(instance.pk)
    assert not transitions.stop_unstarted(wanted.pk)
    assert Instance.objects.get(pk=instance.pk).state == "stopped"


def test_lost_bell_is_no_failure(monkeypatch, caplog):
    def fails(*_arguments, **_options):
        raise OperationalError("away")

    monkeypatch.setattr(transitions.current_app, "send_task", fails)

    transitions.ring(1)

    assert [record.message for record in caplog.records] == ["bell of an instance was lost"]


def test_rows_of_this_host_are_one_query(make, django_assert_num_queries):
    for _ in range(3):
        make()
    make(host="there")

    with django_assert_num_queries(1):
        assert len(ledger.rows()) == 3


def test_version_without_an_environment_here_cannot_start(make):
    version = exportable("other")
    instance = Instance.objects.create(
        version=version, host="here", purpose="service", cpu_limit=1, memory_limit=64, variables={"A": "b"}
    )
    with pytest.raises(CannotStart) as reason:
        ledger.plan_of(instance.pk)
    assert (reason.value.code, reason.value.final) == ("instance.no_environment", True)

    environment = Environment.objects.create(
        digest="a" * 64, lock="", interpreter="", state=EnvironmentState.READY, used_at=version.created_at
    )
    VersionEnvironment.objects.create(version=version, environment=environment)
    python = settings.DATA / "environments" / environment.digest / "bin" / "python"
    python.parent.mkdir(parents=True, exist_ok=True)
    python.touch()
    plan = ledger.plan_of(instance.pk)

    assert (plan.python, plan.environment, plan.name) == (python, python.parent.parent, "other")
    assert (plan.package / "model").is_dir()
    assert (plan.limits.memory, plan.limits.cpu, plan.variables) == (64 * 1024**2, 1.0, {"A": "b"})
