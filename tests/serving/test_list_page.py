import json
import re
from datetime import timedelta

import pytest
from django.utils.timezone import now

from accounts.models import Workspace
from serving.models import Desired, Service
from tests.factories import make_member, make_workspace
from tests.serving.deployed import make_deployable, make_running, make_service

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("machine")]

LIST = "/services/real-time/"
CHINESE = {"Accept-Language": "zh-hans"}
PART = {"HX-Request": "true", "HX-Target": "services"}


def names(page):
    return re.findall(r'primary-cell"><a href="[^"]+"><bdi>([^<]*)</bdi>', page.content.decode())


def operations(page):
    """The words of the row's controls, those of its menu included."""
    part = re.search(r'id="operations-.*?</td>', page.content.decode(), re.DOTALL)[0]
    return re.findall(r"(?:<a [^>]*>|<button [^>]*>|<summary [^>]*>)(?:<svg.*?</svg>)?([^<]+)<", part)


def test_list_is_empty_and_leads_to_the_form(as_developer):
    text = as_developer.get(LIST).content.decode()

    assert re.findall(r'empty-title">([^<]+)<', text) == ["No real-time services yet"]
    assert text.count('href="/services/new/real-time/"') == 2


def test_viewer_is_told_whom_to_ask(as_viewer):
    text = as_viewer.get(LIST).content.decode()

    assert "Ask a developer or an administrator of this workspace to deploy one." in text
    assert "/services/new/real-time/" not in text


def test_list_shows_a_running_service(as_developer, developer):
    service = make_running(by=developer, description="Reads digits.")
    Service.objects.update(calls=7, failures=2, stops_at=now() + timedelta(minutes=52, seconds=30))

    page = as_developer.get(LIST)
    text = page.content.decode()

    assert names(page) == ["service-ab12"]
    assert re.findall(r'<span class="status (\w+)">([^<]+)<', text) == [("good", "Running")]
    assert re.findall(r'service-countdown">([^<]+)<', text) == ["(stops in 53 minutes)"]
    assert re.findall(rf'id="calls-{service.uuid}"><span [^>]*>(\d+)</span>/(\d+)<', text) == [("2", "7")]
    assert operations(page) == ["Predict", "Stop", "More", "Logs", "Automatic stop", "Delete"]


@pytest.mark.parametrize(
    ("state", "offered"),
    [
        ("deploying", []),
        ("running", ["Stop"]),
        ("concerning", ["Stop"]),
        ("stopping", []),
        ("stopped", ["Start"]),
        ("failed", ["Start"]),
    ],
)
def test_row_offers_what_its_state_allows(as_developer, developer, state, offered):
    make_service(by=developer)
    Service.objects.update(state=state, desired="stopped" if state in {"stopping", "stopped"} else "running")

    found = operations(as_developer.get(LIST))

    assert [word for word in found if word in {"Start", "Stop"}] == offered


def test_viewer_may_only_look(as_viewer, developer):
    make_running(by=developer)

    page = as_viewer.get(LIST)

    assert operations(page) == ["Predict"]
    assert 'type="checkbox" form="selection"' not in page.content.decode()


def test_service_that_is_being_deleted_says_so_and_offers_nothing(as_developer, developer):
    make_running(by=developer)
    Service.objects.update(desired=Desired.DELETED, state="stopping")

    page = as_developer.get(LIST)

    assert re.findall(r'<span class="status (\w+)">([^<]+)<', page.content.decode()) == [("busy", "Deleting")]
    assert operations(page) == []


def test_list_speaks_chinese(as_developer, developer):
    make_running(by=developer)

    text = as_developer.get(LIST, headers=CHINESE).content.decode()

    assert re.findall(r"<h1>([^<]+)</h1>", text) == ["在线服务"]
    assert re.findall(r'<span class="status good">([^<]+)<', text) == ["运行中"]
    assert re.findall(r'service-countdown">([^<]+)<', text) == ["(60分钟后停止)"]


