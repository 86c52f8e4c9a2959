"""Commands and programs to paste that ask an API."""

import json
import math
import pprint
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from registry.config import JSON_TYPE, Api
from serving.asking.fields import Way, fields, method_of, sends_form, ways
from serving.asking.requests import path_of
from serving.asking.samples import attached_request, attached_values, example_text

# The environment variable that holds the token.
VARIABLE = "SERVICE_TOKEN"
# In an argument of curl's own form options these have a meaning that no quoting takes away.
_NOT_FOR_CURL = re.compile(r'[=\x00-\x1f\x7f"\\;]')
_LONGEST_LINE = 88


@dataclass(frozen=True)
class Snippets:
    """`curl` is empty where a name of the form cannot be written for it."""

    curl: str
    python: str


@dataclass(frozen=True)
class Filled:
    """What stands in the fields; `files` are pairs of parameter and name of a file."""

    values: Mapping[str, str] = field(default_factory=dict)
    files: Sequence[tuple[str, str]] = ()
    text: str = ""
    way: Way | None = None


def snippets(url: str, api: Api, filled: Filled | None = None) -> Snippets:
    """How to ask `api` of the service at `url`: with its example values, or with what was filled in."""
    filled = filled or example_of(api)
    address = url.rstrip("/") + path_of(api)
    if method_of(api) == "GET":
        return Snippets(_curl_get(address, filled), _python_get(address, filled))
    if (filled.way or ways(api)[0]) is Way.JSON or not (filled.files or sends_form(api)):
        text = filled.text or json.dumps(_typed(api, filled.values), ensure_ascii=False)
        return Snippets(_curl_json(address, text), _python_json(address, text))
    return Snippets(_curl_form(address, filled), _python_form(address, filled))


def example_of(api: Api) -> Filled:
    """The example values of an API; the names of files are made up."""
    declared = fields(api)
    values = {each.name: each.default for each in declared if each.default and not each.is_file}
    files = tuple((each.name, "image.png") for each in declared if each.is_file)
    return Filled(values, files, example_text(api), ways(api)[0])


def attached_example(api: Api, kept: Mapping[str, Any] | None) -> Filled | None:
    """The sample that came with a version (as `attached_request` takes it); None where it makes no request."""
    asked = attached_request(api, kept) if kept else None
    if kept is None or asked is None:
        return None
    values, files = attached_values(api, kept)
    is_json = asked.headers.get("Content-Type") == JSON_TYPE
    return Filled(values, files, str(kept.get("json") or ""), Way.JSON if is_json else Way.FORM)


def _curl(address: str, *options: str) -> str:
    lines = [
        f"curl {shlex.quote(address)}",
        f'  -H "X-Auth-Token: ${VARIABLE}"',
        *(f"  {option}" for option in options),
    ]
    return " \\\n".join(lines)


def _curl_get(address: str, filled: Filled) -> str:
    pairs = (shlex.quote(f"{quote(name, errors='replace')}={value}") for name, value in filled.values.items())
    options = [f"--data-urlencode {pair}" for pair in pairs if "\0" not in pair]
    return _curl(address, *(["--get"] if options else []), *options)


def _curl_json(address: str, text: str) -> str:
    # A text that begins with @ would name a file; JSON never does.
    return _curl(address, f"-H {shlex.quote(f'Content-Type: {JSON_TYPE}')}", f"-d {shlex.quote(_printable(text))}")


def _curl_form(address: str, filled: Filled) -> str:
    names = [*filled.values, *(name for pair in filled.files for name in pair)]
    if any(_NOT_FOR_CURL.search(name) for name in names) or any("\0" in value for value in filled.values.values()):
        return ""
    texts = (f"--form-string {shlex.quote(f'{name}={value}')}" for name, value in filled.values.items())
    files = (f"-F {shlex.quote(_file_option(*pair))}" for pair in filled.files)
    return _curl(address, *texts, *files)


def _file_option(name: str, file: str) -> str:
    """A comma would begin the name of a second file, but for quotes."""
    return f'{name}=@"{file}"' if "," in file else f"{name}=@{file}"


def _python(imports: str, lines: Sequence[str]) -> str:
    return "\n".join(
        [imports, "", *lines, "with urllib.request.urlopen(request) as answer:", "    print(answer.read().decode())"]
    )


def _request(address: str, more: str, headers: Sequence[str]) -> list[str]:
    return [
        "request = urllib.request.Request(",
        f"    {_literal(address)}{more},",
        *(["    data=body,"] if headers else []),
        "    headers={",
        f'        "X-Auth-Token": os.environ["{VARIABLE}"],',
        *(f"        {header}," for header in headers),
        "    },",
        ")",
    ]


def _python_get(address: str, filled: Filled) -> str:
    if not filled.values:
        return _python("import os\nimport urllib.request", _request(address, "", ()))
    lines = [f"query = urllib.parse.urlencode({_shown(dict(filled.values))})", *_request(address, ' + "?" + query', ())]
    return _python("import os\nimport urllib.parse\nimport urllib.request", lines)


def _python_json(address: str, text: str) -> str:
    try:
        body = f"json.dumps({_shown(_finite(json.loads(text)))}).encode()"
        imports = "import json\nimport os\nimport urllib.request"
    except (ValueError, RecursionError):
        body, imports = f"{_literal(text)}.encode()", "import os\nimport urllib.request"
    return _python(imports, [f"body = {body}", *_request(address, "", [f'"Content-Type": "{JSON_TYPE}"'])])


def _python_form(address: str, filled: Filled) -> str:
    lines = [
        f"fields = {_shown(dict(filled.values))}",
        f"files = {_shown([tuple(pair) for pair in filled.files])}",
        "boundary = uuid.uuid4().hex",
        'body = b""',
        "for name, value in fields.items():",
        "    head = f'Content-Disposition: form-data; name=\"{name}\"'",
        "    body += f'--{boundary}\\r\\n{head}\\r\\n\\r\\n{value}\\r\\n'.encode()",
        "for name, path in files:",
        "    file = pathlib.Path(path)",
        '    head = f\'Content-Disposition: form-data; name="{name}"; filename="{file.name}"\'',
        "    body += f'--{boundary}\\r\\n{head}\\r\\n\\r\\n'.encode() + file.read_bytes() + b'\\r\\n'",
        "body += f'--{boundary}--\\r\\n'.encode()",
        *_request(address, "", ['"Content-Type": f"multipart/form-data; boundary={boundary}"']),
    ]
    return _python("import os\nimport pathlib\nimport urllib.request\nimport uuid", lines)


def _typed(api: Api, values: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, text in values.items():
        try:
            found[name] = json.loads(text)
        except (ValueError, RecursionError):
            found[name] = text
    return found


def _shown(value: Any) -> str:
    return pprint.pformat(value, width=_LONGEST_LINE, sort_dicts=False, compact=True)


def _literal(text: str) -> str:
    """A Python text that stays on its line, whatever stands in it."""
    return json.dumps(text) if text.isascii() else repr(text)


def _printable(text: str) -> str:
    """No shell takes a NUL; in JSON none is written as it is."""
    return text.replace("\0", "")


def _finite(value: Any) -> Any:
    """What JSON and Python both write: NaN and infinity have no name in Python."""
    if isinstance(value, dict):
        return {name: _finite(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
