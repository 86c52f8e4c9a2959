import csv
import re
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import AuditEvent
from accounts.queries_audit import AuditFilter, audit_for, audit_page
from accounts.roles import Role
from tests.factories import make_member, make_workspace

pytestmark = pytest.mark.django_db
AUDIT = "/workspace/audit/"


@pytest.fixture
def chief(client):
    user = make_member("chief", Role.ADMIN)
    client.force_login(user)
    return user


def happened(code="addModel", who="ann", at=None, workspace=None, **params):
    event = AuditEvent.objects.create(
        workspace=workspace or make_workspace(), actor_name=who, code=code, params=params or {"name": "digits"}
    )
    if at:
        AuditEvent.objects.filter(pk=event.pk).update(at=at)
    return event


def objects(response):
    return re.findall(r'<td class="audit-object"[^>]*><bdi>(.*?)</bdi>', response.content.decode())


def table_of(response):
    text = b"".join(response.streaming_content).decode()
    assert text[0] == "\ufeff"
    return list(csv.reader(StringIO(text[1:])))


# The page


@pytest.mark.db
@pytest.mark.parametrize(
    ("language", "heading", "what"), [("en", "Audit", "Version imported"), ("zh-hans", "审计", "导入版本")]
)
def test_events_are_told_in_both_languages_newest_first(client, chief, language, heading, what):
    happened(name="digits", version="0.0.1")
    happened(name="diabetes", version="0.0.1")
    client.post(reverse("set_language"), {"language": language})

    response = client.get(AUDIT)

    html = response.content.decode()
    assert re.search(r"<h1>(.*?)</h1>", html)[1] == heading
    assert objects(response) == ["diabetes 0.0.1", "digits 0.0.1"]
    assert re.findall(r'<span title="addModel">(.*?)</span>', html) == [what, what]


@pytest.mark.parametrize("role", [Role.VIEWER, Role.DEVELOPER, Role.REVIEWER])
@pytest.mark.parametrize("address", [AUDIT, f"{AUDIT}?format=csv"])
def test_only_administrators_read_the_trail(client, role, address):
    client.force_login(make_member("ann", role))

    assert client.get(address).status_code == 403


def test_events_of_another_workspace_and_of_none_are_not_there(client, chief):
    happened(name="mine")
    happened(name="theirs", workspace=make_workspace("other"))
    AuditEvent.objects.create(workspace=None, actor_name="ann", code="person.signed_in")

    assert objects(client.get(AUDIT)) == ["mine"]


@pytest.mark.db
@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("who=ann", ["c", "a"]),
        ("who=an", []),
        ("what=deleteModel", ["b"]),
        ("what=nonsense", ["c", "b", "a"]),
        ("who=ann&what=addModel", ["a"]),
        ("since=2026-03-02", ["c", "b"]),
        ("until=2026-03-02", ["b", "a"]),
        ("since=2026-03-02&until=2026-03-02", ["b"]),
        ("since=2026-02-31&until=99999-01-01", ["c", "b", "a"]),
        ("until=9999-12-31&since=0001-01-01", ["c", "b", "a"]),
        ("who=%00&after=x&before=%ff", ["c", "b", "a"]),
    ],
)
def test_events_are_filtered(client, chief, query, names):
    happened("addModel", "ann", datetime(2026, 3, 1, 23, 59, 59, tzinfo=UTC), name="a")
    happened("deleteModel", "bob", datetime(2026, 3, 2, tzinfo=UTC), name="b")
    happened("updateModel", "ann", datetime(2026, 3, 3, tzinfo=UTC), name="c")

    assert objects(client.get(f"{AUDIT}?{query}")) == names


def test_days_are_those_of_the_time_zone_of_the_console(client, chief, settings):
    settings.TIME_ZONE = "Asia/Shanghai"
    happened(at=datetime(2026, 3, 1, 16, 0, tzinfo=UTC), name="a")

    assert objects(client.get(f"{AUDIT}?since=2026-03-02&until=2026-03-02")) == ["a"]


