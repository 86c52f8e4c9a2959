import re

import pytest

from registry.models import InferenceSpec, Status
from serving.models import EnvironmentState, ProofRecord, ProofState, Service
from tests.factories import make_member, make_version, make_workspace
from tests.serving.deployed import SMALLEST, make_deployable, make_running, make_service

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("machine")]

NEW = "/services/new/real-time/"
PLAN = "/services/new/real-time/plan/"
CHINESE = {"Accept-Language": "zh-hans"}


def page_of(client, version=None, **headers):
    address = f"{NEW}?version={version.uuid}" if version else NEW
    return client.get(address, headers=headers).content.decode()


def rows(*variables):
    """The rows of the environment variables as a browser sends them."""
    data = {"variables-TOTAL_FORMS": "10", "variables-INITIAL_FORMS": "0"}
    for number in range(10):
        name, value = variables[number] if number < len(variables) else ("", "")
        data |= {f"variables-{number}-name": name, f"variables-{number}-value": value}
    return data


def filled(version, text, *variables, **changes):
    """What the form that was opened for the version sends."""
    submission = re.search(r'name="submission" value="([^"]+)"', text)[1]
    data = {
        "submission": submission,
        "name": "service-ab12",
        "description": "",
        "auto_stop": "on",
        "auto_stop_after": "1",
        "auto_stop_hours": "12",
        "model": str(version.model.uuid),
        "version": str(version.uuid),
        "specification": SMALLEST,
        "instances": "1",
        "timeout": "20",
    }
    given = data | rows(*variables) | changes
    return {name: value for name, value in given.items() if value is not None}


