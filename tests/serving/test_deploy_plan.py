"""The plan of a deployment and the specifications it is proposed."""

import re

import pytest

from registry.models import InferenceSpec
from serving.models import EnvironmentState, ProofRecord, ProofState
from tests.serving.deployed import SMALLEST, make_deployable, make_running
from tests.serving.deploying import PLAN, errors, filled, page_of, plan

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("machine")]


def test_specification_that_suits_the_version_is_proposed(as_developer):
    version = make_deployable()
    InferenceSpec.objects.create(version=version, cpu="1.5", memory=4096)

    text = page_of(as_developer, version)

    assert re.findall(r'name="specification" value="([^"]+)"[^>]* checked', text) == ["modelarts.vm.cpu.2u"]
    assert "Less than the version asks for: 1.5 cores and 4096 MiB" in text


@pytest.mark.parametrize(
    ("memory", "chosen"), [(128, "modelarts.vm.cpu.0.5u"), (1000, "modelarts.vm.cpu.1u1g"), (2048, SMALLEST)]
)
def test_smallest_specification_that_holds_what_the_proof_suggests_is_proposed(as_developer, memory, chosen):
    version = make_deployable()
    suggestion = {"cpu": "0.25", "memory": memory}
    ProofRecord.objects.create(version=version, state=ProofState.ANSWERED, suggestion=suggestion)

    text = page_of(as_developer, version)

    assert re.findall(r'name="specification" value="([^"]+)"[^>]* checked', text) == [chosen]


def test_another_version_is_given_the_specification_that_suits_it(as_developer):
    version = make_deployable()
    suggestion = {"cpu": "0.25", "memory": 128}
    ProofRecord.objects.create(version=version, state=ProofState.ANSWERED, suggestion=suggestion)
    data = filled(version, page_of(as_developer, version), specification=SMALLEST)

    chosen = as_developer.post(PLAN, data, headers={"HX-Request": "true", "HX-Target": "deploy-choice"})
    typed = as_developer.post(PLAN, data, headers={"HX-Request": "true", "HX-Target": "plan"})

    assert plan(chosen.content.decode())["With which limits"] == "CPU: 0.5 core 512 MiB × 1"
    assert plan(typed.content.decode())["With which limits"] == "CPU: 1 core 2 GiB × 1"


def test_specifications_this_machine_has_not_got_are_greyed_out(as_developer, settings):
    settings.POOL_CORES, settings.POOL_MEMORY_MIB = 2, 9000

    text = page_of(as_developer, make_deployable())

    assert re.findall(r'name="specification" value="([^"]+)"[^>]* disabled', text) == [
        "modelarts.vm.cpu.4u",
        "modelarts.vm.cpu.8u",
    ]
    assert text.count("This machine has 2 cores and 9000 MiB of memory.") == 2


def test_what_is_promised_to_others_is_sold_out(as_developer, developer, settings):
    settings.POOL_MEMORY_MIB = 9000
    make_running(by=developer)

    text = page_of(as_developer, make_deployable("other"))

    assert re.findall(r'offer-mark">([^<]+)<', text) == ["Sold out"]
    assert "Sold out: 8192 MiB of memory are needed and 6952 MiB of this machine's 9000 MiB are left." in text.replace(
        "&#x27;", "'"
    )


def test_another_model_brings_its_versions_and_its_plan(as_developer):
    version = make_deployable("digits")
    other = make_deployable("iris", (0, 2, 0))
    data = filled(version, page_of(as_developer, version), model=str(other.model.uuid))

    answer = as_developer.post(PLAN, data, headers={"HX-Request": "true", "HX-Target": "deploy-choice"})
    text = answer.content.decode()

    assert text.lstrip().startswith('<div class="deploy-choice" id="deploy-choice">')
    assert re.findall(r'<option value="[^"]+" selected>([^<]+)</option>', text) == ["iris", "0.2.0 (Normal)"]
    assert 'hx-swap-oob="true"' in text
    assert plan(text)["What will run"].startswith("iris 0.2.0")


def test_plan_follows_what_is_typed(as_developer):
    version = make_deployable()
    changes = {"instances": "3", "auto_stop": None, "specification": "modelarts.vm.cpu.2u", "timeout": "7"}
    data = filled(version, page_of(as_developer, version), ("API_KEY", "x"), **changes)

    text = as_developer.post(PLAN, data, headers={"HX-Request": "true", "HX-Target": "plan"}).content.decode()

    shown = plan(text)
    assert shown["With which limits"] == "CPU: 2 cores 8 GiB × 3 1 environment variable"
    assert shown["When it stops"] == "When somebody stops it Given up when it is not running within 7 minutes"
    assert shown["Memory of this machine"].startswith("24576 MiB 24576 MiB needed, 32000 MiB left")
    assert "API_KEY: this looks like a secret" in text


def test_plan_says_when_the_instances_together_are_too_many(as_developer, settings):
    settings.POOL_MEMORY_MIB = 5000
    version = make_deployable()
    data = filled(version, page_of(as_developer, version), instances="3")

    text = as_developer.post(PLAN, data).content.decode()

    assert "Sold out: 6144 MiB of memory are needed and 5000 MiB" in text


def test_plan_tells_nothing_of_what_is_typed_wrongly(as_developer):
    version = make_deployable()
    changes = {"instances": "many", "timeout": "", "auto_stop_after": "custom", "auto_stop_hours": "99"}
    data = filled(version, page_of(as_developer, version), **changes) | {"submission": "forged"}

    answer = as_developer.post(PLAN, data)

    assert answer.status_code == 200
    shown = plan(answer.content.decode())
    assert shown["With which limits"] == "CPU: 1 core 2 GiB Cannot be told until it is corrected"
    assert shown["When it stops"] == "Cannot be told until it is corrected"
    assert shown["Memory of this machine"].startswith("Cannot be told until it is corrected 0 of ")


def test_plan_tells_what_is_typed_rightly_beside_what_is_not(as_developer):
    version = make_deployable()
    page = page_of(as_developer, version)

    timeout = as_developer.post(PLAN, filled(version, page, timeout="1")).content.decode()
    hours = {"auto_stop_after": "custom", "auto_stop_hours": "30"}
    stops = as_developer.post(PLAN, filled(version, page, timeout="5", **hours)).content.decode()

    assert plan(timeout)["When it stops"] == "1 hour after it is running Cannot be told until it is corrected"
    assert plan(stops)["When it stops"] == (
        "Cannot be told until it is corrected Given up when it is not running within 5 minutes"
    )


def test_plan_says_when_the_environment_is_built_first(as_developer):
    text = page_of(as_developer, make_deployable(state=EnvironmentState.FAILED))

    assert errors(text) == []
    assert plan(text)["What will run"].endswith("Its environment is built first; that may take some minutes")
