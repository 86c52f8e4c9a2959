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


def test_a_model_that_declares_nothing_has_an_example():
    assert "-d {}" in shown().replace("&#x27;", "")


def test_a_hostile_schema_stays_text():
    html = shown(Api(url=HOSTILE, request=Payload(FORM_TYPE, {"properties": {HOSTILE: {"default": HOSTILE}}})))

    assert "<script>" not in html


def test_examples_speak_chinese():
    assert "可直接粘贴的示例" in shown(language="zh-hans")
