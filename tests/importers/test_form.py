"""The sections of the import form: what they take, what they refuse, and what they make of it."""

from decimal import Decimal

import pytest
from django.http import QueryDict
from django.utils import translation

from importers.forms import BasicForm, SpecForm, generated_name
from importers.forms_obs import ObsSourceForm
from importers.forms_source import mark_of
from registry.services import SpecValues
from registry.versions import Version
from tests.importers.pages import typed


def data(**changes):
    query = QueryDict(mutable=True)
    for key, value in typed(**({"path": "/packages/digits/"} | changes)).items():
        query.setlist(key, value if isinstance(value, list) else [value])
    return query


def errors_of(form):
    return {name: list(messages) for name, messages in form.errors.items()}


def test_generated_name_is_model_and_four_hex_digits():
    name = generated_name()

    assert BasicForm(data(name=name)).is_valid()
    assert (name[:6], len(name)) == ("model-", 10)
    assert int(name[6:], 16) >= 0


def test_basic_form_gives_typed_values():
    form = BasicForm(data(version="1.20.3", labels="vision, 数字，vision,", description="two\r\nlines"))

    assert form.is_valid()
    assert form.cleaned_data["version"] == Version(1, 20, 3)
    assert form.cleaned_data["labels"] == ("vision", "数字")
    assert form.cleaned_data["description"] == "two\nlines"


@pytest.mark.parametrize("name", ["", "1digits", "a" * 49, "a b", "a<b>", "a\u202eb", "a\0b", "-x"])
def test_basic_form_refuses_name(name):
    form = BasicForm(data(name=name))

    assert list(errors_of(form)) == ["name"]


@pytest.mark.parametrize("version", ["", "1", "1.0", "01.0.0", "0.0.100", "1.0.0.0", "١.0.0", "v1.0.0"])
def test_basic_form_refuses_version(version):
    form = BasicForm(data(version=version))

    assert list(errors_of(form)) == ["version"]


def test_basic_form_names_the_label_it_refuses():
    form = BasicForm(data(labels="fine, no good"))

    assert errors_of(form)["labels"][0].startswith("“no good”: A label starts with a letter")


def test_basic_form_refuses_a_sixth_label():
    form = BasicForm(data(labels="a,b,c,d,e,f"))

    assert errors_of(form) == {"labels": ["There are 6 labels; at most 5 are possible. Remove some."]}


@pytest.mark.parametrize("description", ["a & b", "x" * 101, "<b>", "left\u202eright"])
def test_basic_form_refuses_description(description):
    form = BasicForm(data(description=description))

    assert list(errors_of(form)) == ["description"]


def test_basic_form_wants_a_deployment_type():
    form = BasicForm(data(deployment_types=[]))

    assert errors_of(form) == {"deployment_types": ["Tick at least one deployment type."]}


def test_basic_form_speaks_chinese():
    with translation.override("zh-hans"):
        form = BasicForm(data(name=""))

        assert errors_of(form) == {"name": ["这个字段是必填项。"]}


def test_source_form_uses_the_found_configuration_while_the_switch_is_off():
    form = ObsSourceForm(data(config_text='{"a": 1}'))

    assert (form.config_origin, form.config_text_used) == ("found", None)


def test_source_form_knows_an_untouched_text_by_its_mark():
    text = '{"a": 1}\n'
    found = ObsSourceForm(data(config_edit="on", config_text=text, config_mark=mark_of("found", text)))
    repaired = ObsSourceForm(data(config_edit="on", config_text=text, config_mark=mark_of("repaired", text)))

    assert (found.config_origin, found.config_text_used) == ("found", None)
    assert (repaired.config_origin, repaired.config_text_used) == ("repaired", text)


def test_source_form_takes_a_changed_text_with_one_kind_of_line_end():
    form = ObsSourceForm(data(config_edit="on", config_text='{\r\n"a": 1}', config_mark=mark_of("found", "{}")))

    assert (form.config_origin, form.config_text_used) == ("edited", '{\n"a": 1}')


def test_source_form_has_no_source_for_a_path_with_nul():
    form = ObsSourceForm(data(path="/packages/\0/"))

    assert form.source == {}
    assert list(errors_of(form)) == ["path"]


def test_source_form_refuses_an_engine_nobody_knows():
    form = ObsSourceForm(data(engine="Nothing"))

    assert form.chosen_engine == ""
    assert list(errors_of(form)) == ["engine"]


def test_spec_form_is_silent_while_its_switch_is_off():
    form = SpecForm(data(cpu="much", memory="-1", accelerator="none"))

    assert form.is_valid()
    assert form.values is None
    assert form["cpu"].value() == "much"


def test_spec_form_counts_only_the_chosen_accelerator():
    form = SpecForm(data(spec="on", accelerator="ascend", gpu="oops", ascend="1.5"))

    assert form.is_valid()
    assert form.values == SpecValues(cpu=Decimal("0.25"), memory=512, gpu=Decimal(0), ascend=Decimal("1.5"))


def test_spec_form_takes_a_control_that_was_greyed_out():
    form = SpecForm(data(spec="on", gpu="2", ascend=None))

    assert form.is_valid()
    assert form["ascend"].value() == "0.00"


@pytest.mark.parametrize(
    ("field", "value"),
    [("cpu", "0"), ("cpu", "1.234"), ("cpu", "NaN"), ("memory", "0"), ("memory", "1.5"), ("gpu", "-1")],
)
def test_spec_form_refuses_number(field, value):
    form = SpecForm(data(spec="on", **{field: value}))

    assert list(errors_of(form)) == [field]
