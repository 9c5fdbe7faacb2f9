"""The leaky bucket of training minutes and the step limit (livetrader_engine.limits)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livetrader_engine.errors import ConfigurationError
from livetrader_engine.limits import LeakyBucket, Quota, StepLimit, quota_of_server

MINUTE = 60_000_000_000
DAY = 1440 * MINUTE
START = 1_600_000_000_000_000_000
LEAN = Quota(120.0, 18.0)


@pytest.mark.parametrize(
    ("megabytes", "capacity", "refill"), [(512, 30.0, 5.0), (1024, 60.0, 10.0), (2048, 90.0, 15.0)]
)
def test_a_server_size_has_the_quota_of_the_table(megabytes: int, capacity: float, refill: float) -> None:
    quota = quota_of_server(megabytes)
    assert (quota.capacity_minutes, quota.refill_minutes) == (capacity, refill)
    assert quota.refill_interval_minutes == 24 * 60


def test_an_unknown_server_size_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match="512, 1024, 2048"):
        quota_of_server(4096)


@pytest.mark.parametrize(
    ("elapsed", "level"),
    [
        (0, 0.0),
        (DAY - 1, 0.0),
        (DAY, 18.0),
        (2 * DAY - 1, 18.0),
        (6 * DAY, 108.0),
        (7 * DAY, 120.0),
        (-DAY, 0.0),
    ],
)
def test_refills_are_whole_and_end_at_the_capacity(elapsed: int, level: float) -> None:
    empty = LeakyBucket.restored(LEAN, 0.0, START)
    assert empty.refilled(START + elapsed).level_minutes == level


def test_a_bucket_starts_full_and_gives_no_more_than_it_holds() -> None:
    bucket: LeakyBucket | None = LeakyBucket.full(Quota(2.0, 1.0), START)
    for _ in range(2):
        assert bucket is not None
        bucket = bucket.take(1.0, START)
    assert bucket is not None
    assert bucket.level_minutes == 0.0
    assert bucket.take(1.0, START + DAY - 1) is None
    assert bucket.take(1.0, START + DAY) is not None


def test_restoring_refills_nothing_and_keeps_within_a_smaller_capacity() -> None:
    assert LeakyBucket.restored(LEAN, 7.0, START).refilled(START + 1).level_minutes == 7.0
    assert LeakyBucket.restored(Quota(5.0, 1.0), 100.0, START).level_minutes == 5.0


@pytest.mark.parametrize(
    ("capacity", "refill", "interval"), [(-1.0, 1.0, 1.0), (1.0, -1.0, 1.0), (1.0, 1.0, 0.0)]
)
def test_a_quota_that_could_never_be_used_is_refused(capacity: float, refill: float, interval: float) -> None:
    with pytest.raises(ConfigurationError):
        Quota(capacity, refill, interval)


@given(
    moves=st.lists(st.tuples(st.integers(-2 * DAY, 5 * DAY), st.integers(1, 30)), max_size=60),
    capacity=st.integers(1, 200),
    refill=st.integers(0, 50),
)
def test_what_is_granted_never_exceeds_capacity_plus_whole_refills(
    moves: list[tuple[int, int]], capacity: int, refill: int
) -> None:
    bucket = LeakyBucket.full(Quota(float(capacity), float(refill)), START)
    now_ns = latest_ns = START
    granted = 0.0
    for elapsed, minutes in moves:
        now_ns += elapsed
        latest_ns = max(latest_ns, now_ns)
        taken = bucket.take(float(minutes), now_ns)
        if taken is not None:
            bucket, granted = taken, granted + minutes
        assert 0.0 <= bucket.level_minutes <= capacity
        assert granted <= capacity + refill * ((latest_ns - START) // DAY)


@pytest.mark.parametrize(
    ("step_s", "granted_s", "exceeded"),
    [
        (1199.0, 0.0, False),
        (1200.0, 0.0, False),
        (1200.1, 0.0, True),
        (1259.0, 60.0, False),
        (1261.0, 60.0, True),
    ],
)
def test_a_step_may_take_its_limit_and_what_training_was_granted(
    step_s: float, granted_s: float, exceeded: bool
) -> None:
    assert StepLimit(1200.0).exceeded(step_s, granted_s) is exceeded
