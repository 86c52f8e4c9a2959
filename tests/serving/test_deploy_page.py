"""The page to deploy a version: how it is opened, and what sending it does."""

import re

import pytest

from registry.models import Status
from serving.models import Service
from tests.factories import make_member, make_version, make_workspace
from tests.serving.deployed import SMALLEST, make_deployable
from tests.serving.deploying import CHINESE, NEW, PLAN, errors, filled, page_of, plan, problems

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("machine")]


def test_form_is_opened_for_a_version(as_developer):
    version = make_deployable()

    text = page_of(as_developer, version)

    assert re.findall(r'name="name" value="(service-[0-9a-f]{4})"', text) != []
    assert re.findall(r'<option value="[^"]+" selected>([^<]+)</option>', text) == ["digits", "0.0.1 (Normal)"]
    assert re.findall(r'id="id_auto_stop" checked', text) != []
    assert re.findall(r'name="specification" value="([^"]+)"[^>]* checked', text) == [SMALLEST]
    assert re.findall(r'name="(instances|timeout)" value="(\d+)"', text) == [("instances", "1"), ("timeout", "20")]


def test_enter_in_a_field_does_what_the_primary_button_does(as_developer):
    text = page_of(as_developer, make_deployable())

    form = text.partition('id="deploy-form"')[2]
    assert re.findall(r'<button[^>]*type="submit"[^>]*>', form)[0] == '<button type="submit" hidden>'


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
        "2048 MiB needed, 32000 MiB left 0 of 32000 MiB are promised to services and proofs; 4 cores are shared"
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
