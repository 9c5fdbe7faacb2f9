from __future__ import annotations

from random import Random

import pytest

from livetrader_plugins.sdk.venue_clock import VenueClock

SECOND = 1_000_000_000
START = 1_750_000_000 * SECOND


def ask(clock: VenueClock, at_ns: int, offset_s: float, there_ns: int = 5_000_000) -> None:
    """Ask a venue that is `offset_s` behind us; each way takes `there_ns`."""
    venue_ns = at_ns + there_ns - int(offset_s * SECOND)
    clock.told(at_ns, at_ns + 2 * there_ns, venue_ns // SECOND)


@pytest.mark.parametrize("offset_s", [0.0, 0.7, -3.25, 40.0])
def test_answers_at_many_fractions_of_a_second_narrow_it_down(offset_s: float) -> None:
    random, clock = Random(3), VenueClock()
    assert clock.offset_s is None
    ask(clock, START, offset_s)
    assert clock.offset_s == pytest.approx(offset_s, abs=0.51)
    for number in range(30):
        ask(clock, START + number * 15 * SECOND + random.randrange(SECOND), offset_s)
        low, high = clock.bounds
        assert low <= offset_s <= high
    assert clock.offset_s == pytest.approx(offset_s, abs=0.1)
    assert high - low < 0.25


def test_a_clock_that_is_set_is_believed_at_once() -> None:
    random, clock = Random(5), VenueClock()
    for number in range(20):
        ask(clock, START + number * 15 * SECOND + random.randrange(SECOND), 0.0)
    ask(clock, START + 400 * SECOND, 5.0)
    assert clock.offset_s == pytest.approx(5.0, abs=0.51)


def test_a_clock_that_drifts_is_followed() -> None:
    random, clock = Random(7), VenueClock()
    for number in range(1000):
        at_ns = START + number * 15 * SECOND + random.randrange(SECOND)
        offset_s = number * 15 * 200e-6  # 200 ppm
        ask(clock, at_ns, offset_s)
        low, high = clock.bounds
        assert low - 0.15 <= offset_s <= high + 0.15


def test_a_slow_answer_widens_and_never_lies() -> None:
    clock = VenueClock()
    ask(clock, START, 1.0, there_ns=3 * SECOND)
    low, high = clock.bounds
    assert low <= 1.0 <= high
    ask(clock, START + 15 * SECOND, 1.0)
    assert clock.bounds[1] - clock.bounds[0] <= 1.01
