"""What tests ask a driver for."""

import pytest

from stores.errors import SourceRefused


def read(driver, key, **values):
    with driver.open(key, **values) as stream:
        return stream.read()


def keys(driver, prefix=""):
    return [entry.key for entry in driver.walk(prefix)]


def refusal(call, *args, **values):
    with pytest.raises(SourceRefused) as refused:
        call(*args, **values)
    return refused.value.code
