"""The inference code: classes found through every way to import a base, hostile texts, places."""

import time
from textwrap import indent

import pytest

from tests.packages import WEIGHTS, build_package, check_folder, codes, make_config, service_code

BODY = "    def __init__(self, a, b):\n        pass\n    def _preprocess(self, data):\n        return data\n"


def check_code(tmp_path, code, engine="PyTorch", **package):
    return check_folder(build_package(tmp_path, engine=engine, code=code, **package))


@pytest.mark.parametrize(
    "code",
    [
        f"from model_service.pytorch_model_service import PTServingBaseService as Base\nclass S(Base):\n{BODY}",
        f"import model_service.pytorch_model_service as pt\nclass S(pt.PTServingBaseService):\n{BODY}",
        f"import model_service.pytorch_model_service\n"
        f"class S(model_service.pytorch_model_service.PTServingBaseService):\n{BODY}",
        f"from model_service.pytorch_model_service import *\nclass S(PTServingBaseService):\n{BODY}",
        "from model_service.pytorch_model_service import PTServingBaseService\n"
        f"class Common(PTServingBaseService):\n{BODY}\nclass S(Common):\n    pass\n",
        "try:\n    from model_service.pytorch_model_service import PTServingBaseService\n"
        "except ImportError:\n    PTServingBaseService = object\n"
        f"if True:\n    class S(PTServingBaseService):\n{indent(BODY, '    ')}",
        "from model_service.pytorch_model_service import PTServingBaseService\n"
        f"class S(PTServingBaseService):\n    pass\nclass S(PTServingBaseService):\n{BODY}",
        f"from model_service.model_service import SingleNodeService\nclass S(SingleNodeService):\n{BODY}",
        "from model_service.pytorch_model_service import PTServingBaseService\nimport torch.nn as nn\n"
        f"class Net(nn.Module):\n    pass\nclass S(PTServingBaseService):\n{BODY}",
        "from model_service.pytorch_model_service import PTServingBaseService\n"
        "from model_service.tfserving_model_service import TfServingBaseService\n"
        f"class Old(TfServingBaseService):\n    pass\nclass S(PTServingBaseService):\n{BODY}",
        "\ufeff" + service_code("PyTorch"),
        service_code("PyTorch").replace("\n", "\r\n"),
        ("# -*- coding: gbk -*-\n# 服务\n" + service_code("PyTorch")).encode("gbk"),
    ],
)
def test_the_service_class_is_found(tmp_path, code):
    report = check_code(tmp_path, code)

    assert codes(report) == []


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("from helper import Service\n", ["code.class_elsewhere"]),
        ("from .helper import *\n", ["code.class_elsewhere"]),
        ("import helper\nclass S(helper.Base):\n    pass\n", ["code.class_elsewhere"]),
        ("import helper as h\nclass S(h.Base):\n    pass\n", ["code.class_elsewhere"]),
        ("from helper import clean\n", ["code.no_class"]),
        ("import helper\nclass S:\n    pass\n", ["code.no_class"]),
        ("from __future__ import annotations\n", ["code.no_class"]),
    ],
)
def test_a_class_may_only_come_from_where_one_is_taken(tmp_path, code, said):
    report = check_code(tmp_path, code, files=WEIGHTS["PyTorch"] | {"helper.py": "class Base: ..."})

    assert codes(report) == said


def test_a_class_that_extends_itself_is_no_service(tmp_path):
    report = check_code(tmp_path, "class A(B):\n    pass\nclass B(A):\n    pass\n")

    assert codes(report) == ["code.no_class"]


@pytest.mark.parametrize(
    ("line", "column", "code"),
    [(3, 5, "x = 1\ny = 2\nz = (\n"), (2, 8, "x = 1\n'模型' + = 2\n")],
)
def test_a_syntax_error_has_line_and_column(tmp_path, line, column, code):
    report = check_code(tmp_path, code)

    where = report.findings[0].where
    assert (where.file, where.line, where.column) == ("model/customize_service.py", line, column)


def test_a_byte_that_does_not_decode_has_line_and_column(tmp_path):
    report = check_code(tmp_path, b"x = 1\ny = '\xd6\xd0'\n")

    assert [(finding.code, finding.where.line, finding.where.column) for finding in report.findings] == [
        ("code.undecodable", 2, 6)
    ]


def test_columns_count_characters(tmp_path):
    code = service_code("PyTorch") + "'模型模型'; import pandas\n"

    report = check_code(tmp_path, code)

    finding = report.findings[0]
    assert (finding.code, finding.where.column) == ("code.module_missing", 9)


