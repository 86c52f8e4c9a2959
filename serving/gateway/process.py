"""The process of the gateway."""

import gc
import logging
import resource

import uvicorn

from serving.gateway.app import Gateway
from serving.gateway.options import Options
from serving.gateway.protocol import Front
from serving.gateway.sparing import Sparing

# Less than the launcher waits before it kills.
_STOP_SECONDS = 8


def serve(options: Options) -> None:
    """Answer until a signal asks to stop; what is being answered is finished."""
    _open_as_many_as_allowed()
    for handler in logging.getLogger().handlers:
        handler.addFilter(Sparing())
    gateway = Gateway(options)
    front = type("GatewayFront", (Front,), {"options": options, "fronts": gateway.fronts})
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    config = uvicorn.Config(
        gateway,
        host=options.host,
        port=options.port,
        loop="uvloop",
        http=front,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=int(options.idle_seconds),
        timeout_graceful_shutdown=_STOP_SECONDS,
    )
    # What is there by now stays, so no collection needs to look at it.
    gc.collect()
    gc.freeze()
    uvicorn.Server(config).run()


def _open_as_many_as_allowed() -> None:
    """Each client and each call holds a descriptor; what shells and services usually start with is soon used up."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
