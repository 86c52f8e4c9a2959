"""The contract of customize_service.py, with services that import nothing but the platform's names."""

import json

import pytest

from tests.inference.serving import IMPORTS, package_with, serving

TELL = """
    def _preprocess(self, data):
        return data

    def _inference(self, data):
        return [type(data).__name__, data]
"""


def value_of(tmp_path, methods, sent=None, **more):
    """What a service with these methods answers to a JSON value."""
    with serving(package_with(tmp_path, methods, **more)) as server:
        answer = server.ask({} if sent is None else sent)
    assert answer.status == 200, answer.text
    return answer.value


CONSTRUCTORS = {
    "name and path": "def __init__(self, model_name, model_path): self.given = [model_name, model_path]",
    "base by name": """def __init__(self, model_name, model_path):
        super().__init__(model_name=model_name, model_path=model_path)
        self.given = [self.model_name, self.model_path]""",
    "base by place": """def __init__(self, name, path):
        PTServingBaseService.__init__(self, name, path)
        self.given = [self.model_name, self.model_path]""",
    "base by path alone": """def __init__(self, model_name, model_path):
        super(Service, self).__init__(model_path)
        self.given = [self.model_name, self.model_path]""",
    "none": "given = property(lambda self: [self.model_name, self.model_path])",
    "nothing": "def __init__(self): self.given = [self.model_name, self.model_path]",
    "defaults": "def __init__(self, model_name=None, model_path=None): self.given = [model_name, model_path]",
    "a default of its own": "def __init__(self, model_name, model_path, size=3): self.given = [model_name, model_path]",
    "turned around": "def __init__(self, model_path, model_name): self.given = [model_name, model_path]",
    "anything": "def __init__(self, *args, **kwargs): self.given = list(args)",
    "by name only": "def __init__(self, *, model_path, model_name): self.given = [model_name, model_path]",
    "base uninitialised": """def __init__(self, model_name, model_path):
        self.given = [self.model_name, self.model_path]""",
}


@pytest.mark.parametrize("constructor", CONSTRUCTORS.values(), ids=CONSTRUCTORS)
def test_constructor_of_any_form_is_given_name_and_path(tmp_path, constructor):
    methods = f"    {constructor}\n\n    def _inference(self, data):\n        return self.given\n"

    assert value_of(tmp_path, methods) == ["package", str(tmp_path / "package" / "model" / "net.pth")]


def test_constructor_with_the_path_alone_is_given_it(tmp_path):
    methods = """
    def __init__(self, path):
        self.path = path

    def _inference(self, data):
        return [self.path, self.model_name]

    def _postprocess(self, data):
        return data
"""
    path = str(tmp_path / "package" / "model" / "model.joblib")

    assert value_of(tmp_path, methods, engine="Scikit_Learn", files={"model.joblib": b""}) == [path, "package"]


def test_constructor_of_a_multi_model_server_is_given_the_folder_and_a_manifest(tmp_path):
    methods = """
    def __init__(self, model_name, model_dir, manifest, gpu=None):
        self.given = [model_name, model_dir, manifest["Model"]["Symbol"], manifest["Model"]["Parameters"], gpu]

    def _inference(self, data):
        return self.given
"""
    given = value_of(tmp_path, methods, engine="MXNet")

    assert given == ["package", str(tmp_path / "package" / "model"), "net-symbol.json", "net-0000.params", None]


@pytest.mark.parametrize(
    ("engine", "expected"),
    [
        ("PyTorch", "model/net.pth"), ("Scikit_Learn", "model/model.joblib"), ("XGBoost", "model/model.json"),
        ("TensorFlow", "model"), ("MXNet", "model"), ("Caffe", "model"), ("MindSpore", "model"),
        ("Spark_MLlib", "model/spark_model"),
    ],
)  # fmt: skip
def test_path_is_the_weights_or_the_folder(tmp_path, engine, expected):
    methods = "    def _preprocess(self, data):\n        return data\n\n    def _inference(self, data):\n"
    methods += "        return self.model_path\n\n    def _postprocess(self, data):\n        return [data]\n"

    assert value_of(tmp_path, methods, engine=engine) == [str(tmp_path / "package" / expected)]


