import pytest

from registry.config import Requirement
from serving.errors import BuildRefused
from serving.locks import lines_of, lock_digest, lock_text, pins_of, rebuilt, versions_of
from tests.serving.wheels import config_of, requirement

HASH = "sha256:" + "a" * 64
OTHER = "sha256:" + "b" * 64
HOSTILE = [
    "--index-url https://example.com/simple",
    "--index-url=https://example.com/simple",
    "-r /etc/passwd",
    "-e .",
    "x @ git+https://example.com/x.git",
    "x@https://example.com/x.whl",
    "file:///etc/passwd",
    "./x",
    "../x-1.0-py3-none-any.whl",
    "/etc/passwd",
    "x\n--extra-index-url https://example.com/simple",
    "x==1.0\n-r /etc/passwd",
    "x --hash=sha256:00",
    f"x==={'!' * 250}@",
    "x; import os",
    "x; python_version > '3'",
    "x # comment",
    "${HOME}",
    "x $(id)",
    "",
    " ",
    "数字",
    "x" * 400,
]


def texts(config, difference=()):
    return [line.text for line in lines_of(config, difference)]


@pytest.mark.parametrize("name", HOSTILE)
def test_lines_of_refuses_what_is_no_name(name):
    with pytest.raises(BuildRefused) as refused:
        lines_of(config_of(Requirement(name)))

    assert refused.value.code == "build.requirement_invalid"


@pytest.mark.parametrize(
    "version", ["1.0 --pre", "1.0\n-r /etc/passwd", "1.0 @ https://example.com", "1.0; x", "newest", "1.0 \\"]
)
def test_lines_of_refuses_what_is_no_version(version):
    with pytest.raises(BuildRefused) as refused:
        lines_of(config_of(Requirement("six", version=version, restraint="EXACT")))

    assert refused.value.code == "build.requirement_invalid"


@pytest.mark.parametrize("name", HOSTILE)
def test_an_overlay_is_read_as_strictly(name):
    difference = [{"name": "six", "declared": "six", "taken": name}]

    with pytest.raises(BuildRefused):
        lines_of(config_of("six"), difference)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("six", "six"),
        ("Six", "six"),
        ("ruamel.yaml", "ruamel-yaml"),
        ("tool[b,a]==1.0", "tool[a,b]==1.0"),
        ("numpy >=1.2, <2", "numpy<2,>=1.2"),
        ("torch==2.13.0+cpu", "torch==2.13.0+cpu"),
        ("numpy==1.*", "numpy==1.*"),
        ("numpy~=1.4.2", "numpy~=1.4.2"),
    ],
)
def test_rebuilt_keeps_name_extras_and_versions(text, line):
    assert rebuilt(text) == line


@pytest.mark.parametrize(
    ("engine", "declared", "lines"),
    [
        ("Scikit_Learn", [], ["scikit-learn", "joblib", "numpy", "scipy"]),
        (
            "Scikit_Learn",
            ["scikit_learn==1.5.0", "pandas"],
            ["scikit-learn==1.5.0", "pandas", "joblib", "numpy", "scipy"],
        ),
        ("XGBoost", [], ["xgboost-cpu", "numpy", "scipy"]),
        ("XGBoost", ["xgboost"], ["xgboost-cpu", "numpy", "scipy"]),
        ("XGBoost", ["xgboost==2.0.0"], ["xgboost==2.0.0", "numpy", "scipy"]),
        ("ONNX", ["numpy>=1.20"], ["numpy>=1.20", "onnxruntime"]),
        ("PyTorch", ["Pillow"], ["pillow", "torch", "numpy"]),
        ("PyTorch", ["torch==2.2.2"], ["torch==2.2.2", "numpy<2"]),
        ("PyTorch", ["torch<=1.8"], ["torch<=1.8", "numpy<2"]),
        ("PyTorch", ["torch>=1.8"], ["torch>=1.8", "numpy"]),
        ("PyTorch", ["torch<2.3"], ["torch<2.3", "numpy<2"]),
        ("PyTorch", ["torch>=2,<3"], ["torch<3,>=2", "numpy"]),
        ("PyTorch", ["torch~=2.1.0"], ["torch~=2.1.0", "numpy<2"]),
        ("PyTorch", ["torch~=2.1"], ["torch~=2.1", "numpy"]),
        ("PyTorch", ["torch~=1.13"], ["torch~=1.13", "numpy<2"]),
        ("PyTorch", ["torch==2.2.*"], ["torch==2.2.*", "numpy<2"]),
        ("PyTorch", ["torch==2.*"], ["torch==2.*", "numpy"]),
        ("PyTorch", ["torch==2.3.0"], ["torch==2.3.0", "numpy"]),
        ("PyTorch", ["torch==2.0.0", "numpy==2.0.0"], ["torch==2.0.0", "numpy==2.0.0"]),
        ("PyTorch", ["pandas==1.5.0", "torch"], ["pandas==1.5.0", "torch", "numpy<2"]),
        ("PyTorch", ["pandas==2.2.2", "torch"], ["pandas==2.2.2", "torch", "numpy"]),
        ("TensorFlow", ["tensorflow==2.15.0"], ["tensorflow==2.15.0", "numpy<2"]),
        ("TensorFlow", ["six", "six"], ["six", "tensorflow-cpu", "numpy"]),
    ],
)
def test_lines_of_adds_what_the_engine_needs(engine, declared, lines):
    assert texts(config_of(*declared, engine=engine)) == lines