def errors(text):
    found = re.findall(r'class="field-error"[^>]*>(.*?)</div>', text, re.DOTALL)
    return [re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", part)).strip() for part in found]


def problems(text):
    return re.findall(r'<a href="#([\w-]+)">[^<]+</a> – ([^<]+)</li>', text)


def plan(text):
    part = text[text.index('id="plan"') :]
    found = re.findall(r"<dt>(.*?)</dt><dd[^>]*>(.*?)</dd>", part, re.DOTALL)
    return {name: re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", value)).strip() for name, value in found}


def test_form_is_opened_for_a_version(as_developer):
    version = make_deployable()

    text = page_of(as_developer, version)

    assert re.findall(r'name="name" value="(service-[0-9a-f]{4})"', text) != []
    assert re.findall(r'<option value="[^"]+" selected>([^<]+)</option>', text) == ["digits", "0.0.1 (Normal)"]
    assert re.findall(r'id="id_auto_stop" checked', text) != []
    assert re.findall(r'name="specification" value="([^"]+)"[^>]* checked', text) == [SMALLEST]
    assert re.findall(r'name="(instances|timeout)" value="(\d+)"', text) == [("instances", "1"), ("timeout", "20")]


def test_form_speaks_chinese(as_developer):
    text = page_of(as_developer, make_deployable(), **CHINESE)

    assert re.findall(r"<h1>([^<]+)</h1>", text) == ["部署为在线服务"]
    assert "CPU：1核 2 GiB" in text
    assert "2小时后" in text


def test_plan_stands_on_the_page_before_anything_is_sent(as_developer, settings):
    settings.GATEWAY_URL = "http://models.example:8001"

    text = page_of(as_developer, make_deployable())

    shown = plan(text)
    assert shown["What will run"] == "digits 0.0.1 Scikit_Learn · Python 3.11"
    assert shown["With which limits"] == "CPU: 1 core 2 GiB × 1"
    assert re.fullmatch(r"http://models\.example:8001/infer/[0-9a-f-]{36}/", shown["Address"])
    assert shown["Who may call it"] == "Programs with an API token of workspace default ( API tokens )"
    assert shown["When it stops"] == "1 hour after it is running Given up when it is not running within 20 minutes"
    assert shown["Memory of this machine"].endswith(
        "2048 MiB needed, 32000 MiB left 0 of 32000 MiB are promised to services; 4 cores are shared"
    )
    assert shown["Your quota"] == "0 of 20 real-time services"


def test_form_without_a_version_offers_deployable_models_alone(as_developer):
    make_deployable("digits")
    make_version("broken", status=Status.FAILED)
    make_version("batch", deployment_types="batch,edge")
    make_version("theirs", workspace=make_workspace("elsewhere"))

    text = page_of(as_developer)

    models = re.search(r'<select name="model".*?</select>', text, re.DOTALL)[0]
    assert re.findall(r">([^<]+)</option>", models) == ["Choose a model", "digits"]
    assert plan(text)["What will run"] == "No version is chosen yet."


def test_version_that_cannot_be_deployed_is_said_beside_it(as_developer):
    version = make_version("broken", status=Status.FAILED)

    text = page_of(as_developer, version)

    assert errors(text) == ["Only a Normal version can be used. (ModelArts.3515) Open the version"]
    assert "Only a Normal version can be used. (ModelArts.3515)" in text[text.index('id="plan"') :]


def test_version_of_another_workspace_does_not_exist(as_developer):
    version = make_version("theirs", workspace=make_workspace("elsewhere"))

    assert as_developer.get(f"{NEW}?version={version.uuid}").status_code == 404
    assert as_developer.get(f"{NEW}?version=nonsense").status_code == 404


def test_viewer_may_not_deploy(as_viewer):
    version = make_deployable()

    assert as_viewer.get(f"{NEW}?version={version.uuid}").status_code == 403
    assert as_viewer.post(NEW).status_code == 403
    assert as_viewer.post(PLAN).status_code == 403


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


def test_submitting_deploys_and_leads_to_the_service(as_developer):
    version = make_deployable()
    text = page_of(as_developer, version)
    data = filled(
        version, text, ("MODE", "fast"), description="Reads digits.", instances="2", timeout="5", auto_stop_after="4"
    )

    answer = as_developer.post(NEW, data)

    service = Service.objects.get()
    revision = service.revisions.get()
    assert answer["Location"] == f"/services/{service.uuid}/"
    assert f"/infer/{service.uuid}/" in plan(text)["Address"]
    assert (service.name, service.description, service.auto_stop_seconds) == ("service-ab12", "Reads digits.", 14400)
    assert (revision.variables, revision.instances, revision.timeout) == ({"MODE": "fast"}, 2, 5)


def test_form_sent_twice_is_one_service(as_developer):
    version = make_deployable()
    data = filled(version, page_of(as_developer, version))

    first, second = (as_developer.post(NEW, data) for _ in range(2))

    assert first["Location"] == second["Location"]
    assert Service.objects.count() == 1


def test_auto_stop_switched_off_and_of_ones_own(as_developer):
    version = make_deployable()

    as_developer.post(NEW, filled(version, page_of(as_developer, version), auto_stop=None, name="one"))
    own = {"auto_stop_after": "custom", "auto_stop_hours": "9", "name": "two"}
    as_developer.post(NEW, filled(version, page_of(as_developer, version), **own))

    assert list(Service.objects.order_by("name").values_list("auto_stop_seconds", flat=True)) == [None, 9 * 3600]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"name": ""}, ("id_name", "This field is required.")),
        (
            {"name": "a b"},
            ("id_name", "1 to 64 characters: letters, Chinese characters, digits, hyphens and underscores."),
        ),
        (
            {"name": "x" * 65},
            ("id_name", "1 to 64 characters: letters, Chinese characters, digits, hyphens and underscores."),
        ),
        ({"instances": "6"}, ("id_instances", "A whole number from 1 to 5.")),
        ({"instances": "x"}, ("id_instances", "A whole number from 1 to 5.")),
        ({"timeout": "2"}, ("id_timeout", "Whole minutes from 3 to 120.")),
        ({"timeout": "121"}, ("id_timeout", "Whole minutes from 3 to 120.")),
        ({"auto_stop_after": "custom", "auto_stop_hours": "25"}, ("id_auto_stop_hours", "Whole hours from 1 to 24.")),
        ({"auto_stop_after": "custom", "auto_stop_hours": ""}, ("id_auto_stop_hours", "Whole hours from 1 to 24.")),
        ({"specification": ""}, ("specifications", "Choose one of the specifications of the list.")),
    ],
)
def test_what_is_wrong_is_told_and_nothing_typed_is_lost(as_developer, changes, told):
    version = make_deployable()
    data = filled(version, page_of(as_developer, version), ("MODE", "fast"), **changes)

    answer = as_developer.post(NEW, data)
    text = answer.content.decode()

    assert answer.status_code == 422
    assert problems(text) == [told]
    assert 'value="MODE"' in text
    assert 'value="fast"' in text
    assert not Service.objects.exists()


@pytest.mark.parametrize("description", ["a+b", "a&b", "x" * 101])
def test_description_outside_the_rules_is_refused(as_developer, description):
    version = make_deployable()
    data = filled(version, page_of(as_developer, version), description=description)

    text = as_developer.post(NEW, data).content.decode()

    assert [target for target, _ in problems(text)] == ["id_description"]


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ([("1ST", "x")], ("0-name", "A name has letters A–Z, digits and _, and does not begin with a digit.")),
        ([("MÖDE", "x")], ("0-name", "A name has letters A–Z, digits and _, and does not begin with a digit.")),
        ([("X" * 65, "x")], ("0-name", "At most 64 characters.")),
        ([("path", "x")], ("0-name", "The sandbox sets this variable itself. Choose another name.")),
        ([("PYTHONPATH", "x")], ("0-name", "The sandbox sets this variable itself. Choose another name.")),
        ([("LD_PRELOAD", "x")], ("0-name", "The sandbox sets this variable itself. Choose another name.")),
        ([("", "x")], ("0-name", "Give this value a name, or clear it.")),
        ([("A", "x"), ("A", "y")], ("1-name", "This name stands there twice.")),
        ([("A", "x" * 1025)], ("0-value", "At most 1,024 characters.")),
        ([("A", "x\ty")], ("0-value", "Line breaks and control characters cannot stand in a value.")),
    ],
)
def test_variables_outside_the_rules_are_refused_at_their_row(as_developer, variables, told):
    version = make_deployable()

    answer = as_developer.post(NEW, filled(version, page_of(as_developer, version), *variables))

    place, message = told
    assert answer.status_code == 422
    assert problems(answer.content.decode()) == [(f"id_variables-{place}", message)]


