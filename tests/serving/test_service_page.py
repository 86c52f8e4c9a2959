"""The page of a service and its tabs."""

import json
import re
from datetime import timedelta

import pytest
from django.utils import translation
from django.utils.timezone import now

from registry.models import ModelVersion
from serving.models import InstanceState, Service, ServiceEvent, ServiceState
from tests.factories import make_member, make_workspace
from tests.serving.deployed import CONFIG, fail, instances_of, make_deployable, make_running, make_service, observe

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("machine")]
CHINESE = {"Accept-Language": "zh-hans"}


@pytest.fixture
def service(developer):
    return make_running(make_deployable(config=CONFIG), by=developer, instances=2, variables={"MODE": "fast"})


def facts(text):
    return dict(
        (re.sub(r"<[^>]+>", "", name).strip(), re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", value)).strip())
        for name, value in re.findall(r"<dt>(.*?)</dt><dd[^>]*>(.*?)</dd>", text, re.DOTALL)
    )


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


@pytest.mark.parametrize(("minutes", "marked"), [(11, ""), (9, " soon")])
def test_remaining_time_is_marked_in_its_last_minutes(as_developer, service, minutes, marked):
    Service.objects.update(stops_at=now() + timedelta(minutes=minutes))

    text = as_developer.get(f"/services/{service.uuid}/").content.decode()

    assert re.findall(r'class="service-countdown([^"]*)"', text) == [marked]


def test_usage_guide_marks_an_example_that_the_proof_sent_in_vain(as_developer, service):
    ModelVersion.objects.update(proof="started", proof_code="proof.derived_refused", sample=None)

    text = as_developer.get(f"/services/{service.uuid}/").content.decode()

    assert text.count("and the model refused it when the version was proved.") == 1


@pytest.mark.parametrize(
    ("code", "seconds", "english", "chinese"),
    [
        ("service.auto_stop_on", 3600, "1 hour after the start", "启动1小时后停止"),
        ("service.auto_stop_set", 10800, "in 3 hours", "3小时后停止"),
        ("service.auto_stop_set", 5400, "in 1 h 30 min", "1小时30分钟后停止"),
    ],
)
def test_event_of_the_automatic_stop_has_hours(service, code, seconds, english, chinese):
    event = ServiceEvent(service=service, code=code, params={"seconds": seconds})

    with translation.override("en"):
        assert event.message == f"Automatic stop switched on: {english}"
    with translation.override("zh-hans"):
        assert event.message == f"自动停止已开启：{chinese}"


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
    still = as_developer.get(f"/services/{service.uuid}/status/", {"on": "page", "seen": "running-deploying"})
    moved = as_developer.get(f"/services/{service.uuid}/status/", {"on": "page", "seen": "x"})

    assert '<div class="notice fleeting success">' in page
    assert "HX-Trigger" not in still
    assert json.loads(moved["HX-Trigger"]) == {"moved": {}}


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