def test_list_shows_only_the_workspace_of_the_member(as_developer, developer):
    elsewhere = make_workspace("elsewhere")
    stranger = make_member("stranger", "admin", elsewhere)
    make_service(make_deployable("theirs", workspace=elsewhere), by=stranger, name="theirs")
    make_service(by=developer, name="ours")

    assert names(as_developer.get(LIST)) == ["ours"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=ONE", ["one"]),
        ("status=failed", ["two"]),
        ("q=one&status=failed", []),
        ("sort=name", ["one", "two"]),
        ("sort=-name", ["two", "one"]),
        ("status=nonsense&sort=evil&after=x", ["two", "one"]),
    ],
)
def test_list_filters_and_sorts_by_what_the_address_says(as_developer, developer, query, found):
    version = make_deployable()
    make_service(version, by=developer, name="one")
    make_service(version, by=developer, name="two")
    Service.objects.filter(name="two").update(state="failed")

    assert names(as_developer.get(f"{LIST}?{query}")) == found


def test_list_without_a_match_offers_to_clear_the_filters(as_developer):
    text = as_developer.get(f"{LIST}?q=nothing").content.decode()

    assert re.findall(r'empty-title">([^<]+)<', text) == ["No service matches"]


def test_list_pages_by_cursor(as_developer, developer, settings):
    settings.SERVICE_QUOTA, settings.POOL_MEMORY_MIB = 99, 999_999
    version = make_deployable()
    for number in range(27):
        make_service(version, by=developer, name=f"s{number:02}")

    first = as_developer.get(f"{LIST}?sort=name")
    following = re.search(r'rel="next" href="([^"]+)"', first.content.decode())[1].replace("&amp;", "&")

    assert names(as_developer.get(following)) == ["s25", "s26"]


def test_list_answers_htmx_with_the_table_alone_and_a_clean_address(as_developer, developer):
    make_service(by=developer)

    page = as_developer.get(f"{LIST}?q=ab12&status=", headers=PART)

    assert page.content.decode().lstrip().startswith('<div class="services" id="services">')
    assert page.headers["HX-Push-Url"] == f"{LIST}?q=ab12"


@pytest.mark.parametrize("count", [1, 3])
def test_list_costs_the_same_however_many_rows_there_are(as_developer, developer, count, django_assert_num_queries):
    version = make_deployable()
    for number in range(count):
        make_running(version, by=developer, name=f"s{number}")

    with django_assert_num_queries(6):
        as_developer.get(LIST)


@pytest.mark.parametrize(
    ("state", "wait"), [("deploying", "1.0"), ("stopping", "1.0"), ("running", "10.0"), ("stopped", ""), ("failed", "")]
)
def test_status_asks_again_only_while_something_may_change(as_developer, developer, settings, state, wait):
    settings.PAGE_POLL_SECONDS = 1.0
    service = make_service(by=developer)
    desired = "stopped" if state in {"stopped", "stopping"} else "running"
    Service.objects.update(state=state, desired=desired)

    text = as_developer.get(f"/services/{service.uuid}/status/?on=list&seen={desired}-{state}").content.decode()

    assert re.findall(r'id="status-[^>]*load delay:([\d.]+)s', text) == ([wait] if wait else [])
    assert 'id="operations-' not in text


def test_status_of_a_running_service_asks_again_soon_on_its_own_page(as_developer, developer, settings):
    settings.PAGE_POLL_SECONDS = 1.0
    service = make_running(by=developer)

    text = as_developer.get(f"/services/{service.uuid}/status/?on=page&seen=running-running").content.decode()

    assert re.findall(r'id="status-[^>]*load delay:([\d.]+)s', text) == ["2.0"]


def test_status_brings_new_controls_when_the_state_changed(as_developer, developer):
    service = make_running(by=developer)

    text = as_developer.get(f"/services/{service.uuid}/status/?on=list&seen=running-deploying").content.decode()

    assert re.findall(r'id="operations-[^>]* hx-swap-oob="true"', text) != []
    assert "/stop/" in text


def test_several_are_named_before_they_are_deleted(as_developer, developer):
    version = make_deployable()
    one, two = (make_service(version, by=developer, name=name) for name in ("one", "two"))
    data = {"service": [str(one.uuid), str(two.uuid), "nonsense"]}

    asked = as_developer.post(f"{LIST}delete/", data).content.decode()
    before = Service.objects.filter(desired=Desired.DELETED).count()
    answer = as_developer.post(f"{LIST}delete/", data | {"confirmed": "1"})

    assert re.findall(r"<strong><bdi>([^<]+)</bdi></strong>", asked) == ["two", "one"]
    assert "This cannot be undone." in asked
    assert before == 0
    assert answer["Location"] == LIST
    assert Service.objects.filter(desired=Desired.DELETED).count() == 2