def test_problem_of_a_variable_names_its_row_and_name(as_developer):
    version = make_deployable()

    answer = as_developer.post(NEW, filled(version, page_of(as_developer, version), ("A", "x"), ("PATH", "y")))

    assert re.findall(r'<a href="#id_variables-1-name">([^<]+)</a>', answer.content.decode()) == [
        "Environment variable 2 (PATH)"
    ]


def test_refusal_of_the_command_stands_at_its_field(as_developer, developer):
    version = make_deployable()
    make_service(version, by=developer, name="service-ab12")

    answer = as_developer.post(NEW, filled(version, page_of(as_developer, version)))

    assert answer.status_code == 422
    assert problems(answer.content.decode()) == [
        ("id_name", "A service named service-ab12 exists in this workspace. Choose another name. (ModelArts.3503)")
    ]


def test_quota_is_told_by_plan_and_refusal(as_developer, developer, settings):
    settings.SERVICE_QUOTA = 1
    version = make_deployable()
    make_service(version, by=developer)
    text = page_of(as_developer, version)

    answer = as_developer.post(NEW, filled(version, text, name="two"))

    assert "You have 1 real-time services in this workspace" in text
    assert "You have 1 real-time services in this workspace" in answer.content.decode()
    assert Service.objects.count() == 1


def test_version_deleted_meanwhile_is_told(as_developer):
    version = make_deployable()
    data = filled(version, page_of(as_developer, version))
    version.delete()

    answer = as_developer.post(NEW, data)

    assert answer.status_code == 422
    assert [target for target, _ in problems(answer.content.decode())] == ["id_version"]


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


def test_plan_bears_what_cannot_be_read(as_developer):
    version = make_deployable()
    changes = {"instances": "many", "timeout": "", "auto_stop_after": "custom", "auto_stop_hours": "99"}
    data = filled(version, page_of(as_developer, version), **changes) | {"submission": "forged"}

    answer = as_developer.post(PLAN, data)

    assert answer.status_code == 200
    assert plan(answer.content.decode())["With which limits"] == "CPU: 1 core 2 GiB × 1"


def test_form_without_javascript_is_brought_anew_with_what_was_typed(as_developer):
    version = make_deployable("digits")
    other = make_deployable("iris")
    data = filled(version, page_of(as_developer, version), ("MODE", "fast"), model=str(other.model.uuid), refresh="1")

    answer = as_developer.post(NEW, data)
    text = answer.content.decode()

    assert answer.status_code == 200
    assert problems(text) == []
    assert 'value="service-ab12"' in text
    assert 'value="MODE"' in text
    assert plan(text)["What will run"].startswith("iris 0.0.1")
    assert not Service.objects.exists()


def test_version_that_cannot_run_here_is_greyed_out(as_developer):
    built = make_deployable("digits", (0, 0, 1))
    make_version("digits", (0, 0, 2), engine="MindSpore")

    text = page_of(as_developer, built)

    versions = re.search(r'<select name="version".*?</select>', text, re.DOTALL)[0]
    assert re.findall(r"<option [^>]*disabled>([^<]+)</option>", versions) == ["0.0.2 (Normal) – not deployable"]


def test_plan_says_when_the_environment_is_built_first(as_developer):
    text = page_of(as_developer, make_deployable(state=EnvironmentState.FAILED))

    assert errors(text) == []
    assert plan(text)["What will run"].endswith("Its environment is built first; that may take some minutes")


def test_submission_of_another_persons_form_makes_no_second_owner(client, developer):
    version = make_deployable()
    other = make_member("other", "developer")
    client.force_login(developer)
    data = filled(version, page_of(client, version))
    client.post(NEW, data)
    client.force_login(other)

    answer = client.post(NEW, data | {"name": "two"})

    assert answer.status_code == 422
    assert Service.objects.get().created_by == developer


@pytest.mark.parametrize("count", [1, 3])
def test_form_costs_the_same_however_many_models_there_are(as_developer, count, django_assert_num_queries):
    versions = [make_deployable(f"m{number}") for number in range(count)]

    with django_assert_num_queries(13):
        page_of(as_developer, versions[0])
