"""A connection beside the state of the whole server."""

import asyncio
import socket

from inference.connection import Connection
from inference.front import Front
from inference.jobs import Jobs
from inference.settings import Limits


def test_connection_that_comes_in_the_moment_of_a_stop_holds_nothing_up():
    front = Front(Limits(), Jobs(1, 1, lambda call: call(), lambda call: call()))
    front.stop()

    async def connects():
        ours, theirs = socket.socketpair()
        await asyncio.get_running_loop().connect_accepted_socket(lambda: Connection(front), ours)
        reader, writer = await asyncio.open_connection(sock=theirs)
        received = await reader.read()
        writer.close()
        return received

    received = asyncio.run(asyncio.wait_for(connects(), 10))

    assert received == b""
    assert front.connections == set()