def test_deleting_none_says_what_to_do(as_developer):
    text = as_developer.post(f"{LIST}delete/", follow=True).content.decode()

    assert "Tick the services to delete first." in text


def test_services_of_others_are_not_deleted(as_developer, developer):
    elsewhere = make_workspace("elsewhere")
    stranger = make_member("stranger", "admin", elsewhere)
    theirs = make_service(make_deployable("theirs", workspace=elsewhere), by=stranger, name="theirs")

    as_developer.post(f"{LIST}delete/", {"service": [str(theirs.uuid)], "confirmed": "1"})

    assert Service.objects.get().desired == "running"


def test_version_row_and_page_offer_to_deploy(as_developer):
    version = make_deployable()
    link = f'href="/services/new/real-time/?version={version.uuid}"'

    assert link in as_developer.get(f"/models/{version.model.uuid}/versions/").content.decode()
    assert link in as_developer.get(f"/versions/{version.uuid}/").content.decode()


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"deployment_types": "batch"}, "Not imported for real-time services."),
        ({"proof": "cannot_run_here", "proof_code": "cannot_run.needs_spark"}, "needs a Spark installation with Java"),
    ],
)
def test_menu_says_why_a_version_cannot_be_deployed(as_developer, values, told):
    version = make_deployable(**values)

    text = as_developer.get(f"/versions/{version.uuid}/").content.decode()

    assert told in text
    assert "/services/new/real-time/?version" not in text


def test_menu_says_that_an_approval_is_wanted_first(as_developer):
    version = make_deployable()
    Workspace.objects.update(approval_to_deploy=True)

    page = as_developer.get(f"/versions/{version.uuid}/").content.decode()
    row = as_developer.get(f"/models/{version.model.uuid}/versions/", headers={"HX-Request": "true"}).content.decode()

    for text in (page, row):
        assert '<p class="menu-head">The workspace wants it approved first, and it is not.</p>' in text
        assert "/services/new/real-time/?version=" not in text


def test_viewer_is_offered_no_deployment(as_viewer):
    version = make_deployable()

    assert "/services/new/" not in as_viewer.get(f"/versions/{version.uuid}/").content.decode()


def test_version_in_use_is_kept_and_names_its_services_with_links(client, admin):
    version = make_deployable()
    service = make_service(version, by=admin)
    client.force_login(admin)

    looked = client.get(f"/versions/{version.uuid}/delete/")
    answer = client.post(f"/versions/{version.uuid}/delete/")

    assert (looked.status_code, answer.status_code) == (200, 409)
    for page in (looked, answer):
        assert re.findall(r'<li><a href="([^"]+)"><bdi>([^<]+)</bdi>', page.content.decode()) == [
            (f"/services/{service.uuid}/", "service-ab12")
        ]


def test_list_comes_anew_as_it_is_shown_when_a_deletion_has_ended(as_developer, developer):
    version = make_deployable()
    service = make_service(version, by=developer, name="gone")
    make_service(version, by=developer, name="stays")
    make_service(version, by=developer, name="other")
    address = f"/services/{service.uuid}/status/"
    service.delete()
    asks = {"HX-Request": "true", "HX-Current-URL": f"http://testserver{LIST}?q=stays#x"}

    listed = as_developer.get(f"{address}?on=list", headers=asks)
    on_page = as_developer.get(f"{address}?on=page", headers=asks)

    assert (listed["HX-Retarget"], listed["HX-Reswap"]) == ("#services", "outerHTML")
    assert names(listed) == ["stays"]
    assert re.findall(r'pager-total">([^<]+)<', listed.content.decode()) == ["Total: 1"]
    assert json.loads(listed["HX-Trigger"]) == {"moved": {}}
    assert on_page["HX-Redirect"] == LIST
    assert as_developer.get(address).status_code == 404


def test_deletion_is_told_until_it_has_ended(as_developer, developer):
    service = make_running(by=developer)

    page = as_developer.post(f"/services/{service.uuid}/delete/", follow=True).content.decode()
    moved = as_developer.get(f"/services/{service.uuid}/status/", {"on": "list", "seen": "running-running"})

    assert '<div class="notice fleeting success">' in page
    assert "HX-Trigger" not in moved
