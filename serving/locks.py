"""From a configuration to requirement lines, rebuilt from their parts, and the lock they come to. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as ParsedRequirement
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import Version

from registry.config import Dependency, ModelConfig, Requirement
from serving.errors import BuildRefused

LONGEST_LINE = 300
# A comma parts one specifier from the next: were there two ways to read a text, one could be made to take for ever.
_SPECIFIER = r"(?:[<>=!~]=?|===)[A-Za-z0-9.*+!_-]+"
_LINE = re.compile(
    r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?(?:\[[A-Za-z0-9._,-]+\])?"
    rf"(?:{_SPECIFIER}(?:,{_SPECIFIER})*)?"
)
_PIN = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==(?P<version>[A-Za-z0-9.+!_-]+)")
_LIMITS = frozenset({"==", "<=", "<", "~="})
_HASH = re.compile(r"--hash=(sha256:[0-9a-f]{64})")


@dataclass(frozen=True)
class Need:
    """What an engine cannot do without: `name` is installed unless one of `others`, or itself, was declared."""

    name: str
    others: tuple[str, ...] = ()


_ARRAYS = (Need("numpy"), Need("scipy"))
_TENSORFLOW = ("tensorflow", "tensorflow-gpu", "tensorflow-cpu-aws", "tensorflow-intel", "tf-nightly")
NEEDS: Mapping[str, tuple[Need, ...]] = {
    "Scikit_Learn": (Need("scikit-learn"), Need("joblib"), *_ARRAYS),
    "XGBoost": (Need("xgboost-cpu", ("xgboost",)), *_ARRAYS),
    "ONNX": (Need("onnxruntime", ("onnxruntime-gpu", "onnxruntime-openvino")), Need("numpy")),
    "PyTorch": (Need("torch"), Need("numpy")),
    "TensorFlow": (Need("tensorflow-cpu", _TENSORFLOW), Need("numpy")),
}
# Releases before these were made for numpy 1, and not all of them say so: they load beside a later one, and fail.
FIRST_FOR_NUMPY_2: Mapping[str, Version] = {
    "catboost": Version("1.2.8"),
    "h5py": Version("3.11"),
    "matplotlib": Version("3.9"),
    "onnxruntime": Version("1.19"),
    "opencv-python": Version("4.10"),
    "opencv-python-headless": Version("4.10"),
    "pandas": Version("2.2.2"),
    "pyarrow": Version("16"),
    "scikit-image": Version("0.24"),
    "scikit-learn": Version("1.4.2"),
    "scipy": Version("1.13"),
    "statsmodels": Version("0.14.2"),
    "tensorflow": Version("2.18"),
    "tensorflow-cpu": Version("2.18"),
    "torch": Version("2.3"),
}
# Of a name that brings much more than a processor can use, the lighter twin is taken where any version will do.
LIGHTER: Mapping[str, str] = {"xgboost": "xgboost-cpu"}
# Names of modules, retired names and builds for other hardware, and what is meant where they cannot be had.
MEANT: Mapping[str, str] = {
    "sklearn": "scikit-learn",
    "cv2": "opencv-python-headless",
    "opencv": "opencv-python-headless",
    "pil": "pillow",
    "yaml": "pyyaml",
    "skimage": "scikit-image",
    "bs4": "beautifulsoup4",
    "tensorflow-gpu": "tensorflow-cpu",
    "pytorch": "torch",
    "torch-cpu": "torch",
    "onnx-runtime": "onnxruntime",
}


@dataclass(frozen=True)
class Line:
    """One requirement to install. `declared` is how the package wrote it; empty where only the engine needs it.

    `wheel` is the path of a wheel inside the package that alone may satisfy it.
    """

    name: str
    text: str
    declared: str = ""
    wheel: str = ""

    @property
    def key(self) -> str:
        """The name an overlay knows it by: the one that was declared, whatever is taken in its place."""
        return _name_of(self.declared) if self.declared else self.name


@dataclass(frozen=True)
class Pin:
    """One line of a lock."""

    name: str
    version: str
    hashes: tuple[str, ...]

    @property
    def text(self) -> str:
        return f"{self.name}=={self.version}"


def lines_of(config: ModelConfig, difference: Sequence[Mapping[str, Any]] = ()) -> tuple[Line, ...]:
    """What is installed for a model: what it declares, with the `difference` of an overlay, then what its engine needs.

    Raises BuildRefused for a requirement that is not a name, extras and versions, and for another installer than pip.
    """
    taken = {entry["name"]: entry["taken"] for entry in difference}
    declared = [_line(package, taken) for entry in config.dependencies for package in _packages(entry)]
    names = {line.name for line in declared}
    needs = (need for need in NEEDS.get(config.engine, ()) if names.isdisjoint({need.name, *need.others}))
    return (*_once(declared), *(Line(need.name, _needed(need, declared)) for need in needs))


def parsed_line(text: str) -> ParsedRequirement:
    """A requirement read again from its text. Raises BuildRefused unless it is a name, extras and versions alone."""
    try:
        parsed = ParsedRequirement(text)
    except InvalidRequirement:
        parsed = None
    if parsed is None or parsed.url or parsed.marker or len(text) > LONGEST_LINE:
        raise BuildRefused("build.requirement_invalid", requirement=text[:LONGEST_LINE])
    return parsed


def rebuilt(text: str) -> str:
    """The same requirement put together from its parts, so that nothing else can be in it. Raises BuildRefused."""
    parsed = parsed_line(text)
    extras = f"[{','.join(sorted(parsed.extras))}]" if parsed.extras else ""
    line = f"{canonicalize_name(parsed.name)}{extras}{parsed.specifier}"
    if not _LINE.fullmatch(line):
        raise BuildRefused("build.requirement_invalid", requirement=text[:LONGEST_LINE])
    return line


def with_difference(lines: Sequence[Line], difference: Iterable[Mapping[str, Any]]) -> tuple[Line, ...]:
    """The lines with others taken in the place of some."""
    taken = {entry["name"]: entry["taken"] for entry in difference}
    return tuple(_instead(line, taken[line.key]) if line.key in taken else line for line in lines)


def made_for_numpy_1(line: Line) -> bool:
    """Whether only releases will do that were made for numpy 1, as far as that is known."""
    first = FIRST_FOR_NUMPY_2.get(line.name)
    return first is not None and _is_before(line, first)


def pins_of(text: str) -> tuple[Pin, ...]:
    """The lines of a lock. Raises ValueError for anything but pinned names with hashes."""
    entries = text.replace("\\\n", " ").splitlines()
    return tuple(_pin(entry) for entry in entries if entry.strip() and not entry.lstrip().startswith("#"))


def versions_of(text: str) -> dict[str, str]:
    """The version of each name in what a resolver found; of files in a folder it may know no hash."""
    entries = [entry.split()[0] for entry in text.replace("\\\n", " ").splitlines() if entry.strip()]
    return {found["name"]: found["version"] for entry in entries if (found := _PIN.fullmatch(entry))}


def lock_text(pins: Iterable[Pin], wheels: Mapping[str, str]) -> str:
    """The lock as it is kept. Where a wheel of the package is meant (name → SHA-256), only that one will do."""
    rows = []
    for pin in sorted(pins, key=lambda pin: pin.name):
        hashes = (f"sha256:{wheels[pin.name]}",) if pin.name in wheels else tuple(sorted(pin.hashes))
        rows.append(" \\\n".join([pin.text, *(f"    --hash={each}" for each in hashes)]))
    return "\n".join(rows) + "\n" if rows else ""


def lock_digest(lock: str, interpreter: str) -> str:
    """What identifies an environment: the lock, and the Python it is built on."""
    return sha256(f"{lock}\0{interpreter}".encode()).hexdigest()


def _packages(entry: Dependency) -> tuple[Requirement, ...]:
    if entry.installer != "pip":
        raise BuildRefused("build.installer", installer=entry.installer)
    return entry.packages


def _needed(need: Need, declared: Iterable[Line]) -> str:
    """What is asked for where the engine alone needs it, beside what is declared."""
    return "numpy<2" if need.name == "numpy" and any(map(made_for_numpy_1, declared)) else need.name


def _is_before(line: Line, version: Version) -> bool:
    """Whether only versions before that one are wanted."""
    return any(_ends_before(each.operator, each.version, version) for each in parsed_line(line.text).specifier)


def _ends_before(operator: str, text: str, version: Version) -> bool:
    if operator not in _LIMITS:
        return False
    limit = Version(text.removesuffix(".*"))
    if operator == "<":
        return limit <= version
    # Of what is left open, such as the end of ~=2.1 or ==2.*, the highest counts.
    known = limit.release[:-1] if operator == "~=" else limit.release
    if operator == "~=" or text.endswith(".*"):
        return known < version.release[: len(known)]
    return limit < version


def _line(package: Requirement, taken: Mapping[str, str]) -> Line:
    text = rebuilt(package.line)
    name = _name_of(text)
    if package.wheel:
        _check_wheel(package.wheel, name)
    line = Line(name, text, declared=text, wheel=package.wheel)
    if name in taken:
        return _instead(line, taken[name])
    if text in LIGHTER:
        return replace(line, name=LIGHTER[text], text=LIGHTER[text])
    return line


def _instead(line: Line, taken: str) -> Line:
    text = rebuilt(taken)
    return Line(_name_of(text), text, declared=line.declared)


def _name_of(text: str) -> str:
    return canonicalize_name(parsed_line(text).name)


def _check_wheel(path: str, name: str) -> None:
    try:
        distribution, *_rest = parse_wheel_filename(path.rpartition("/")[2])
    except InvalidWheelFilename:
        raise BuildRefused("build.wheel_broken", path=path) from None
    if distribution != name:
        raise BuildRefused("build.wheel_broken", path=path)


def _once(lines: Iterable[Line]) -> tuple[Line, ...]:
    """Each line once; two lines of one name stay, because both must hold."""
    return tuple({line.text: line for line in lines}.values())


def _pin(entry: str) -> Pin:
    requirement, *options = entry.split()
    found = _PIN.fullmatch(requirement)
    hashes = [_HASH.fullmatch(option) for option in options]
    if found is None or not hashes or None in hashes:
        raise ValueError(entry)
    return Pin(found["name"], found["version"], tuple(match[1] for match in hashes if match))
