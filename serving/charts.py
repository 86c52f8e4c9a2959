"""Charts as numbers on a square of 1000 by 1000, which a template writes as SVG; words stand beside it."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

SIZE = 1000.0
_GAP = 0.2


@dataclass(frozen=True)
class Bar:
    """A part of a bar, told apart by its `kind`."""

    kind: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Line:
    """Runs of a line as the `d` of paths; where there is no value it is interrupted."""

    kind: str
    paths: tuple[str, ...]


@dataclass(frozen=True)
class Place:
    """The full height of one interval, to be pointed at."""

    x: float
    width: float
    words: str


@dataclass(frozen=True)
class Chart:
    """What is drawn; `scale` is the value at the top."""

    scale: float
    bars: tuple[Bar, ...] = ()
    lines: tuple[Line, ...] = ()
    places: tuple[Place, ...] = ()


def round_up(value: float, *, least: float, base: float = 1.0) -> float:
    """The next value that reads well: 1, 2 or 5 with zeros, in multiples of `base`."""
    value = max(value, least) / base
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value * (1 - 1e-9)) * base


def stacked(parts: Sequence[tuple[str, Sequence[float]]], *, scale: float, words: Sequence[str]) -> Chart:
    """Bars of which each part stands on the one before."""
    width = SIZE / len(words)
    feet = [0.0] * len(words)
    bars = []
    for kind, values in parts:
        for place, value in enumerate(values):
            height = value / scale * SIZE
            if value:
                x = place * width + width * _GAP / 2
                bars.append(
                    Bar(
                        kind, _short(x), _short(SIZE - feet[place] - height), _short(width * (1 - _GAP)), _short(height)
                    )
                )
            feet[place] += height
    return Chart(scale, bars=tuple(bars), places=_places(words))


def lines(series: Sequence[tuple[str, Sequence[float | None]]], *, scale: float, words: Sequence[str]) -> Chart:
    """Lines, each through the middle of its intervals."""
    width = SIZE / len(words)
    drawn = tuple(Line(kind, tuple(_path(run, width, scale) for run in _runs(values))) for kind, values in series)
    return Chart(scale, lines=drawn, places=_places(words))


def _runs(values: Sequence[float | None]) -> Iterator[list[tuple[int, float]]]:
    run: list[tuple[int, float]] = []
    for place, value in enumerate(values):
        if value is not None:
            run.append((place, value))
        elif run:
            yield run
            run = []
    if run:
        yield run


def _path(run: list[tuple[int, float]], width: float, scale: float) -> str:
    points = [f"{_short((place + 0.5) * width)} {_short(SIZE - min(value / scale, 1) * SIZE)}" for place, value in run]
    # A line of no length with round ends is a dot.
    return "M" + "L".join(points) if len(points) > 1 else f"M{points[0]}h0.1"


def _places(words: Sequence[str]) -> tuple[Place, ...]:
    width = SIZE / len(words)
    return tuple(Place(_short(place * width), _short(width), text) for place, text in enumerate(words))


def _short(value: float) -> float:
    return round(value, 2)
