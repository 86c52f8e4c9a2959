"""What is done from the page of a service: stop, start, delete, auto stop, description."""

import re

import pytest

from serving.models import Service
from tests.serving.deployed import CONFIG, fail, make_deployable, make_running

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("machine")]


@pytest.fixture
def service(developer):
    return make_running(make_deployable(config=CONFIG), by=developer, instances=2, variables={"MODE": "fast"})


def test_stop_asks_first_and_then_stops(as_developer, service):
    address = f"/services/{service.uuid}/stop/"

    asked = as_developer.get(address, headers={"HX-Request": "true"}).content.decode()
    answer = as_developer.post(address, headers={"HX-Request": "true"})

    service.refresh_from_db()
    assert "It still counts against your quota." in asked
    assert answer["HX-Redirect"] == f"/services/{service.uuid}/"
    assert service.state == "stopping"


def test_stop_that_comes_too_late_says_so(as_developer, service):
    Service.objects.update(state="stopped", desired="stopped")

    text = as_developer.post(f"/services/{service.uuid}/stop/", follow=True).content.decode()

    assert "This cannot be done while the service is Stopped." in text


def test_start_deploys_again(as_developer, service):
    fail(service)

    text = as_developer.post(f"/services/{service.uuid}/start/", follow=True).content.decode()

    service.refresh_from_db()
    assert "service-ab12 is being deployed." in text
    assert service.state == "deploying"


def test_start_that_is_refused_says_why(as_developer, service, settings):
    fail(service)
    settings.POOL_MEMORY_MIB = 1000

    text = as_developer.post(f"/services/{service.uuid}/start/", follow=True).content.decode()

    service.refresh_from_db()
    assert "This machine has 4 cores and 1000 MiB of memory." in text
    assert service.state == "failed"


def test_delete_asks_first_and_then_leads_to_the_list(as_developer, service):
    address = f"/services/{service.uuid}/delete/"

    asked = as_developer.get(address).content.decode()
    answer = as_developer.post(address)

    service.refresh_from_db()
    assert re.findall(r"<strong><bdi>([^<]+)<", asked) == ["service-ab12"]
    assert answer["Location"] == "/services/real-time/"
    assert service.desired == "deleted"


def test_auto_stop_is_changed(as_developer, service):
    data = {"auto_stop": "on", "auto_stop_after": "custom", "auto_stop_hours": "5"}

    as_developer.post(f"/services/{service.uuid}/auto-stop/", data)

    service.refresh_from_db()
    assert service.auto_stop_seconds == 5 * 3600


def test_auto_stop_is_switched_off(as_developer, service):
    as_developer.post(f"/services/{service.uuid}/auto-stop/", {"auto_stop_after": "1"})

    service.refresh_from_db()
    assert (service.auto_stop_seconds, service.stops_at) == (None, None)


def test_auto_stop_outside_the_rules_keeps_what_was_typed(as_developer, service):
    data = {"auto_stop": "on", "auto_stop_after": "custom", "auto_stop_hours": "25"}

    answer = as_developer.post(f"/services/{service.uuid}/auto-stop/", data)

    assert answer.status_code == 422
    assert 'value="25"' in answer.content.decode()
    assert "Whole hours from 1 to 24." in answer.content.decode()


def test_description_is_edited_in_its_place(as_developer, service):
    headers = {"HX-Request": "true"}
    address = f"/services/{service.uuid}/edit/"

    form = as_developer.get(address, headers=headers).content.decode()
    refused = as_developer.post(address, {"description": "a+b"}, headers=headers)
    saved = as_developer.post(address, {"description": "Reads digits."}, headers=headers).content.decode()

    service.refresh_from_db()
    assert "data-editing" in form
    assert refused.status_code == 422
    assert 'class="description">Reads digits.</bdi>' in saved
    assert service.description == "Reads digits."


@pytest.mark.parametrize("action", ["start", "stop", "delete", "auto-stop", "edit"])
def test_viewer_changes_nothing(as_viewer, service, action):
    assert as_viewer.post(f"/services/{service.uuid}/{action}/").status_code == 403
