"""Create new version: the import form for one model, begun with what its latest version was made of."""

from decimal import Decimal

import pytest

from importers.models import ImportJob
from registry.models import InferenceSpec, ModelSource
from tests.factories import make_member, make_version, make_workspace
from tests.importers.pages import put_package, typed

pytestmark = pytest.mark.django_db
NEW = "/imports/new/"


def latest(**values):
    version = make_version("digits", (0, 0, 31), source_path="/packages/digits/", **values)
    version.labels.create(name="vision")
    version.documents.create(name="Card", url="https://example.com/card")
    InferenceSpec.objects.create(version=version, cpu=Decimal(2), memory=1024, ascend=Decimal(1))
    return version


def page_of(client, latest_version, **query):
    return client.get(NEW, {"model": latest_version.model.uuid, **query}).context["page"]


def test_form_begins_with_what_the_latest_version_says(as_developer):
    page = page_of(as_developer, latest(deployment_types="batch,edge"))

    assert page.basic["name"].value() == "digits"
    assert page.basic["version"].value() == "0.0.32"
    assert page.basic["labels"].value() == "vision"
    assert page.deployment_types == ("batch", "edge")
    assert page.source["path"].value() == "/packages/digits/"
    assert [form["url"].value() for form in page.documents] == ["https://example.com/card", None, None]
    assert (page.spec["spec"].value(), page.spec["cpu"].value(), page.spec["accelerator"].value()) == (
        True,
        2,
        "ascend",
    )


def test_address_may_fill_in_something_else(as_developer):
    page = page_of(as_developer, latest(), path="/packages/better/", version="1.0.0")

    assert (page.source["path"].value(), page.basic["version"].value()) == ("/packages/better/", "1.0.0")


def test_name_cannot_be_changed_by_the_address(as_developer):
    page = page_of(as_developer, latest(), name="other")

    assert page.basic["name"].value() == "digits"


def test_name_cannot_be_changed_by_what_is_sent(as_developer):
    version = latest()
    path = put_package()

    as_developer.post(NEW, typed(path, name="other", version="0.0.32", model=str(version.model.uuid)))

    job = ImportJob.objects.get()
    assert (job.model_name, job.version_number) == ("digits", "0.0.32")
    assert version.model.versions.count() == 2


def test_taken_number_is_refused_with_the_next_one_offered(as_developer):
    version = latest()
    path = put_package()

    response = as_developer.post(NEW, typed(path, version="0.0.31", model=str(version.model.uuid)))

    assert response.status_code == 422
    assert str(response.context["page"].naming.proposed) == "0.0.32"
    assert ImportJob.objects.count() == 0


def test_subscribed_model_gets_no_new_version(as_developer):
    page = page_of(as_developer, latest(model_source=ModelSource.SUBSCRIBED))

    assert page.model is None


def test_model_of_another_workspace_is_not_offered(as_developer):
    theirs = make_version("secret", workspace=make_workspace("theirs"))

    page = page_of(as_developer, theirs)

    assert page.model is None
    assert page.basic["version"].value() == "0.0.1"


def test_viewer_may_not_create_one(client):
    client.force_login(make_member("reader", "viewer"))

    response = client.get(NEW, {"model": latest().model.uuid})

    assert response.status_code == 403


def test_list_and_version_page_lead_there(as_developer):
    version = latest()
    link = f"{NEW}?model={version.model.uuid}"

    assert link in as_developer.get("/models/").text
    assert link in as_developer.get(version.get_absolute_url()).text
