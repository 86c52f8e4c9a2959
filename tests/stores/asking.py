"""What tests ask a driver for."""

import pytest

from stores.drivers.s3 import S3Place
from stores.errors import SourceRefused
from stores.messages import MESSAGES, message_of


def read(driver, key, **values):
    with driver.open(key, **values) as stream:
        return stream.read()


def keys(driver, prefix=""):
    return [entry.key for entry in driver.walk(prefix)]


def refusal(call, *args, **values):
    with pytest.raises(SourceRefused) as refused:
        call(*args, **values)
    return refused.value.code


def place_at(endpoint, bucket="b-b", **values):
    return S3Place(endpoint, bucket, "packages", **{"access_key": "key", "secret_key": "secret"} | values)


def refused(call, *args, **values):
    with pytest.raises(SourceRefused) as caught:
        call(*args, **values)
    assert caught.value.code in MESSAGES
    assert "%(" not in message_of(caught.value)
    return caught.value


def code(call, *args, **values):
    return refused(call, *args, **values).code