def test_of_several_weights_the_highest_and_first_counts(tmp_path):
    methods = "    def _inference(self, data):\n        return [self.model_path[-5:]]\n"
    files = {"old/a.pth": b"", "c.pt": b"", "b.pth": b""}

    assert value_of(tmp_path, methods, files=files) == ["b.pth"]


@pytest.mark.parametrize("engine", ["PyTorch", "TensorFlow", "MindSpore", "MXNet", "Caffe"])
def test_deep_learning_engines_are_given_values(tmp_path, engine):
    methods = TELL.replace("return [type", "return ['x', type")

    assert value_of(tmp_path, methods, {"a": [1]}, engine=engine) == ["x", "dict", {"a": [1]}]


@pytest.mark.parametrize("engine", ["Scikit_Learn", "XGBoost", "Spark_MLlib"])
def test_classic_engines_are_given_the_text_of_the_body(tmp_path, engine):
    methods = TELL + "\n    def _postprocess(self, data):\n        return data\n"
    with serving(package_with(tmp_path, methods, engine=engine)) as server:
        answer = server.ask(body=b'{"b": 1,  "a": 2}', Content_Type="application/json")

    assert answer.value == ["str", '{"b": 1,  "a": 2}']


def test_uploads_are_streams_by_key_and_name_beside_the_texts(tmp_path):
    methods = """
    def _preprocess(self, data):
        found = {}
        for key, value in data.items():
            if isinstance(value, str):
                found[key] = value
            else:
                for name, file in value.items():
                    found[name] = [type(file).__name__, file.tell(), file.read().decode()]
        return found

    def _inference(self, data):
        return data
"""
    body = (
        b'--X\r\nContent-Disposition: form-data; name="images"; filename="../a.png"\r\n\r\none\r\n'
        b'--X\r\nContent-Disposition: form-data; name="images"; filename="b.png"\r\n\r\ntwo\r\n'
        b'--X\r\nContent-Disposition: form-data; name="threshold"\r\n\r\n0.5\r\n--X--\r\n'
    )
    with serving(package_with(tmp_path, methods)) as server:
        answer = server.ask(body=body, Content_Type="multipart/form-data; boundary=X")

    assert answer.value == {"a.png": ["BytesIO", 0, "one"], "b.png": ["BytesIO", 0, "two"], "threshold": "0.5"}


def test_hooks_are_called_in_their_order(tmp_path):
    methods = "".join(
        f"    def {hook}(self, data):\n        return data + ['{hook}']\n\n"
        for hook in ("_postprocess", "_preprocess", "_inference")
    )

    assert value_of(tmp_path, methods, ["sent"]) == ["sent", "_preprocess", "_inference", "_postprocess"]


def test_inference_that_is_overridden_whole_answers(tmp_path):
    before = """
import log
from metric.metrics_manager import MetricsManager
logger = log.getLogger(__name__)
"""
    methods = """
    def _preprocess(self, data):
        return data

    def _inference(self, data):
        return {"n": data["n"] + 1}

    def inference(self, data):
        begun = time.time()
        data = self._preprocess(data)
        name = self.model_name + "_LatencyPreprocess"
        if name in MetricsManager.metrics:
            MetricsManager.metrics[name].update(time.time() - begun)
        logger.info("preprocessed")
        answer = self._postprocess(self._inference(data))
        answer["latency_time"] = 0.5
        return answer
"""

    assert value_of(tmp_path, methods, {"n": 1}, before=before) == {"n": 2, "latency_time": 0.5}


EVERY_NAME = "\n".join(
    [
        *(f"from {module} import {base} as B{number}" for number, (module, base) in enumerate(IMPORTS.values())),
        "from model_service.hiai_model_service import HiaiBaseService",
        "import model_service.log, mms.log, log",
        "from model_service import log as log2, pytorch_model_service",
        "from mms.utils.mxnet import image, ndarray",
        "from metric.metrics_manager import MetricsManager",
    ]
)


