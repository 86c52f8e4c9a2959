"""Durations of calls, counted in buckets a fifth apart, and what can be told from the counts."""

import math
from collections.abc import Iterable, Mapping

FIRST_MS = 0.25
_PER_DOUBLING = 4
# The last one holds everything from about 66 seconds.
BUCKETS = 73


def bucket_of(seconds: float) -> int:
    """The bucket of a duration; 0 holds everything up to `FIRST_MS`."""
    milliseconds = seconds * 1000
    if milliseconds <= FIRST_MS:
        return 0
    return min(BUCKETS - 1, math.ceil(math.log2(milliseconds / FIRST_MS) * _PER_DOUBLING))


def upper_bound(bucket: int) -> float:
    """The longest duration of a bucket, in milliseconds."""
    return float(FIRST_MS * 2 ** (bucket / _PER_DOUBLING))


def merged(histograms: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """All of them together; a histogram maps the number of a bucket, as text, to its calls."""
    total: dict[str, int] = {}
    for histogram in histograms:
        for bucket, calls in histogram.items():
            total[bucket] = total.get(bucket, 0) + calls
    return total


def percentile(histogram: Mapping[str, int], share: float, *, longest: float = math.inf) -> float | None:
    """The duration in milliseconds that this share of the calls did not exceed; None without calls.

    Inside a bucket the calls are taken to be evenly spread, so it is off by less than a fifth. Those in the bucket of
    `longest`, after so many seconds calls are given up, took no longer than that.
    """
    wanted = share * sum(histogram.values())
    before = 0
    bucket_of_longest = bucket_of(longest) if math.isfinite(longest) else None
    for bucket in sorted(map(int, histogram)):
        calls = histogram[str(bucket)]
        if calls and before + calls >= wanted:
            lower = upper_bound(bucket - 1) if bucket else 0.0
            upper = longest * 1000 if bucket == bucket_of_longest else upper_bound(bucket)
            return lower + (upper - lower) * max(0.0, wanted - before) / calls
        before += calls
    return None
