"""What the page to deploy refuses, and how it says so."""

import re

import pytest

from serving.models import Service
from tests.serving.deployed import make_deployable, make_service
from tests.serving.deploying import NEW, filled, page_of, problems

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("machine")]


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
