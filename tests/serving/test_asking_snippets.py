"""Commands to paste that ask a model, in the words of several tools."""

import ast
import json
import os
import shlex
import subprocess
import sys
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings

from registry.config import FORM_TYPE
from serving.asking import Filled, snippets
from tests.inference.serving import ECHO, SERVER, package_with
from tests.serving.apis_asked import NUMBERS, PICTURE, api_of, hostile_texts


@settings(max_examples=100)
@given(hostile_texts, hostile_texts, hostile_texts)
def test_nothing_breaks_out_of_the_quotes_of_a_snippet(name, value, file):
    api = api_of({"properties": {name: {"type": "string"}, "f": {"type": "file"}}}, FORM_TYPE)

    shown = snippets("http://localhost:8001/infer/x", api, Filled({name: value}, [("f", file)]))

    if shown.curl:
        words = [word for word in shlex.split(shown.curl) if word != "\n"]
        assert words[:2] == ["curl", "http://localhost:8001/infer/x/"]
        assert words[4:6] == ["--form-string", f"{name}={value}"]
        assert words[6] == "-F"
        assert len(words) == 8
    tree = ast.parse(shown.python)
    literals = {node.targets[0].id: node.value for node in tree.body if isinstance(node, ast.Assign)}
    assert ast.literal_eval(literals["fields"]) == {name: value}
    assert ast.literal_eval(literals["files"]) == [("f", file)]


@pytest.mark.parametrize(
    ("api", "filled", "expected"),
    [
        (api_of(NUMBERS), None, {"a": 0, "n": 3}),
        (api_of(NUMBERS), Filled(text='{"é": "\'$x"}'), {"é": "'$x"}),
        (api_of(NUMBERS, method="get"), Filled({"a": "1 2", "é": "&"}), {"a": "1 2", "é": "&"}),
    ],
)
def test_snippets_really_ask(tmp_path, api, filled, expected):
    with _on_a_port(tmp_path) as url:
        for shown in _both(snippets(url, api, filled)):
            assert json.loads(shown) == expected


def test_snippets_of_a_form_really_ask(tmp_path):
    (tmp_path / "a, b.png").write_bytes(b"\x89PNG")
    code = """
    def _preprocess(self, data):
        return data

    def _inference(self, data):
        return {key: value if isinstance(value, str) else {n: f.read().hex() for n, f in value.items()}
                for key, value in data.items()}
"""
    with _on_a_port(tmp_path, code) as url:
        shown = snippets(url, api_of(PICTURE, FORM_TYPE), Filled({"k": "@x"}, [("images", "a, b.png")]))
        for answer in _both(shown, cwd=tmp_path):
            assert json.loads(answer) == {"k": "@x", "images": {"a, b.png": "89504e47"}}


@contextmanager
def _on_a_port(tmp_path, code=ECHO):
    """The address of a real server on a package with this code."""
    command = [sys.executable, "-I", str(SERVER), "--package", str(package_with(tmp_path, code)), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        lines = (json.loads(line) for line in process.stderr)
        address = next(line["address"] for line in lines if line["event"] == "listening")
        next(line for line in lines if line["event"] == "ready")
        yield f"http://{address}"
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def _both(shown, cwd=None):
    """What the program and, where there is one, the command print."""
    environment = os.environ | {"SERVICE_TOKEN": "t"}
    run = {"env": environment, "cwd": cwd, "capture_output": True, "text": True, "check": True}
    yield subprocess.run([sys.executable, "-c", shown.python], **run).stdout
    yield subprocess.run(["sh", "-c", shown.curl.replace("curl ", "curl -sS ", 1)], **run).stdout


def test_the_query_of_a_snippet_is_escaped():
    shown = snippets("http://h/infer/x", api_of(NUMBERS, method="get"), Filled({"a": "1&b=2"}))

    words = shlex.split(shown.curl)
    assert parse_qs(urlsplit(words[1]).query) == {}
    assert words[-1] == "a=1&b=2"
