import string

import pytest
from django.utils.translation import override

from stores.errors import SourceRefused, SourceUnavailable
from stores.messages import MESSAGES, message_of

PARAMS = {"path": "/b/x", "bucket": "b", "limit": 3, "other": "/b/X", "attempts": 3, "expected": 5, "count": 2}
PARAMS |= {"name": "x", "endpoint": "https://s3.example.com", "region": "cn-north-4", "reason": "InvalidRequest"}
PARAMS |= {"address": "registry.example.com", "repository": "team/iris", "tag": "1.0", "host": "auth.example.com"}
PARAMS |= {"reference": "x", "status": "503", "wanted": "linux/arm64", "offered": "linux/amd64"}
PARAMS |= {"remote": "models", "plain": "http://s3.example.com"}


@pytest.mark.parametrize("code", sorted(MESSAGES))
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_every_message_can_be_said(code, language):
    with override(language):
        text = message_of(SourceRefused(code, **PARAMS))

    assert "%(" not in text
    assert text[-1] in string.punctuation + "。"


def test_a_storage_that_does_not_answer_is_said():
    assert message_of(SourceUnavailable("down")) == "The storage did not answer. Try again in a moment."
    assert message_of(SourceUnavailable(code="source.timed_out", endpoint="http://x")).startswith("http://x did not")
    assert message_of(SourceUnavailable("full", code="source.no_space")).startswith("The storage is full.")
