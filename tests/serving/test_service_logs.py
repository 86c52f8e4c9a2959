"""What instances wrote, as the page of their service shows it."""

import re

import pytest

from serving.instance_logs import path_of
from tests.serving.deployed import CONFIG, instances_of, make_deployable, make_running, make_service

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("machine")]


@pytest.fixture
def service(developer):
    return make_running(make_deployable(config=CONFIG), by=developer, instances=2, variables={"MODE": "fast"})


def written(instance, text):
    path = path_of(instance)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_log_shows_the_end_of_what_an_instance_wrote(as_developer, service):
    written(instances_of(service)[1], "".join(f"line <{number}>\n" for number in range(400)))

    address = f"/services/{service.uuid}/?tab=logs&instance={instances_of(service)[1].uuid}"
    text = as_developer.get(address).content.decode()

    shown = re.search(r"<pre[^>]*data-log[^>]*>(.*?)</pre>", text, re.DOTALL)[1].split("\n")
    assert (shown[0], shown[-2]) == ("line &lt;100&gt;", "line &lt;399&gt;")


def test_log_is_followed_while_the_instance_lives(as_developer, service):
    chosen = instances_of(service)[0]
    address = f"/services/{service.uuid}/?tab=logs&instance={chosen.uuid}"

    living = as_developer.get(address, headers={"HX-Request": "true", "HX-Target": "service-log"}).content.decode()
    still = as_developer.get(f"{address}&follow=0").content.decode()
    instances_of(service).update(state="stopped")
    ended = as_developer.get(address).content.decode()

    pattern = r'id="service-log" hx-get="([^"]+)"'
    assert re.findall(pattern, living) == [address.replace("&", "&amp;")]
    assert re.findall(pattern, still) == re.findall(pattern, ended) == []


def test_log_before_anything_was_started(as_developer, developer):
    service = make_service(by=developer)

    text = as_developer.get(f"/services/{service.uuid}/?tab=logs").content.decode()

    assert "nothing was written yet" in text


def test_log_is_downloaded_whole(as_developer, service):
    chosen = instances_of(service)[0]
    written(chosen, "first\nlast\n")

    answer = as_developer.get(f"/services/{service.uuid}/logs/{chosen.uuid}/")

    assert b"".join(answer.streaming_content) == b"first\nlast\n"
    assert answer["Content-Disposition"] == f'attachment; filename="service-ab12-{str(chosen.uuid)[:8]}.log"'


def test_log_of_another_service_or_of_none_is_not_there(as_developer, developer, service):
    other = make_running(make_deployable("other"), by=developer, name="other")
    foreign, silent = instances_of(other)[0], instances_of(service)[0]
    written(foreign, "secret")

    assert as_developer.get(f"/services/{service.uuid}/logs/{foreign.uuid}/").status_code == 404
    assert as_developer.get(f"/services/{service.uuid}/logs/{silent.uuid}/").status_code == 404
