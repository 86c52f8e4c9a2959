import time

import pytest

from serving.asking import Asked
from serving.backends_socket import NoAnswer, ask
from tests.serving.backends import backend, read_request

ROOT = Asked("POST", "/")


def drips(plug, backend):
    """An answer without a length that never ends."""
    read_request(plug)
    plug.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        plug.sendall(b".")
        time.sleep(0.05)


def test_an_answer_that_never_ends_is_none():
    with backend(drips) as running, pytest.raises(NoAnswer) as refused:
        ask(str(running.path), ROOT, seconds=0.5, most=1024)

    assert refused.value.why == "slow"
