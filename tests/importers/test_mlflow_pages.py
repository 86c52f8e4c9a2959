"""The pages of MLflow connections: list, form with test, synchronise, remove."""

import re

import pytest
from django.utils.timezone import now

from accounts.secrets import unseal
from importers.mlflow_http import Place
from importers.models import MLflowConnection, TrainingJob
from importers.services_mlflow import Wanted, add_connection
from tests.factories import make_member, make_workspace
from tests.importers.pages import HTMX
from tests.importers.tracking import a_model, a_run, server

pytestmark = pytest.mark.django_db
LIST = "/training-jobs/connections/"
CHINESE = {"Accept-Language": "zh-hans"}
DOWN = "http://127.0.0.1:1"


def connect(name="research", place=None, workspace=None, **values):
    by = make_member(f"by-{name}", "admin", workspace)
    return add_connection(workspace or make_workspace(), Wanted(name, place or Place(DOWN), **values), by=by)


def typed(**changes):
    data = {"name": "research", "address": DOWN, "auth": "none", "experiments": "", "artifact_root": "", "anyway": "1"}
    return {name: value for name, value in (data | changes).items() if value is not None}


def text_of(page):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.content.decode()))


def errors(page):
    found = re.findall(r'id="(\w+)_error">.*?<span>(.*?)</span>', page.content.decode(), re.DOTALL)
    return {name.removeprefix("id_"): message for name, message in found}


def page_of(connection, name):
    return f"{LIST}{connection.uuid}/{name}/"


def test_list_is_empty_and_leads_to_the_form_and_the_help(as_admin):
    text = as_admin.get(LIST).content.decode()

    assert re.findall(r'empty-title">([^<]+)<', text) == ["No MLflow connections yet"]
    assert text.count(f'href="{LIST}new/"') == 2
    assert 'href="/help/mlflow/">What is taken over' in text


def test_list_says_what_the_last_synchronisation_found(as_developer):
    connection = connect(experiments=("flowers", "trees"))
    TrainingJob.objects.create(workspace=make_workspace(), name="flowers", connection=connection)
    skipped = [{"code": "mlflow.skip_no_model", "params": {}, "count": 3, "run": "r1"}]
    MLflowConnection.objects.update(
        last_sync_at=now(), asked_at=None, runs_seen=6, runs_new=1, runs_known=2, runs_refused=3, skipped=skipped
    )

    text = text_of(as_developer.get(LIST))

    assert "flowers, trees 1 Complete" in text
    assert "6 runs found · 1 new · 2 known already · 3 skipped" in text
    assert "3 × The run logged no model. For example run r1 ." in text


def test_list_says_why_a_synchronisation_failed(as_developer):
    connect()
    MLflowConnection.objects.update(
        last_sync_at=now(), asked_at=None, last_code="mlflow.not_authorised", last_params={"address": DOWN}
    )

    text = text_of(as_developer.get(LIST))

    assert "Incomplete" in text
    assert f"{DOWN} does not accept the user name and password, or the token. Enter them anew." in text


def test_list_speaks_chinese(as_admin):
    connect()

    text = text_of(as_admin.get(LIST, headers=CHINESE))

    assert "MLflow 连接" in text
    assert "等待处理" in text
    assert "立即同步" in text


def test_list_is_searched_and_sorted(as_developer):
    for name in ("beta", "alpha", "gamma"):
        connect(name)

    def names(query):
        text = as_developer.get(f"{LIST}?{query}").content.decode()
        return re.findall(r'class="run-label"><bdi>([^<]*)<', text)

    assert names("") == ["alpha", "beta", "gamma"]
    assert names("sort=-name") == ["gamma", "beta", "alpha"]
    assert names("q=am") == ["gamma"]
    assert "No connection matches" in as_developer.get(f"{LIST}?q=none").content.decode()


