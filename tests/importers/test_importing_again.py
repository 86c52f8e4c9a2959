"""Importing again: the form begins with what was asked for before."""

from decimal import Decimal

import pytest
from django.urls import reverse

from importers.models import ImportJob, State
from importers.views.progress import Progress
from registry.values import SpecValues, VersionDetails
from tests.factories import make_member, make_workspace
from tests.importers.jobs import GOOD, put, run, submit

DETAILS = VersionDetails(
    description="kept",
    labels=("a", "b"),
    documents=(("Manual", "https://example.org/"),),
    deployment_types=("edge",),
    spec=SpecValues(cpu=Decimal("2.00"), memory=1024, gpu=Decimal("0.00"), ascend=Decimal("1.00")),
)


def form_again(as_developer, job):
    response = as_developer.get(Progress(job).form_url)
    assert response.status_code == 200
    return response.context["page"]


def test_importing_again_begins_with_everything_that_was_asked_for(as_developer, developer):
    put({})
    job = submit(by=developer, details=DETAILS, config_text="{mine", config_origin="edited")
    job = run(job)

    page = form_again(as_developer, job)

    assert job.state == State.FAILED
    assert [page.basic[name].value() for name in ("name", "version", "labels", "description")] == [
        "digits",
        "0.0.1",
        "a,b",
        "kept",
    ]
    assert list(page.basic["deployment_types"].value()) == ["edge"]
    assert (page.source["path"].value(), page.source["config_text"].value()) == ("/packages/digits/", "{mine")
    assert (page.source.config_origin, page.source["config_edit"].value()) == ("edited", True)
    assert [page.spec[name].value() for name in ("spec", "accelerator", "memory")] == [True, "ascend", 1024]
    assert page.documents.forms[0]["url"].value() == "https://example.org/"


@pytest.mark.parametrize(("origin", "known"), [("repaired", "repaired"), ("obs", "obs"), ("edited", "edited")])
def test_importing_again_knows_where_the_configuration_came_from(as_developer, developer, origin, known):
    put(GOOD)
    job = submit(by=developer, config_text='{\n "a": 1\n}', config_origin=origin)

    assert form_again(as_developer, job).source.config_origin == known


def test_importing_again_without_a_configuration_leaves_the_editor_off(as_developer, job):
    page = form_again(as_developer, job)

    assert (page.source["config_edit"].value(), page.source.config_text_used) == (None, None)


def test_importing_again_asks_for_the_image_and_not_for_its_digest(as_developer, job):
    image = f"127.0.0.1:1/team/iris:1.0@sha256:{'a' * 64}"
    asked = job.request | {"source_kind": "image", "source": {"image": image}, "config_text": "{}"}
    ImportJob.objects.filter(pk=job.pk).update(source_kind="image", request=asked)

    page = form_again(as_developer, job)

    assert (page.kind, page.source["image"].value()) == ("image", "127.0.0.1:1/team/iris:1.0")
    assert page.source["config_text"].value() == "{}"


@pytest.mark.parametrize("code", ["", "none", "00000000-0000-0000-0000-000000000000"])
def test_importing_again_what_nobody_asked_for_is_a_new_form(as_developer, developer, code):
    assert as_developer.get(reverse("importers:new"), {"again": code}).context["page"].source["path"].value() in {
        None,
        "",
    }


def test_another_workspaces_import_is_not_asked_for_again(client, job):
    client.force_login(make_member("far", workspace=make_workspace("far")))

    page = client.get(Progress(job).form_url).context["page"]

    assert page.source["path"].value() in {None, ""}