HOSTILE = {
    "attributes": "x = " + "a." * 300_000 + "b",
    "sums": "x = " + "1+" * 400_000 + "1",
    "brackets": "(" * 500_000,
    "lists": "x = " + "[" * 90 + "]" * 90,
    "nots": "x = " + "not " * 200_000 + "1",
    "minuses": "x = " + "-" * 900_000 + "1",
    "lambdas": "x = " + "lambda:" * 100_000 + "1",
    "calls": "x = f" + "()" * 400_000,
    "indents": "".join(" " * i + "if 1:\n" for i in range(1000)),
    "comparisons": "x = " + "1 <" * 300_000 + " 1",
    "conditions": "x = " + "1 if 1 else " * 80_000 + "1",
    "functions": "def f(): pass\n" * 60_000,
    "classes": "class A(PTServingBaseService): pass\n" * 20_000,
    "other classes": "".join(f"class A{i}(PTServingBaseService): pass\n" for i in range(20_000)),
    "class chain": "class A0(PTServingBaseService): pass\n"
    + "".join(f"class A{i}(A{i - 1}): pass\n" for i in range(1, 1_000)),
    "imports": "".join(f"import m{i}\n" for i in range(50_000)),
    "digits": "x = " + "9" * 900_000,
    "escapes": "x = '" + "\\N" * 100 + "'",
    "format": "x = f'" + "{" * 1000 + "'",
    "bytes": bytes(range(256)) * 100,
    "spaces": " " * 1_000_000,
    "print": "print " + "x" * 1_000_000,
    "elifs": "if 1: pass\n" + "elif 1: pass\n" * 50_000,
    "calls in one line": "os.system(1);" * 70_000,
    "imports in one line": "".join(f"import m{i};" for i in range(60_000)),
    "slow codec": b"# coding: punycode\na-" + b"99999" * 60_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_text_gives_few_clean_findings_quickly(tmp_path, name):
    root = build_package(tmp_path, engine="PyTorch", code=HOSTILE[name])
    start = time.process_time()

    report = check_folder(root)

    assert time.process_time() - start < 10
    assert 1 <= len(report.findings) < 100
    assert [finding.message for finding in report.findings if len(finding.message) > 2000] == []


@pytest.mark.parametrize("codec", ["hex", "zlib", "rot13", "punycode", "IDNA", "undefined"])
def test_a_codec_that_is_no_encoding_of_text_is_refused(tmp_path, codec):
    report = check_code(tmp_path, f"# -*- coding: {codec} -*-\n{service_code('PyTorch')}")

    assert [(each.code, each.where.line, each.where.column) for each in report.findings] == [
        ("code.unknown_encoding", 1, 1)
    ]


def test_python_3_code_that_only_looks_old_is_fine(tmp_path):
    code = service_code("PyTorch") + "print ('x')\nprint('a', 'b')\nx = '<>'\ny = 0\nz = 0o17\n"

    assert codes(check_code(tmp_path, code)) == []


@pytest.mark.parametrize(
    ("code", "missing"),
    [
        ("import numpy, torch, os.path, json\n", []),
        ("from PIL import Image\n", []),
        ("import cv2\n", ["cv2"]),
        ("import helper, extension, package.part\nfrom model import helper\nfrom . import helper\n", []),
        ("import log\nfrom metric.metrics_manager import MetricsManager\nfrom mms.log import x\n", []),
        ("try:\n    import cv2\nexcept ImportError:\n    import imageio\n", []),
        ("try:\n    import cv2\nexcept ValueError:\n    pass\n", ["cv2"]),
        ("def later():\n    import cv2\n", ["cv2"]),
        ("import cv2\nimport cv2\n", ["cv2"]),
        ("import urllib2\n", ["urllib2"]),
        ("import google.cloud.storage\n", []),
        ("import ruamel.yaml\n", []),
    ],
)
def test_modules_are_looked_for_everywhere(tmp_path, code, missing):
    files = WEIGHTS["PyTorch"] | {
        "helper.py": "",
        "extension.cpython-311-x86_64-linux-gnu.so": "",
        "package/part.py": "",
    }
    names = ("Pillow", "google-cloud-storage", "ruamel.yaml")
    dependencies = [{"installer": "pip", "packages": [{"package_name": name} for name in names]}]

    report = check_code(
        tmp_path,
        code + service_code("PyTorch"),
        files=files,
        config=make_config("PyTorch", dependencies=dependencies),
    )

    assert [finding.params["module"] for finding in report.findings] == missing


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import subprocess as sp\nsp.check_call(['x'])\n", ["code.runs_shell"]),
        ("from os import system\nif True:\n    system('x')\n", ["code.runs_shell"]),
        ("import os\ndef setup():\n    os.popen('x')\nsetup()\n", ["code.runs_shell"]),
        ("import os\nclass A:\n    x = os.system('x')\n", ["code.runs_shell"]),
        ("import os\ndef unused():\n    os.system('x')\n", []),
        ("import os\nos.path.join('a')\n", []),
        ("import pickle\nx = pickle.loads(b'')\n", []),
        ("import numpy as np\nx = np.load('labels.npy', allow_pickle=True)\n", []),
        ("import pickle\ndef answer(x):\n    return pickle.loads(x)\n", ["code.unpickles"]),
        ("import pickle\ndef load_labels(x):\n    return pickle.loads(x)\n", []),
        ("import numpy as np\ndef answer(x):\n    return np.load(x, allow_pickle=False)\n", []),
    ],
)
def test_hazards_are_told_from_harmless_calls(tmp_path, code, expected):
    report = check_code(tmp_path, code + service_code("PyTorch"))

    assert codes(report) == expected


def test_code_is_never_run(tmp_path):
    trace = tmp_path / "trace"

    check_code(tmp_path, f"open({str(trace)!r}, 'w').write('ran')\n" + service_code("PyTorch"))

    assert not trace.exists()