@pytest.mark.db
@pytest.mark.parametrize("values", [{}, {"who": "ann"}, {"since": "2026-01-01", "until": "2026-12-31"}])
def test_events_are_paged_there_and_back(chief, values):
    for number in range(5):
        happened(at=datetime(2026, 3, 1 + number // 2, tzinfo=UTC), name=str(number))
    events = audit_for(chief).filter(workspace=make_workspace())

    def page(**place):
        return audit_page(events, AuditFilter(**values, **place), limit=2)

    first = page()
    second = page(after=first.next)
    third = page(after=second.next)
    back = page(before=third.previous)

    names = [[event.params["name"] for event in each.rows] for each in (first, second, third, back)]
    assert names == [["4", "3"], ["2", "1"], ["0"], ["2", "1"]]
    assert (first.previous, third.next, third.total) == ("", "", 5)


def test_total_is_counted_to_a_limit(chief, monkeypatch):
    monkeypatch.setattr("accounts.queries_audit.MOST_COUNTED", 2)
    for _ in range(3):
        happened()

    page = audit_page(audit_for(chief), AuditFilter())

    assert (page.total, page.uncounted) == (2, True)


def test_filter_by_htmx_answers_the_list_alone_and_its_address(client, chief):
    response = client.get(AUDIT, {"who": "ann"}, headers={"HX-Request": "true", "HX-Target": "audit"})

    assert response.content.decode().lstrip().startswith('<div class="people" id="audit">')
    assert response["HX-Push-Url"] == "/workspace/audit/?who=ann"


def test_members_are_suggested_and_codes_stand_in_groups(client, chief):
    make_member("ann")

    html = client.get(AUDIT).content.decode()

    assert re.findall(r'<option value="(\w+)"></option>', html) == ["ann", "chief"]
    assert {"Members and access", "Models and versions", "Storage", "Workspace", "People"} <= set(
        re.findall(r'<optgroup label="(.*?)">', html)
    )


@pytest.mark.parametrize(("query", "words"), [("", "Nothing has been done"), ("who=nobody", "Nobody did this")])
def test_empty_trail_says_why(client, chief, query, words):
    assert words in client.get(f"{AUDIT}?{query}").content.decode()


@pytest.mark.parametrize("count", [1, 3])
def test_audit_page_asks_the_same_queries_for_any_number(client, chief, count, django_assert_num_queries):
    for _ in range(count):
        happened()

    with django_assert_num_queries(7):  # session, user, workspaces, the right, rows, total, people
        client.get(AUDIT)


def test_what_people_wrote_is_escaped(client, chief):
    happened("updateModel", name="<script>", field="description", before="<b>", after="<i>")

    html = client.get(AUDIT).content.decode()

    assert "&lt;script&gt;" in html
    assert "<del>&lt;b&gt;</del> → <bdi>&lt;i&gt;</bdi>" in html


# The file


@pytest.mark.db
def test_file_holds_all_that_the_filter_leaves_and_is_an_event(client, chief, monkeypatch):
    monkeypatch.setattr("accounts.views.audit.AT_ONCE", 2)
    for number in range(3):
        happened(at=datetime(2026, 3, 1, 10, number, tzinfo=UTC), name=f"m{number}", version="0.0.1", digest="abc")
    happened(who="bob")

    response = client.get(f"{AUDIT}?who=ann&format=csv")

    rows = table_of(response)
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert re.fullmatch(r'attachment; filename="audit-default-[\d-]{10}\.csv"', response["Content-Disposition"])
    assert rows[0] == ["Time", "Who", "What", "Code", "Object", "Details"]
    assert rows[1:] == [
        [f"2026-03-01T10:0{n}:00+00:00", "ann", "Version imported", "addModel", f"m{n} 0.0.1", "Digest: abc"]
        for n in (2, 1, 0)
    ]
    assert AuditEvent.objects.filter(code="audit.exported").values_list("actor_name", "params").get() == (
        "chief",
        {"who": "ann"},
    )


def test_file_is_written_in_the_language_of_whoever_asks(client, chief):
    happened("member.set", name="bo", field="role", before="viewer", after="admin")
    client.post(reverse("set_language"), {"language": "zh-hans"})

    response = client.get(f"{AUDIT}?format=csv&who=ann")
    client.post(reverse("set_language"), {"language": "en"})  # The thread served somebody else meanwhile.

    assert table_of(response)[1][2:] == ["授予角色", "member.set", "bo", "角色: 查看者 → 管理员"]


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@x", "\tx", " =1", "＝1"])
def test_no_cell_is_a_formula(client, chief, name):
    happened(who=name, name=name)

    row = table_of(client.get(f"{AUDIT}?format=csv&what=addModel"))[1]

    assert (row[1], row[4]) == (f"'{name}", f"'{name}")


def test_asking_for_the_head_of_the_file_records_nothing(client, chief):
    response = client.head(f"{AUDIT}?format=csv")

    assert response.status_code == 200
    assert AuditEvent.objects.count() == 0


# What the database does


FILTERS = [
    ({}, "workspace_id=?"),
    ({"who": "ann"}, "workspace_id=? AND actor_name=?"),
    ({"what": "addModel"}, "workspace_id=? AND code=?"),
    ({"who": "ann", "what": "addModel"}, "workspace_id=? AND actor_name=? AND code=?"),
]
DAYS = [{}, {"since": "2026-01-01"}, {"until": "2099-01-01"}, {"since": "2026-01-01", "until": "2099-01-01"}]


def plans(events, wanted):
    """What SQLite does for the page and for its total."""
    with CaptureQueriesContext(connection) as captured:
        audit_page(events, wanted, limit=1)
    with connection.cursor() as cursor:
        return [
            "\n".join(row[3] for row in cursor.execute(f"EXPLAIN QUERY PLAN {query['sql']}").fetchall())
            for query in captured
        ]


def range_of(steps):
    """The columns by which the trail was searched; fails when it was scanned or sorted afterwards."""
    assert "TEMP B-TREE" not in steps
    assert "SCAN accounts_auditevent" not in steps
    return re.search(r"SEARCH accounts_auditevent USING (?:COVERING )?INDEX \w+ \((.*)\)", steps)[1]


@pytest.mark.parametrize("days", DAYS)
@pytest.mark.parametrize(("wanted", "columns"), FILTERS)
def test_every_page_is_one_range_of_an_index(chief, wanted, columns, days):
    for number in range(3):
        happened(at=datetime(2026, 3, 1, tzinfo=UTC) + timedelta(days=number))
    events = audit_for(chief).filter(workspace=make_workspace())
    first = audit_page(events, AuditFilter(**wanted, **days), limit=1)
    middle = audit_page(events, AuditFilter(**wanted, **days, after=first.next), limit=1)

    lower = " AND at>?" if "since" in days else ""
    upper = " AND at<?" if "until" in days else ""
    page, total = plans(events, AuditFilter(**wanted, **days))
    deep, _ = plans(events, AuditFilter(**wanted, **days, after=first.next))
    back, _ = plans(events, AuditFilter(**wanted, **days, before=middle.previous))

    assert range_of(page) == range_of(total) == columns + lower + upper
    assert range_of(deep) == f"{columns}{lower} AND at<?"
    assert range_of(back) == f"{columns} AND at>?{upper}"
