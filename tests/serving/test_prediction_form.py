"""The form to ask a service, and what it begins with."""

import pytest

from registry.config import FORM_TYPE, Api, Payload
from tests.factories import make_version
from tests.serving.apis_asked import PICTURE
from tests.serving.models_asked import ANSWERS, package_with
from tests.serving.services_asked import add_revision, address_of, deployed


def test_the_form_follows_the_schema(as_developer):
    schema = {
        "type": "object",
        "properties": {"a": {"type": "number", "minimum": 0, "maximum": 9, "description": "<i>"}, "b": {"enum": ["x"]}},
    }
    service = deployed(None, Api(request=Payload(schema=schema)))

    text = as_developer.get(address_of(service), {"way": "form"}).content.decode()

    assert '&lt;i&gt; <span class="nowrap">0 … 9</span>' in text
    assert "<option>x</option>" in text


def give_sample(service, **sample):
    version = service.revisions.get().version
    version.sample = sample
    version.save(update_fields=["sample"])


def test_json_begins_with_the_sample_of_the_version(as_developer):
    schema = {"type": "object", "properties": {"text": {"type": "string"}}}
    service = deployed(None, Api(url="/", method="get"), Api(url="/ask", request=Payload(schema=schema)))
    give_sample(service, json='{"text": "great"}')

    answer = as_developer.get(address_of(service), {"api": "1"})
    form = as_developer.get(address_of(service), {"api": "1", "way": "form"})

    prediction = answer.context["prediction"]
    assert (prediction.text, prediction.sample_shown) == ('{"text": "great"}', True)
    assert prediction.snippets.curl.endswith("""-d '{"text": "great"}'""")
    assert "Filled in with the sample request that came with the version." in answer.content.decode()
    assert [entry.value for entry in form.context["prediction"].entries] == ["great"]
    assert as_developer.get(address_of(service), {"api": "0"}).context["prediction"].sample_shown is False


def test_a_form_begins_with_the_sample_and_names_its_files(as_developer):
    service = deployed(None, Api(request=Payload(FORM_TYPE, PICTURE)))
    give_sample(service, json='{"k": 5}', files=[{"parameter": "", "name": "cat.jpg", "type": "", "data": "AAAA"}])

    answer = as_developer.get(address_of(service))

    assert [entry.value for entry in answer.context["prediction"].entries] == ["", "5"]
    assert "has files, too: cat.jpg. Choose them anew." in answer.content.decode()


def test_the_path_is_chosen_where_there_are_several(as_developer):
    service = deployed(None, Api(), Api(url="/goodbye", method="get"))

    prediction = as_developer.get(address_of(service), {"api": "1"}).context["prediction"]

    assert (prediction.method, prediction.api.url) == ("GET", "/goodbye")
    assert as_developer.get(address_of(service), {"api": "9" * 5000}).context["prediction"].number == 0


def test_the_version_is_chosen_where_there_are_several(as_developer, tmp_path):
    service = deployed(package_with(tmp_path, ANSWERS))
    other = make_version("other")
    add_revision(service, other, weight=0)

    prediction = as_developer.get(address_of(service), {"version": str(other.uuid)}).context["prediction"]

    assert prediction.revision.version == other


def test_a_service_without_versions_says_so(as_developer, tmp_path):
    service = deployed(package_with(tmp_path, ANSWERS))
    service.revisions.get().route.delete()

    assert "No version of this service answers requests yet." in as_developer.get(address_of(service)).content.decode()


@pytest.mark.parametrize("api", ["00009", "1", "-1", "x", "٠", "0" * 5000])
def test_a_path_that_is_not_there_is_the_first(as_developer, tmp_path, api):
    service = deployed(package_with(tmp_path, ANSWERS))

    answer = as_developer.get(address_of(service), {"api": api})

    assert answer.context["prediction"].number == 0
