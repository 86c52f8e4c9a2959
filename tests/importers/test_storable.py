import json

import pytest

from importers.storable import storable


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ("plain 文字 😀", "plain 文字 😀"),
        ("a\0b", "a\ufffdb"),
        ("\ud800", "\ufffd"),
        ({"k\0": ["\udfff", 1, None, True]}, {"k\ufffd": ["\ufffd", 1, None, True]}),
        (float("nan"), "nan"),
        ([1.5, float("-inf")], [1.5, "-inf"]),
    ],
)
def test_storable_replaces_only_what_a_database_refuses(value, stored):
    assert storable(value) == stored
    assert json.dumps(storable(value), allow_nan=False).encode()