def test_lines_of_takes_what_an_overlay_says_and_remembers_what_was_declared():
    difference = [{"name": "sklearn", "declared": "sklearn==0.20", "taken": "scikit-learn==1.5.0"}]

    line = lines_of(config_of("sklearn==0.20"), difference)[0]

    assert (line.text, line.declared, line.key) == ("scikit-learn==1.5.0", "sklearn==0.20", "sklearn")
    assert texts(config_of("sklearn==0.20"), difference) == ["scikit-learn==1.5.0", "joblib", "numpy", "scipy"]


def test_lines_of_refuses_another_installer():
    with pytest.raises(BuildRefused) as refused:
        lines_of(config_of("curl", installer="apt-get"))

    assert (refused.value.code, refused.value.params) == ("build.installer", {"installer": "apt-get"})


@pytest.mark.parametrize("path", ["model/tool.whl", "model/other-1.0-py3-none-any.whl"])
def test_lines_of_refuses_a_wheel_that_is_not_what_it_is_named(path):
    with pytest.raises(BuildRefused) as refused:
        lines_of(config_of(requirement("tool==1.0", wheel=path)))

    assert (refused.value.code, refused.value.params) == ("build.wheel_broken", {"path": path})


def test_pins_of_reads_a_lock():
    text = f"# by\nsix==1.17.0 \\\n    --hash={HASH} \\\n    --hash={OTHER}\ntorch==2.13.0+cpu --hash={HASH}\n"

    assert [(pin.text, pin.hashes) for pin in pins_of(text)] == [
        ("six==1.17.0", (HASH, OTHER)),
        ("torch==2.13.0+cpu", (HASH,)),
    ]


@pytest.mark.parametrize(
    "entry", ["six", "six==1.0", f"six @ https://example.com/x.whl --hash={HASH}", "--index-url https://example.com"]
)
def test_pins_of_takes_nothing_but_pins_with_hashes(entry):
    with pytest.raises(ValueError, match=r".+"):
        pins_of(entry)


def test_versions_of_reads_what_has_no_hash_too():
    found = f"six==1.16.0 \\\n    --hash={HASH}\ntorch==2.13.0+cpu\n"

    assert versions_of(found) == {"six": "1.16.0", "torch": "2.13.0+cpu"}
    assert versions_of("") == {}


def test_lock_text_lets_only_the_packages_own_wheel_satisfy_its_line():
    pins = pins_of(f"tool==1.0 --hash={HASH} --hash={OTHER}\nsix==1.17.0 --hash={OTHER} --hash={HASH}")

    assert lock_text(pins, {"tool": "c" * 64}) == (
        f"six==1.17.0 \\\n    --hash={HASH} \\\n    --hash={OTHER}\ntool==1.0 \\\n    --hash=sha256:{'c' * 64}\n"
    )


def test_lock_digest_tells_interpreters_apart():
    assert lock_digest("six==1.17.0", "CPython 3.11.7") != lock_digest("six==1.17.0", "CPython 3.12.0")