def test_every_name_of_the_platform_can_be_imported(tmp_path):
    methods = """
    def _inference(self, data):
        loggers = {each.getLogger("x") for each in (log, log2, mms.log, model_service.log)}
        try:
            image.read("x")
        except NotImplementedError as error:
            return [len(loggers), MetricsManager.metrics, str(error)]
"""
    found = value_of(tmp_path, methods, before=EVERY_NAME)

    assert found == [1, {}, "mms.utils.mxnet: image.read needs MXNet, which is not run here"]


def test_names_of_the_platform_that_do_not_exist_are_an_import_error(tmp_path):
    before = "try:\n    import model_service.nothing\nexcept ImportError as error:\n    reason = str(error)"
    methods = "    def _inference(self, data):\n        return [reason]\n"

    assert value_of(tmp_path, methods, before=before) == ["No module named 'model_service.nothing'"]


def test_siblings_are_imported_plainly_below_model_and_relatively(tmp_path):
    before = "import helper\nimport model.helper\nfrom . import helper as third\nfrom .nets.deep import DEPTH"
    files = {"net.pth": b"", "helper.py": "NAME = 'sibling'", "nets/deep.py": "from ..helper import NAME\nDEPTH = 5"}
    methods = "    def _inference(self, data):\n        return [helper.NAME, model.helper is third, DEPTH]\n"

    assert value_of(tmp_path, methods, before=before, files=files) == ["sibling", True, 5]


def test_relative_imports_work_beside_a_module_called_model(tmp_path):
    before = "import model\nfrom model import Net\nfrom .model import Net as Second"
    files = {"net.pth": b"", "model.py": "class Net:\n    pass\n"}
    methods = "    def _inference(self, data):\n        return [Net.__module__, Second.__name__]\n"

    assert value_of(tmp_path, methods, before=before, files=files) == ["model", "Net"]


def test_files_are_found_beside_the_code_and_below_the_working_folder(tmp_path):
    methods = """
    def _inference(self, data):
        import os
        beside = os.path.join(os.path.dirname(os.path.realpath(__file__)), "labels.txt")
        return [open(beside).read(), open("model/labels.txt").read(), open("model/1/deep.txt").read()]
"""
    files = {"net.pth": b"", "labels.txt": "cat", "1/deep.txt": "deep"}

    assert value_of(tmp_path, methods, files=files) == ["cat", "cat", "deep"]


@pytest.mark.parametrize(
    ("returned", "body", "kind"),
    [
        ("{'a': (1, float('nan'))}", b'{"a": [1, null]}', "application/json"),
        ("[1, 2]", b"[1, 2]", "application/json"),
        ("json.dumps({'a': 1})", b'{"a": 1}', "application/json"),
        ("'setosa'", b"setosa", "text/plain; charset=utf-8"),
        ("None", b"null", "application/json"),
    ],
)
def test_answers_of_any_kind_are_sent(tmp_path, returned, body, kind):
    with serving(package_with(tmp_path, f"    def _inference(self, data):\n        return {returned}\n")) as server:
        answer = server.ask({})

    assert (answer.body, answer.headers["Content-Type"]) == (body, kind)


