"""The process that looks into files: it gets them as open descriptors over a socket and answers what was seen."""

import ctypes
import gc
import json
import os
import resource
import signal
import socket
import struct
from typing import Any

from importers.package.scan import scan_file
from importers.package.streams import ScanLimits

REQUEST_LIMIT = 64 * 1024
OPEN_FILES = 32
PR_SET_PDEATHSIG = 1


def main(limits: str, parent: str) -> None:
    """Serve until the other side closes the socket, which is this process's standard input."""
    given = ScanLimits(**json.loads(limits))
    _confine(given, int(parent))
    # Millions of small values live at once and none of them in circles, so looking for circles only costs.
    gc.disable()
    with socket.socket(fileno=0) as channel:
        while (request := _receive(channel)) is not None:
            answer = json.dumps(_answer(*request, given)).encode()
            channel.sendall(struct.pack("<I", len(answer)) + answer)


def _confine(limits: ScanLimits, parent: int) -> None:
    """Take away what a scan never needs: much memory, writing, core files, outliving its parent."""
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)


def _receive(channel: socket.socket) -> tuple[dict[str, Any], int] | None:
    """One request, a line of JSON, and the file that came with it."""
    data, descriptors, _flags, _address = socket.recv_fds(channel, REQUEST_LIMIT, 1)
    if not descriptors:
        return None
    while not data.endswith(b"\n"):
        data += channel.recv(REQUEST_LIMIT)
    request: dict[str, Any] = json.loads(data)
    return request, descriptors[0]


def _answer(request: dict[str, Any], descriptor: int, limits: ScanLimits) -> dict[str, Any]:
    try:
        _allow_cpu(limits.timeout_seconds)
        evidence = scan_file(descriptor, request["size"], request["path"], engine=request["engine"], limits=limits)
        return evidence.as_dict()
    except MemoryError:
        return {"reasons": [["scan.too_large", "", []]], "imports": []}
    except OSError:
        return {"reasons": [["scan.unreadable", "", []]], "imports": []}
    except Exception as error:  # a hostile file found a bug of ours; the others must still be scanned
        return {"reasons": [["scan.crashed", "", []]], "imports": [], "error": f"{type(error).__name__}: {error}"[:500]}
    finally:
        os.close(descriptor)
        gc.collect()


def _allow_cpu(seconds: float) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime + seconds) + 2
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))
