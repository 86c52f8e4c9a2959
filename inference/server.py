"""Serves one model package over HTTP, with nothing but the standard library and what the model itself brings.

    python -I …/inference/server.py --package DIR (--socket PATH | --descriptor N | --port N) [options]

DIR holds the folder `model/` (config.json, customize_service.py, weights) and is only read. The server answers

    GET /health   200 {"health": "true", "state": "ready", …}; 503 and "false" while it loads, stops, or every
                  inference thread is stuck; also tells what runs, waits, is stuck, was answered and has failed
    POST or GET / a prediction: a JSON body, a form, or the parameters of the query; every other path is 404

Errors are {"error_code", "error_msg"}, those of the model with "erno" and "msg" as well: 400 for its KeyError
and TypeError, else 500. NaN and infinity are answered as null.

It answers while the model loads and works: inference has threads of its own, the first of which is the main thread, and
is therefore where the package is imported. A prediction that takes longer than its limit is answered 504; its thread
cannot be stopped, counts as stuck and takes up work again when it returns.

Options (bytes and seconds):

    --descriptor N      a bound socket that was inherited; who bound it takes it away
    --host 127.0.0.1    where --port listens; port 0 takes a free one, which the line `listening` names
    --engine NAME       instead of `model_type` of config.json
    --name NAME         the `model_name` given to the service; default: the name of DIR
    --threads 1         predictions at the same time; models are hardly ever safe with more
    --queue 16          predictions waiting beyond that; the next is answered 503
    --seconds 40        for one prediction (504), and for its turn to come (503)
    --load-seconds 600  for loading; then the process ends
    --grace-seconds 30  for what is being answered when a stop is asked for
    --body-bytes 12582912   largest body (413)
    --head-bytes 16384      largest request head (431)
    --head-seconds 10, --body-seconds 60, --idle-seconds 75     for a head, a body, the next request or a slow reader
    --connections 256   open at a time

Environment: MODELPORT_LOG_LEVEL (warning) for what the package logs. The working folder becomes DIR.

Signals: TERM and INT stop: no new connection, what is being answered is finished, exit. The second one stops at once.

Exit codes, so that "did not load" and "crashed" can be told apart:

    0   it was asked to stop, and did
    2   the arguments are wrong
    10  the package is refused: config.json, an engine unknown here, no or several service classes, no weights
    11  the package's own code failed while it was loaded
    12  the engine's library is missing or could not read the weights
    13  it could not listen
    14  it did not load in time
    any other, or a signal: it crashed

Log: lines of JSON on standard error, one for each failure; what the package prints goes where it prints it.

    time, level, event   always; events: listening (pid, address), ready (seconds, engine), failed, refused (status,
                         message), stuck, log, stopping (signal), stopped (abandoned)
    stage                of `failed`: config, package, parse, import, class, construct, load, listen, preprocess,
                         inference, postprocess, encode, server
    file, line           below DIR, where the package's own code failed; null where it was not at work
    error, message       the exception's type and text; `trace` has the frames of the package, outermost first
    exit or status       the exit code of what did not load, or the status that was answered
    request              the X-Request-ID of the request, when it had one
"""

import importlib.util
import sys
from pathlib import Path
from typing import Any

# Not `inference`: packages have modules of that name.
_NAME = "_modelport_inference"


def _entry() -> Any:
    """This folder as a package under a name no model uses; `-I` keeps it from `sys.path`."""
    folder = Path(__file__).resolve().parent
    spec = importlib.util.spec_from_file_location(
        _NAME, str(folder / "__init__.py"), submodule_search_locations=[str(folder)]
    )
    assert spec is not None and spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules[_NAME] = package
    spec.loader.exec_module(package)
    return importlib.import_module(_NAME + ".process")


if __name__ == "__main__":
    process = _entry()
    # The package is only read, and may be somebody else's.
    sys.dont_write_bytecode = True
    sys.exit(process.main(sys.argv[1:]))