@pytest.mark.parametrize("count", [1, 3])
def test_list_asks_the_same_number_of_queries(as_developer, django_assert_num_queries, count):
    for number in range(count):
        connect(f"c{number}")
    as_developer.get(LIST)

    with django_assert_num_queries(6):
        as_developer.get(LIST)


@pytest.mark.parametrize(
    ("role", "offers"),
    [("viewer", []), ("developer", ["Synchronise now"]), ("admin", ["Synchronise now", "Edit", "Remove"])],
)
def test_each_role_is_offered_what_it_may_do(client, role, offers):
    connect()
    client.force_login(make_member("somebody", role))

    text = client.get(LIST).content.decode()

    row = text[text.index("<tbody") :]
    assert [words for words in ("Synchronise now", "Edit", "Remove") if f">{words}<" in row] == offers


def test_a_row_asks_for_itself_only_while_it_moves(as_developer):
    connection = connect()
    assert "hx-trigger" in as_developer.get(page_of(connection, "status")).content.decode()

    MLflowConnection.objects.update(last_sync_at=now())

    assert "hx-trigger" not in as_developer.get(page_of(connection, "status")).content.decode()


def test_a_tested_server_tells_what_it_has_and_nothing_is_saved(as_admin):
    with server([a_run()], [a_model()]) as mlflow:
        page = as_admin.post(f"{LIST}new/", typed(address=mlflow.endpoint, test="1", anyway=None), headers=HTMX)

    text = text_of(page)
    assert page.status_code == 200
    assert "Connection works, but not everything can be read." in text
    assert "1 experiment" in text
    assert "The artifacts lie in /nowhere, which no bucket of this workspace reaches." in text
    assert MLflowConnection.objects.count() == 0


def test_a_server_that_does_not_answer_is_not_saved_unless_asked_for(as_admin):
    page = as_admin.post(f"{LIST}new/", typed(anyway=None), headers=HTMX)

    assert page.status_code == 422
    assert f"{DOWN} cannot be reached." in text_of(page)
    assert MLflowConnection.objects.count() == 0

    saved = as_admin.post(f"{LIST}new/", typed())

    assert saved.headers["Location"] == LIST
    assert MLflowConnection.objects.get().waiting


def test_everything_typed_is_kept_sealed_and_never_shown(as_admin):
    as_admin.post(
        f"{LIST}new/",
        typed(
            auth="basic", username="ann", password="hush-hush", experiments="a\n\n b \na", artifact_root="/packages/x"
        ),
    )

    connection = MLflowConnection.objects.get()
    assert (connection.username, connection.wanted, connection.artifact_root) == ("ann", ["a", "b"], "/packages/x/")
    assert unseal(connection.credentials) == {"password": "hush-hush"}
    page = as_admin.get(page_of(connection, "edit"))
    assert "hush-hush" not in page.content.decode()
    assert "A secret is saved." in text_of(page)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "a\u202eb"}, "name"),
        ({"address": "ftp://x"}, "address"),
        ({"address": "http://169.254.169.254"}, "address"),
        ({"auth": "basic", "password": "x"}, "username"),
        ({"auth": "basic", "username": "ann"}, "password"),
        ({"auth": "basic", "username": "a:b", "password": "x"}, "username"),
        ({"auth": "token"}, "token"),
        ({"experiments": "\n".join(str(n) for n in range(60))}, "experiments"),
        ({"artifact_root": "nowhere"}, "artifact_root"),
    ],
)
def test_what_cannot_be_is_refused_at_its_field_and_nothing_is_lost(as_admin, changes, field):
    page = as_admin.post(f"{LIST}new/", typed(**changes), headers=HTMX)

    assert page.status_code == 422
    assert list(errors(page)) == [field]
    assert f'value="{DOWN}"' in page.content.decode() or field == "address"
    assert MLflowConnection.objects.count() == 0


