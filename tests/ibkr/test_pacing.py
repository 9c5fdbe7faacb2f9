"""IB's pacing rules against a naive reading of them: whatever is asked, and at whatever times."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livetrader_engine.spi import VenueError
from livetrader_plugins.ibkr.pacing import (
    COOL_DOWN_S,
    MARGIN_S,
    Ask,
    HistoryLimits,
    HistoryPacing,
    Lines,
)

LIMITS = HistoryLimits(per_window=8, window_s=60.0, identical_s=15.0, same_contract=5, same_contract_s=2.0)
A_LITTLE_S = 0.001

asks = st.builds(
    Ask,
    contract_id=st.integers(1, 2),
    exchange=st.just("SMART"),
    what=st.sampled_from(["TRADES", "BID_ASK"]),
    bar_size=st.just("1 min"),
    duration=st.just("1 D"),
    end=st.sampled_from(["", "a", "b", "c", "d", "e", "f"]),
    regular_hours=st.just(False),
)
pauses_s = st.sampled_from([0.0, 0.1, 0.5, 1.0, 3.0, 14.0, 20.0])


def allowed(sent: list[tuple[float, Ask]], ask: Ask, at_s: float) -> bool:
    """Read the rules as IB's page has them, with the margin, one by one over everything ever sent."""

    def within(seconds: float) -> list[Ask]:
        return [other for time_s, other in sent if at_s < time_s + seconds + MARGIN_S - 1e-9]

    return (
        ask not in within(LIMITS.identical_s)
        and sum(other.stream == ask.stream for other in within(LIMITS.same_contract_s)) < 5
        and sum(other.weight for other in within(LIMITS.window_s)) + ask.weight <= LIMITS.per_window
    )


@given(st.lists(st.tuples(asks, pauses_s), max_size=40))
def test_nothing_is_sent_too_early_and_nothing_waits_too_long(steps: list[tuple[Ask, float]]) -> None:
    pacing, sent, now_s = HistoryPacing(LIMITS), list[tuple[float, Ask]](), 0.0
    for ask, pause_s in steps:
        now_s += pause_s
        wait_s = pacing.wait_s(ask, now_s)
        assert wait_s < LIMITS.window_s + MARGIN_S + 1e-9
        assert allowed(sent, ask, now_s + wait_s)
        if wait_s > A_LITTLE_S:
            assert not allowed(sent, ask, now_s + wait_s - A_LITTLE_S)
        now_s += wait_s
        pacing.sent(ask, now_s)
        pacing.ended()
        sent.append((now_s, ask))


def ask(number: int = 0, what: str = "TRADES", contract_id: int = 1) -> Ask:
    return Ask(contract_id, "SMART", what, "1 min", "1 D", str(number), False)


def test_ibs_own_numbers_are_the_defaults() -> None:
    pacing = HistoryPacing()
    for number in range(60):
        assert pacing.wait_s(ask(number, contract_id=number), 0.0) == 0
        pacing.sent(ask(number, contract_id=number), 0.0)
        pacing.ended()
    assert pacing.wait_s(ask(60, contract_id=60), 1.0) == 599 + MARGIN_S


def test_bid_and_ask_count_twice() -> None:
    pacing = HistoryPacing()
    for number in range(30):
        pacing.sent(ask(number, "BID_ASK", number), 0.0)
        pacing.ended()
    assert pacing.wait_s(ask(99), 0.0) == 600 + MARGIN_S


def test_the_fifty_first_waits_for_the_end_of_another() -> None:
    pacing = HistoryPacing(HistoryLimits(per_window=0))
    for number in range(50):
        assert pacing.wait_s(ask(number, contract_id=number), 0.0) == 0
        pacing.sent(ask(number, contract_id=number), 0.0)
    assert pacing.wait_s(ask(51), 1e6) == math.inf and pacing.active == 50
    pacing.ended()
    assert pacing.wait_s(ask(51), 1e6) == 0


def test_everything_rests_after_a_violation() -> None:
    pacing = HistoryPacing()
    pacing.violated(100.0)
    assert pacing.wait_s(ask(), 100.0) == COOL_DOWN_S
    assert pacing.wait_s(ask(), 100.0 + COOL_DOWN_S) == 0


def test_the_rest_grows_until_ib_answers() -> None:
    pacing, waits = HistoryPacing(), []
    for _ in range(7):
        pacing.violated(0.0)
        waits.append(pacing.wait_s(ask(), 0.0))
    assert waits == [30, 60, 120, 240, 480, 600, 600]
    pacing.answered()
    pacing.violated(0.0)
    assert pacing.wait_s(ask(), 0.0) == 30


def test_lines_run_out_by_name_and_come_back() -> None:
    lines = Lines(2)
    lines.take(1, "SPY")
    lines.take(2, "IBM")
    lines.take(2, "IBM")
    with pytest.raises(VenueError, match="AAPL: all 2 of market_data_lines"):
        lines.take(3, "AAPL")
    lines.free(1)
    lines.free(1)
    lines.take(3, "AAPL")
    assert len(lines) == 2