@pytest.mark.parametrize(
    ("statement", "status", "message"),
    [
        ("data['missing']", 400, "KeyError: 'missing'"),
        ("len(5)", 400, "TypeError: object of type 'int' has no len()"),
        ("raise Exception('the image is too small')", 500, "the image is too small"),
        ("int('x')", 500, "ValueError: invalid literal for int() with base 10: 'x'"),
        ("raise SystemExit(3)", 500, "SystemExit: 3"),
        ("raise KeyboardInterrupt", 500, "KeyboardInterrupt: KeyboardInterrupt"),
        ("self._inference(data)", 500, "RecursionError: maximum recursion depth exceeded"),
        ("return object()", 500, "CannotEncode: The answer holds a object at $, which is no JSON"),
    ],
)
def test_error_of_a_service_is_answered_and_the_next_request_too(tmp_path, statement, status, message):
    methods = (
        f"    def _inference(self, data):\n        if 'good' in data:\n            return 'ok'\n        {statement}\n"
    )
    with serving(package_with(tmp_path, methods)) as server:
        answer, after = server.ask({}), server.ask({"good": 1})

    assert answer.status == status
    assert set(answer.value) == {"erno", "msg", "error_code", "error_msg"}
    assert (answer.value["erno"], answer.value["error_code"]) == ("MR.0105", "MR.0105")
    assert answer.value["msg"].startswith(message)
    assert after.text == "ok"


def test_failure_is_one_line_with_stage_file_and_line(tmp_path):
    files = {"net.pth": b"", "helper.py": "\n\ndef shrink(size):\n    raise ValueError('size %s' % size)\n"}
    methods = (
        "    def _postprocess(self, data):\n        return helper.shrink(data)\n\n    def _inference(self, data):\n"
    )
    methods += "        return 3\n"
    with serving(package_with(tmp_path, methods, before="import helper", files=files)) as server:
        server.ask({}, X_Request_ID="r-17")
        line = server.await_event("failed")

    del line["time"]
    assert len(server.events("failed")) == 1
    assert line == {
        "level": "error", "event": "failed", "stage": "postprocess", "error": "ValueError", "message": "size 3",
        "file": "model/helper.py", "line": 4, "request": "r-17", "status": 500,
        "trace": ["model/customize_service.py:9 _postprocess", "model/helper.py:4 shrink"],
    }  # fmt: skip


@pytest.mark.parametrize("hook", ["_preprocess", "_inference", "_postprocess"])
def test_stage_is_told_where_inference_is_overridden_too(tmp_path, hook):
    hooks = {name: "return data" for name in ("_preprocess", "_inference", "_postprocess")} | {
        hook: "raise OSError('x')"
    }
    methods = "".join(f"    def {name}(self, data):\n        {body}\n\n" for name, body in hooks.items())
    methods += (
        "    def inference(self, data):\n        return self._postprocess(self._inference(self._preprocess(data)))\n"
    )
    with serving(package_with(tmp_path, methods)) as server:
        server.ask({})
        line = server.await_event("failed")

    assert line["stage"] == hook[1:]


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [(b"{", "application/json", 400), (b"\x89PNG", "image/png", 415), (b"\xff", "application/json", 400)],
)
def test_body_that_cannot_be_read_never_reaches_the_service(tmp_path, body, kind, status):
    with serving(package_with(tmp_path)) as server:
        answer = server.ask(body=body, Content_Type=kind)
        failed = server.events("failed")

    assert (answer.status, answer.value["error_code"]) == (status, f"Modelport.0{status}")
    assert failed == []


def test_engine_without_inference_of_its_own_says_so_when_asked(tmp_path):
    methods = "    def _preprocess(self, data):\n        return data\n"
    with serving(package_with(tmp_path, methods, engine="Caffe")) as server:
        answer = server.ask({})

    assert answer.status == 500
    assert answer.value["msg"] == (
        "NotImplementedError: This engine has no inference of its own here: override _inference"
    )


def test_unusual_types_of_the_body_reach_the_service_as_they_are(tmp_path):
    with serving(package_with(tmp_path, TELL)) as server:
        answers = [server.ask(value).value for value in ([1], "text", 5, None)]

    assert answers == [["list", [1]], ["str", "text"], ["int", 5], ["dict", {}]]


def test_answer_is_readable_in_every_language(tmp_path):
    with serving(package_with(tmp_path)) as server:
        answer = server.ask({"城市": "北京"})

    assert json.loads(answer.body) == {"城市": "北京"}
    assert answer.body == '{"城市": "北京"}'.encode()
