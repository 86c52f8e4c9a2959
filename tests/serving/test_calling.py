import re

import pytest
from django.template import Context, Template
from django.utils import translation

from registry.config import FORM_TYPE, Api, ModelConfig, Payload

TAG = Template("{% load asking_view %}{% calling_snippets endpoint config %}")
HOSTILE = "</pre><script>"


def shown(*apis, language="en"):
    with translation.override(language):
        return TAG.render(Context({"endpoint": "http://h/infer/x", "config": ModelConfig(apis=apis)}))


def test_each_api_has_a_command_and_a_program():
    picture = Payload(FORM_TYPE, {"properties": {"images": {"type": "file"}}})

    html = shown(Api(request=picture), Api(url="/goodbye", method="get"))

    assert html.count("<summary>") == 2
    assert "-F images=@image.png" in html
    assert "curl http://h/infer/x/goodbye" in html
    assert html.count("urllib.request.urlopen") == 4  # to read and to copy


def with_sample(sample, *apis, proved=""):
    tag = Template("{% load asking_view %}{% calling_snippets endpoint config sample proved %}")
    context = {"endpoint": "http://h/infer/x", "config": ModelConfig(apis=apis), "sample": sample, "proved": proved}
    return tag.render(Context(context)).replace("&#x27;", "'").replace("&quot;", '"')


def test_the_sample_of_the_version_is_what_the_examples_send():
    html = with_sample({"json": '{"text": "great"}'}, Api(url="/about", method="get"), Api(url="/ask"))

    assert "curl http://h/infer/x/ask" in html
    assert """-d '{"text": "great"}'""" in html
    assert "What is sent to /ask is the sample request that came with the version." in html


@pytest.mark.parametrize(
    ("proved", "told"),
    [
        ("proof.derived_refused", ["and the model refused it"]),
        ("proof.derived_unanswered", ["and the model did not answer it"]),
        ("proof.nothing_to_ask", []),
        ("", []),
    ],
)
def test_a_made_up_request_that_a_proof_sent_in_vain_is_marked(proved, told):
    html = with_sample(None, Api(url="/about", method="get"), Api(url="/ask"), proved=proved)

    assert re.findall(r"declared parameters, (and the model [a-z ]+) when", html) == told
    assert "made up" not in html.partition("/ask")[0]


def test_a_sample_is_never_called_made_up():
    html = with_sample({"json": "{}"}, Api(url="/ask"), proved="proof.derived_refused")

    assert "made up" not in html


def test_files_of_the_sample_are_named_in_the_examples():
    picture = Payload(FORM_TYPE, {"properties": {"images": {"type": "file"}, "k": {"type": "integer", "default": 3}}})
    sample = {"json": '{"k": 5}', "files": [{"parameter": "", "name": "cat.jpg", "type": "image/jpeg", "data": "AAAA"}]}

    html = with_sample(sample, Api(request=picture))

    assert "-F images=@cat.jpg" in html
    assert "--form-string k=5" in html


def test_a_model_that_declares_nothing_has_an_example():
    assert "-d {}" in shown().replace("&#x27;", "")


def test_a_hostile_schema_stays_text():
    html = shown(Api(url=HOSTILE, request=Payload(FORM_TYPE, {"properties": {HOSTILE: {"default": HOSTILE}}})))

    assert "<script>" not in html


def test_examples_speak_chinese():
    assert "可直接粘贴的示例" in shown(language="zh-hans")