@pytest.mark.parametrize("token", ["“secret”", "a\nb", "a b"])
def test_a_token_that_no_request_can_carry_is_refused_at_its_field(as_admin, token):
    with server([], []) as mlflow:
        page = as_admin.post(f"{LIST}new/", typed(address=mlflow.endpoint, auth="token", token=token, anyway=None))

    assert (page.status_code, [*errors(page)]) == (422, ["token"])
    assert MLflowConnection.objects.count() == 0


def test_a_name_that_is_taken_is_told(as_admin):
    connect()

    page = as_admin.post(f"{LIST}new/", typed(), headers=HTMX)

    assert "There is a connection named “research” already." in errors(page)["name"]


def test_an_edit_keeps_the_secret_that_is_left_empty(as_admin):
    connection = connect(place=Place(DOWN, "ann", "hush"))

    as_admin.post(page_of(connection, "edit"), typed(name="other", auth="basic", username="ann", password=""))

    connection.refresh_from_db()
    assert (connection.name, unseal(connection.credentials)) == ("other", {"password": "hush"})


def test_a_saved_secret_is_not_sent_to_another_address(as_admin):
    connection = connect(place=Place(DOWN, "ann", "hush"))
    with server([], []) as other:
        page = as_admin.post(
            page_of(connection, "edit"), typed(address=other.endpoint, auth="basic", username="ann", password="")
        )

        assert "Saved passwords and tokens go only where they were given for." in errors(page)["password"]
        assert other.asked == []


def test_credentials_can_be_given_up(as_admin):
    connection = connect(place=Place(DOWN, "ann", "hush"))

    as_admin.post(page_of(connection, "edit"), typed())

    connection.refresh_from_db()
    assert (connection.credentials, connection.username) == ("", "")


def test_a_developer_lets_it_be_read_now(as_developer):
    connection = connect()
    MLflowConnection.objects.update(asked_at=None, last_sync_at=now())

    page = as_developer.post(page_of(connection, "sync"), headers=HTMX)

    assert "Waiting for a worker" in text_of(page)
    assert MLflowConnection.objects.get().waiting
    assert as_developer.post(page_of(connection, "sync")).headers["Location"] == LIST


def test_removing_is_asked_first_and_says_what_stays(as_admin):
    connection = connect()
    TrainingJob.objects.create(workspace=make_workspace(), name="flowers", connection=connection)

    asked = as_admin.get(page_of(connection, "remove"), headers=HTMX)
    assert "<dialog" in asked.content.decode()
    assert "The 1 training job that was read from it stays" in text_of(asked)
    assert "<h1" in as_admin.get(page_of(connection, "remove")).content.decode()
    done = as_admin.post(page_of(connection, "remove"))

    assert done.headers["Location"] == LIST
    assert (MLflowConnection.objects.count(), TrainingJob.objects.count()) == (0, 1)


@pytest.mark.parametrize("name", ["edit", "remove"])
def test_only_administrators_change_connections(as_developer, name):
    connection = connect()

    assert as_developer.get(page_of(connection, name)).status_code == 403
    assert as_developer.get(f"{LIST}new/").status_code == 403


def test_viewers_do_not_synchronise(as_viewer):
    assert as_viewer.post(page_of(connect(), "sync")).status_code == 403


@pytest.mark.parametrize(("name", "method"), [("edit", "get"), ("remove", "post"), ("sync", "post"), ("status", "get")])
def test_connections_of_another_workspace_are_not_there(as_admin, name, method):
    connection = connect(workspace=make_workspace("other"))

    assert getattr(as_admin, method)(page_of(connection, name)).status_code == 404
    assert "research" not in as_admin.get(LIST).content.decode()


def test_pages_work_in_chinese(as_admin):
    connection = connect(place=Place(DOWN, "", "", "t"))

    assert "添加 MLflow 连接" in text_of(as_admin.get(f"{LIST}new/", headers=CHINESE))
    assert "编辑连接 research" in text_of(as_admin.get(page_of(connection, "edit"), headers=CHINESE))
    assert "移除连接" in text_of(as_admin.get(page_of(connection, "remove"), headers=CHINESE))
