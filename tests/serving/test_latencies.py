import pytest

from serving.latencies import BUCKETS, bucket_of, merged, percentile, upper_bound


@pytest.mark.parametrize("seconds", [0, 0.0001, 0.00025, 0.001, 0.0123, 0.5, 7, 39.9, 60])
def test_bucket_holds_its_duration(seconds):
    bucket = bucket_of(seconds)

    assert upper_bound(bucket) >= seconds * 1000
    assert bucket == 0 or upper_bound(bucket - 1) < seconds * 1000


def test_longest_durations_share_the_last_bucket():
    assert bucket_of(10_000) == BUCKETS - 1


def test_histograms_add_up():
    assert merged([{"1": 2, "3": 1}, {"3": 4}, {}]) == {"1": 2, "3": 5}


@pytest.mark.parametrize(("share", "exact"), [(0.5, 50), (0.95, 95), (0.99, 99)])
def test_percentile_is_off_by_less_than_a_fifth(share, exact):
    histogram = merged({str(bucket_of(ms / 1000)): 1} for ms in range(1, 101))

    assert percentile(histogram, share) == pytest.approx(exact, rel=0.19)


def test_percentile_goes_not_beyond_the_time_after_which_calls_are_given_up():
    given_up = merged({str(bucket_of(seconds)): 1} for seconds in (40.001, 40.003, 40.02))

    assert percentile(given_up, 0.99, longest=40) <= 40_000
    assert percentile({str(bucket_of(300)): 1}, 0.5, longest=40) > 46_000


def test_percentile_without_calls_is_nothing():
    assert percentile({}, 0.5) is None
