"""The ASGI application of the gateway."""

import asyncio
import json
import logging
import time
from contextlib import suppress
from typing import Any

from serving.gateway.call import Call, Gone, Receive, Send, reply
from serving.gateway.counting import Counts, Spool
from serving.gateway.options import Options
from serving.gateway.protocol import EXTENSION, Front
from serving.gateway.refusals import GUARDS, JSON, Refusal, broken, no_method, no_routes, too_large
from serving.gateway.table import Table
from serving.gateway.targets import RequestHead, target_of

logger = logging.getLogger("modelport.gateway")
METHODS = frozenset(["POST", "GET", "PUT", "PATCH", "DELETE"])


class Gateway:
    """Answers `/infer/<service>/<path>` and `/healthz`; `tick` keeps routes, counts and connections up to date."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.table = Table(options.snapshot, options.calls)
        self.counts = Counts()
        self.fronts: set[Front] = set()
        self._spool = Spool(options.spool)
        self._flushed_at = self._watched_at = 0.0

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)

    async def _answer(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        head = RequestHead(scope["headers"])
        front = scope.get("extensions", {}).get(EXTENSION)
        call: Call | None = None
        try:
            if scope["raw_path"] == b"/healthz":
                await self._health(send, front)
                return
            uuid, path = target_of(scope["raw_path"])
            call = self._admit(scope["method"], uuid, head, front)
            if front is not None:
                front.gone = call.leave
            await call.run((scope["method"], path, scope["query_string"]), receive, send)
        except Gone:
            _abort(front, call)
        except Refusal as refusal:
            await self._refuse(refusal, head, front, call, send)
        except Exception as error:
            logger.exception("a call failed", extra={"request": head.request_id().decode()})
            await self._refuse(broken(error), head, front, call, send)

    def _admit(self, method: str, uuid: str, head: RequestHead, front: Front | None) -> Call:
        """The call of a request that has a right to what it asks for. Raises Refusal."""
        if method not in METHODS:
            raise no_method()
        if not self.table.known:
            raise no_routes()
        workspace, digest = self.table.workspace_of(head.secret)
        service = self.table.service(uuid, workspace)
        self.counts.used(digest)
        if head.content_length is not None and head.content_length > self.options.body_bytes:
            raise too_large(self.options.body_bytes)
        return Call(self.options, self.counts, service, head, front)

    async def _refuse(
        self, refusal: Refusal, head: RequestHead, front: Front | None, call: Call | None, send: Send
    ) -> None:
        """Say no; in the middle of an answer there is nothing left but to end the connection."""
        if call is not None and call.started:
            _abort(front, call)
            return
        request_id = head.request_id()
        body = refusal.body(request_id.decode())
        headers = [JSON, (b"content-length", b"%d" % len(body)), (b"x-request-id", request_id), *GUARDS]
        await reply(send, refusal.status, [*headers, *refusal.headers], body, front)

    async def _health(self, send: Send, front: Front | None) -> None:
        """That it answers, and what it knows; 503 as long as it knows nothing."""
        table = self.table
        told = {"health": table.known, "snapshot": max(table.serial, 0), "services": len(table.services)}
        body = json.dumps(told).encode()
        headers = [JSON, (b"content-length", b"%d" % len(body)), (b"cache-control", b"no-store"), *GUARDS]
        await reply(send, 200 if table.known else 503, headers, body, front)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        self.table.look()
        self._spool.clean()
        ticking = asyncio.create_task(self._tick_on())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        ticking.cancel()
        with suppress(asyncio.CancelledError):
            await ticking
        self.table.close()
        await self._flush()
        await send({"type": "lifespan.shutdown.complete"})

    async def _tick_on(self) -> None:
        while True:
            await asyncio.sleep(self.options.look_seconds)
            try:
                await self._tick(time.monotonic())
            except Exception:
                logger.exception("the upkeep failed")

    async def _tick(self, now: float) -> None:
        self.table.look()
        if now - self._flushed_at >= self.options.flush_seconds:
            self._flushed_at = now
            await self._flush()
        if now - self._watched_at >= min(0.5, self.options.head_seconds / 4):
            self._watched_at = now
            self.table.prune(now)
            for front in list(self.fronts):
                front.watch(now)

    async def _flush(self) -> None:
        """Hand over what was counted; where the disk does not take it, it counts on."""
        document = self.counts.take()
        if document is None:
            return
        try:
            await asyncio.to_thread(self._spool.write, document)
        except OSError:
            self.counts.put_back(document)
            logger.exception("the counts were not written, and are kept")


def _abort(front: Front | None, call: Call | None) -> None:
    if front is not None and call is not None and call.started:
        front.abort()
