"""What an audit event says, in both languages and whatever it holds."""

import pytest
from django.utils import translation

from accounts.details import line_of
from accounts.models import AuditEvent


def said(code, **params):
    line = line_of(AuditEvent(code=code, actor_name="ann", params=params))
    return line.what, line.subject, [(each.label, each.before, each.value) for each in line.details]


@pytest.mark.parametrize(
    ("code", "params", "subject", "details"),
    [
        ("addModel", {"name": "digits", "version": "0.0.1"}, "digits 0.0.1", []),
        ("bucket.created", {"bucket": "demo"}, "demo", []),
        (
            "storage.renamed",
            {"path": "/demo/a", "to": "/demo/b", "files": 1},
            "/demo/a",
            [("New path", None, "/demo/b"), ("Files", None, "1")],
        ),
        (
            "storage.uploaded",
            {"path": "/demo/", "files": 2, "bytes": 2048},
            "/demo/",
            [("Files", None, "2"), ("Size", None, "2.0\xa0KB")],
        ),
        (
            "member.set",
            {"name": "bo", "field": "role", "before": "viewer", "after": "admin"},
            "bo",
            [("Role", "Viewer", "Administrator")],
        ),
        (
            "updateModel",
            {"name": "digits", "version": "0.0.1", "field": "labels", "before": [], "after": ["a", "b"]},
            "digits 0.0.1",
            [("Labels", "--", "a, b")],
        ),
        (
            "updateModel",
            {"name": "digits", "field": "documents", "before": [["x", "http://x"]], "after": []},
            "digits",
            [("Documents", "x, http://x", "--")],
        ),
        (
            "workspace.policies_changed",
            {"changed": {"four_eyes": [True, False]}},
            "",
            [("Four eyes", "yes", "no")],
        ),
        (
            "bucket.edited",
            {"bucket": "demo", "changed": ["endpoint", "prefix"], "endpoint": "http://s3"},
            "demo",
            [("Changed", None, "Endpoint, Prefix"), ("Endpoint", None, "http://s3")],
        ),
        (
            "person.changed",
            {"name": "bo", "changes": '[{"changed": {"fields": ["Email"]}}]'},
            "bo",
            [("Changes", None, "Changed: Fields: Email")],
        ),
        ("workspace.renamed", {"before": "a", "after": "b"}, "", [("Changed", "a", "b")]),
        (
            "unknown.code",
            {"strange": None, "nested": {"a": [1, True]}},
            "",
            [("strange", None, "--"), ("nested", None, "a: 1, yes")],
        ),
    ],
)
def test_event_is_read_as_object_and_details(code, params, subject, details):
    _what, *rest = said(code, **params)

    assert rest == [subject, details]


def test_event_is_told_in_chinese():
    with translation.override("zh-hans"):
        told = said("member.set", name="bo", field="role", before="viewer", after="admin")

    assert told == ("授予角色", "bo", [("角色", "查看者", "管理员")])


def test_unknown_code_stands_for_itself():
    assert said("unknown.code")[0] == "unknown.code"


@pytest.mark.parametrize("text", ['[{"":' * 200 + "1" + "}]" * 200, '{"four_eyes": false}', "role"])
def test_what_people_wrote_is_shown_as_they_did(text):
    _, _, details = said("review.requested", name="digits", note=text)

    assert [value for _, _, value in details] == [text if len(text) <= 300 else text[:300] + "…"]


def test_long_text_is_cut_and_broken_json_shown_as_it_is():
    _, _, details = said("unknown.code", text="x" * 1000, json='{"broken')

    assert [value for _, _, value in details] == ["x" * 300 + "…", '{"broken']
