import re
from datetime import timedelta

import pytest
from django.utils.timezone import now

from serving.instance_logs import path_of
from serving.models import InstanceState, Service, ServiceState
from tests.factories import make_member, make_workspace
from tests.serving.deployed import instances_of, make_deployable, make_running, make_service, observe

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("machine")]

CHINESE = {"Accept-Language": "zh-hans"}
CONFIG = {
    "model_type": "Scikit_Learn",
    "apis": [
        {
            "protocol": "https",
            "url": "/predict",
            "method": "post",
            "request": {
                "Content-type": "application/json",
                "data": {"type": "object", "properties": {"req_data": {"type": "array"}}},
            },
            "response": {"Content-type": "application/json", "data": {}},
        }
    ],
}


@pytest.fixture
def service(developer):
    return make_running(make_deployable(config=CONFIG), by=developer, instances=2, variables={"MODE": "fast"})


def facts(text):
    return dict(
        (re.sub(r"<[^>]+>", "", name).strip(), re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", value)).strip())
        for name, value in re.findall(r"<dt>(.*?)</dt><dd[^>]*>(.*?)</dd>", text, re.DOTALL)
    )


def fail(service, **params):
    observe(service, *[InstanceState.FAILED] * 2, reason_code="service.instances_failed", reason_params=params)


def test_page_shows_the_facts_of_a_service(as_developer, service):
    text = as_developer.get(f"/services/{service.uuid}/").content.decode()

    shown = facts(text)
    assert shown["Name"] == "service-ab12"
    assert shown["Service ID"] == str(service.uuid)
    assert shown["Status"] == "Running (stops in 60 minutes)"
    assert shown["Source"] == "My deployment"
    assert shown["Failed/Total calls"] == "0/0 Details"
    assert shown["Model and version"] == "digits 0.0.1"
    assert shown["Specification"] == "CPU: 1 core 2 GiB × 2"


def test_page_names_who_deployed_it_to_others(client, service):
    client.force_login(make_member("colleague", "viewer"))

    assert facts(client.get(f"/services/{service.uuid}/").content.decode())["Source"] == "Deployed by dev"


def test_remaining_time_beyond_an_hour_has_hours(as_developer, service):
    Service.objects.update(stops_at=now() + timedelta(minutes=118))

    shown = facts(as_developer.get(f"/services/{service.uuid}/").content.decode())

    assert shown["Status"] == "Running (stops in 1 h 58 min)"


def test_usage_guide_names_the_limits(as_developer, service):
    text = as_developer.get(f"/services/{service.uuid}/").content.decode()

    assert "and the model must begin to answer within 40 seconds." in text


def test_following_the_log_brings_the_counts_along(as_developer, service):
    Service.objects.update(calls=7)
    headers = {"HX-Request": "true", "HX-Target": "service-log"}

    text = as_developer.get(f"/services/{service.uuid}/", {"tab": "logs"}, headers=headers).content.decode()

    assert re.findall(r'<div id="service-calls" hx-swap-oob="true">\s*0/(\d+)', text) == ["7"]


def test_start_is_told_until_the_status_changes(as_developer, service):
    Service.objects.update(state=ServiceState.STOPPED, desired="stopped")

    page = as_developer.post(f"/services/{service.uuid}/start/", follow=True).content.decode()
    moved = as_developer.get(f"/services/{service.uuid}/status/", {"on": "page", "seen": "x"}).content.decode()

    assert '<div class="notice fleeting success">' in page
    assert '<div hx-swap-oob="delete:.notice.fleeting"></div>' in moved


def test_page_of_another_workspace_does_not_exist(client, service):
    client.force_login(make_member("stranger", "admin", make_workspace("elsewhere")))

    assert client.get(f"/services/{service.uuid}/").status_code == 404


def test_usage_guide_shows_address_headers_and_parameters(as_developer, service, settings):
    settings.GATEWAY_URL = "http://models.example:8001"

    text = as_developer.get(f"/services/{service.uuid}/").content.decode()

    address = f"http://models.example:8001/infer/{service.uuid}/"
    assert re.findall(r'id="endpoint">([^<]+)<', text) == [address]
    assert f'data-copy="{address}"' in text
    assert re.findall(r"<code>(X-Auth-Token|Authorization: Bearer)", text) == ["X-Auth-Token", "Authorization: Bearer"]
    parameters = text.partition('class="calling"')[0]
    assert re.findall(r'class="method post">POST</span>\s*<bdi class="mono">([^<]+)<', parameters) == ["/predict"]
    assert "req_data" in text


def test_page_speaks_chinese(as_developer, service):
    text = as_developer.get(f"/services/{service.uuid}/", headers=CHINESE).content.decode()

    assert re.findall(r'class="tab-words"[^>]*>([^<]+)<', text)[:1] == ["调用指南"]
    assert facts(text)["计算节点规格"] == "CPU：1核 2 GiB × 2"


def test_deployment_shows_its_phase_and_progress(as_developer, developer):
    service = make_service(by=developer, instances=2)
    observe(service)
    observe(service, InstanceState.READY, InstanceState.STARTING)

    text = as_developer.get(f"/services/{service.uuid}/").content.decode()

    assert re.findall(r'<li class="step (\w+)"[^>]*>([^<]+)<', text) == [
        ("done", "Prepare the environment"),
        ("done", "Schedule resources"),
        ("current", "Start the model"),
        ("waiting", "Running"),
    ]
    assert re.findall(r'<progress [^>]*value="(\d+)"', text) == ["70"]


def test_failure_says_where_and_leads_to_the_log(as_developer, service):
    fail(service, stage="load", file="customize_service.py", line=12, message="no <weights>")
    first = instances_of(service)[0]

    text = as_developer.get(f"/services/{service.uuid}/").content.decode()

    place = re.sub(r"<[^>]+>", "", re.search(r'notice-place">(.*?)</p>', text)[1])
    assert place == "Stage: load · customize_service.py:12"
    assert '<pre class="code-block">no &lt;weights&gt;</pre>' in text
    assert f'href="/services/{service.uuid}/?tab=logs&amp;instance={first.uuid}"' in text
    assert "Try again" in text


def test_alarm_says_how_many_are_ready(as_developer, service):
    observe(service, InstanceState.READY, InstanceState.UNHEALTHY)

    text = as_developer.get(f"/services/{service.uuid}/").content.decode()

    assert "Only 1 of 2 instances are ready." in text


def test_configuration_shows_what_runs_and_what_ran(as_developer, service):
    instances_of(service).filter(pk=instances_of(service)[0].pk).update(state="starting")

    text = as_developer.get(f"/services/{service.uuid}/?tab=configuration").content.decode()

    assert "MODE=fast" in text
    assert re.findall(r'data-label="Instances">([^<]+)<', text) == ["1/2", "2"]
    assert re.findall(r'data-label="Traffic ratio">([^<]+)<', text) == ["100%"]
    assert re.findall(r'primary-cell">(#\d+)<', text) == ["#1"]
    assert [str(each.uuid)[:8] in text for each in instances_of(service)] == [True, True]


def test_viewer_sees_names_of_variables_and_no_values(as_viewer, service):
    text = as_viewer.get(f"/services/{service.uuid}/?tab=configuration").content.decode()

    assert "<bdi>MODE</bdi>" in text
    assert "fast" not in text


@pytest.mark.parametrize(("query", "found"), [("", 3), ("&level=abnormal", 1), ("&level=normal", 2), ("&since=1", 2)])
def test_events_are_filtered_by_level_and_time(as_developer, developer, query, found):
    service = make_service(by=developer)
    service.events.update(at=now() - timedelta(hours=2))
    service.events.create(code="service.failed", abnormal=True, params={"name": "s"})
    service.events.create(code="service.starting")

    text = as_developer.get(f"/services/{service.uuid}/?tab=events{query}").content.decode()

    assert text.count('data-label="Event"') == found


def test_events_are_paged(as_developer, service):
    for _ in range(60):
        service.events.create(code="service.starting")

    first = as_developer.get(f"/services/{service.uuid}/?tab=events&level=normal").content.decode()
    following = re.search(r'rel="next" href="([^"]+)"', first)[1].replace("&amp;", "&")
    second = as_developer.get(following).content.decode()

    assert first.count('data-label="Event"') == 50
    assert "level=normal" in following
    assert second.count('data-label="Event"') == 66 - 50


def test_events_that_match_nothing_offer_all(as_developer, service):
    text = as_developer.get(f"/services/{service.uuid}/?tab=events&level=abnormal").content.decode()

    assert "No event of this type and time." in text


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


def test_unknown_tab_is_the_usage_guide(as_developer, service):
    text = as_developer.get(f"/services/{service.uuid}/?tab=nonsense").content.decode()

    assert 'id="endpoint"' in text


@pytest.mark.parametrize(("tab", "queries"), [("usage", 8), ("configuration", 9), ("events", 7), ("logs", 7)])
def test_tab_costs_the_same_however_many_instances_there_are(
    as_developer, developer, tab, queries, django_assert_num_queries
):
    version = make_deployable(config=CONFIG)
    one = make_running(version, by=developer, name="one")
    three = make_running(version, by=developer, name="three", instances=3)

    for service in (one, three):
        with django_assert_num_queries(queries):
            as_developer.get(f"/services/{service.uuid}/?tab={tab}")


def test_tabs_alone_for_htmx(as_developer, service):
    headers = {"HX-Request": "true", "HX-Target": "service-tabs"}

    text = as_developer.get(f"/services/{service.uuid}/?tab=events", headers=headers).content.decode()

    assert text.lstrip().startswith('<div class="version-tabs" id="service-tabs">')


def test_status_of_the_page_brings_counts_outcome_and_actions(as_developer, service):
    Service.objects.update(calls=3)

    text = as_developer.get(f"/services/{service.uuid}/status/?on=page&seen=running-deploying").content.decode()

    assert re.findall(r'id="([\w-]+)" hx-swap-oob="true"', text) == [
        "service-calls",
        "service-outcome",
        "service-since",
        "service-actions",
    ]


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
