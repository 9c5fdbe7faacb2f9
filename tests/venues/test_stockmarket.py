"""The market behind the vendors' peers: its rules of bars by examples, its calendar by a referee."""

from __future__ import annotations

import itertools
from datetime import date, timedelta

import exchange_calendars
import pytest

from livetrader_venues.stockmarket.bars import bar_of
from livetrader_venues.stockmarket.clocks import days, new_york
from livetrader_venues.stockmarket.generator import Habits
from livetrader_venues.stockmarket.market import Market
from livetrader_venues.stockmarket.securities import Security, Split, index, option, stocks
from livetrader_venues.stockmarket.sessions import session
from livetrader_venues.stockmarket.tape import MINUTE_NS, SECOND_NS, Trade

OPEN_NS = new_york("2025-06-16 09:30")


def print_of(price: float, size: int = 100, *codes: int, at_s: float = 0.0, sequence: int = 0) -> Trade:
    sip_ns = OPEN_NS + int(at_s * SECOND_NS)
    return Trade("XYZ", sip_ns, sequence, f"{price}", price, size, sip_ns, conditions=codes)


@pytest.mark.parametrize(
    ("trades", "expected"),
    [
        pytest.param([print_of(10.0)], (10.0, 10.0, 10.0, 10.0, 100), id="one regular trade"),
        pytest.param(
            [print_of(11.0, at_s=2), print_of(10.0, at_s=1), print_of(12.0, at_s=3)],
            (10.0, 12.0, 10.0, 12.0, 300),
            id="the tape's time says which is first, not the order of arrival",
        ),
        pytest.param(
            [print_of(11.0, sequence=2), print_of(10.0, sequence=1)],
            (10.0, 11.0, 10.0, 11.0, 200),
            id="the sequence decides among equal times",
        ),
        pytest.param(
            [print_of(10.0), print_of(99.0, 5, 37, at_s=1)],
            (10.0, 10.0, 10.0, 10.0, 105),
            id="an odd lot is only volume",
        ),
        pytest.param([print_of(10.0, 5, 37)], None, id="an odd lot alone makes no bar"),
        pytest.param(
            [print_of(10.0), print_of(12.0, 100, 32, at_s=1), print_of(10.5, at_s=2)],
            (10.0, 12.0, 10.0, 10.5, 300),
            id="sold out of sequence moves the range, not open or close",
        ),
        pytest.param(
            [print_of(12.0, 100, 10), print_of(10.0, at_s=1), print_of(9.0, 100, 10, at_s=2)],
            (10.0, 12.0, 9.0, 10.0, 300),
            id="derivatively priced trades are neither first nor last",
        ),
        pytest.param(
            [print_of(10.0), print_of(10.0, 50_000, 16), print_of(9.0, 70_000, 15, at_s=1)],
            (10.0, 10.0, 10.0, 10.0, 100),
            id="official open and close repeat a trade",
        ),
        pytest.param(
            [print_of(10.0), print_of(11.0, 300, 38, at_s=1)],
            (10.0, 11.0, 10.0, 11.0, 100),
            id="a corrected close has no volume",
        ),
        pytest.param(
            [print_of(10.0, 100, 14, 12)], (10.0, 10.0, 10.0, 10.0, 100), id="extended hours make bars"
        ),
        pytest.param(
            [print_of(10.0), print_of(11.0, 100, 14, 37, at_s=1)],
            (10.0, 10.0, 10.0, 10.0, 200),
            id="one condition that forbids is enough",
        ),
        pytest.param(
            [print_of(10.0, 100, 999)], (10.0, 10.0, 10.0, 10.0, 100), id="unknown codes forbid nothing"
        ),
    ],
)
def test_a_bar_heeds_what_each_condition_allows(
    trades: list[Trade], expected: tuple[float, float, float, float, int] | None
) -> None:
    bar = bar_of("XYZ", OPEN_NS, trades)
    assert (bar and (bar.open, bar.high, bar.low, bar.close, bar.volume)) == expected


def test_a_daily_bar_counts_extended_hours_as_volume_only() -> None:
    early = Trade("XYZ", OPEN_NS - SECOND_NS, 1, "a", 20.0, 100, OPEN_NS, conditions=(12,))
    market = Market.recorded([early, print_of(10.0, at_s=1)])
    (bar,) = market.daily("XYZ", date(2025, 6, 16), date(2025, 6, 16))
    assert (bar.open, bar.high, bar.volume) == (10.0, 10.0, 200)


@pytest.mark.filterwarnings("ignore::DeprecationWarning:exchange_calendars")  # theirs, of pandas
@pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")
def test_the_calendar_is_that_of_the_exchange() -> None:
    calendar = exchange_calendars.get_calendar("XNYS", start="2022-01-03", end="2027-06-30")
    mourning = {date(2025, 1, 9)}  # of President Carter: no rule says it
    for day in days(date(2022, 1, 3), date(2027, 6, 30)):
        hours = session(day)
        text = day.isoformat()
        if day in mourning:
            continue
        assert (hours is not None) == calendar.is_session(text), text
        if hours is not None:
            assert hours.open_ns == calendar.session_open(text).value, text
            assert hours.close_ns == calendar.session_close(text).value, text


def test_the_same_seed_gives_the_same_ticks_whatever_was_asked_before() -> None:
    end_ns = OPEN_NS + 5 * MINUTE_NS
    one, other = (Market.generated(stocks(8), seed=5) for _ in range(2))
    other.daily("SPY", date(2025, 6, 13), date(2025, 6, 16))
    other.trades("AAPL", OPEN_NS + 3 * MINUTE_NS, end_ns)
    assert list(one.stream(OPEN_NS, end_ns)) == list(other.stream(OPEN_NS, end_ns))
    assert list(one.stream(OPEN_NS, end_ns)) != list(
        Market.generated(stocks(8), seed=6).stream(OPEN_NS, end_ns)
    )


def test_a_stream_is_what_history_has_each_tick_once_in_the_order_of_telling() -> None:
    habits = Habits(told_late=0.2, latest_ns=40 * SECOND_NS)
    market = Market.generated((*stocks(8, trades=40), index("I:SPX", 6000.0)), seed=5, habits=habits)
    start, end = OPEN_NS - MINUTE_NS, OPEN_NS + 3 * MINUTE_NS
    pieces = [
        tick
        for at in range(start, end + MINUTE_NS, 7 * SECOND_NS)
        for tick in market.stream(at, at + 7 * SECOND_NS)
    ]
    assert [tick.told_ns for tick in pieces] == sorted(tick.told_ns for tick in pieces)
    streamed = {tick for tick in pieces if start + MINUTE_NS <= tick.sip_ns < end - MINUTE_NS}
    assert len(streamed) == len([tick for tick in pieces if tick in streamed])
    known = {
        tick
        for ticker in market.securities
        for read in (market.trades, market.quotes, market.values)
        for tick in read(ticker, start + MINUTE_NS, end - MINUTE_NS)
    }
    assert streamed == known
    assert any(later.sip_ns < earlier.sip_ns for earlier, later in itertools.pairwise(pieces))


def test_a_generated_day_has_what_makes_bars_hard() -> None:
    market = Market.generated(stocks(10, trades=30), seed=3)
    trades = [
        trade
        for ticker in market.securities
        for trade in market.trades(ticker, OPEN_NS, OPEN_NS + 10 * MINUTE_NS)
    ]
    codes = {code for trade in trades for code in trade.conditions}
    assert {2, 10, 14, 16, 22, 25, 32, 37, 41, 52, 53} <= codes
    early = market.trades("SPY", OPEN_NS - 300 * MINUTE_NS, OPEN_NS)
    assert early
    assert all(12 in trade.conditions for trade in early)
    assert not market.trades("SPY", new_york("2025-06-14 00:00"), new_york("2025-06-16 03:59"))  # a weekend


def test_prices_divide_at_a_split_and_only_there() -> None:
    split = Split(date(2025, 6, 16), 1, 4)
    market = Market.generated([Security("XYZ", price=50.0, trades=2.0, splits=(split,))], seed=1)
    before, after = market.daily("XYZ", date(2025, 6, 13), date(2025, 6, 16))
    assert 3.5 < before.close / after.open < 4.5


def test_what_was_taken_back_is_out_of_the_bars() -> None:
    market = Market.recorded([print_of(10.0), print_of(50.0, at_s=1), print_of(12.0, at_s=2)])
    later_ns = OPEN_NS + 30 * SECOND_NS
    market.bust("XYZ", "50.0", OPEN_NS, later_ns)
    market.correct("XYZ", "12.0", OPEN_NS, later_ns, price=11.0, size=200)
    (bar,) = market.bars("XYZ", OPEN_NS, OPEN_NS + MINUTE_NS)
    assert (bar.high, bar.close, bar.volume) == (11.0, 11.0, 300)
    corrections = [trade.correction for trade in market.trades("XYZ", OPEN_NS, OPEN_NS + MINUTE_NS)]
    assert corrections == [0, 8, 1, 10, 12]
    with pytest.raises(KeyError, match="no trade 50"):
        market.bust("XYZ", "50.0", OPEN_NS, later_ns)


def test_reference_bars_are_those_of_every_ticker_and_minute() -> None:
    market = Market.generated(stocks(3, trades=20), seed=3)
    found = market.reference_bars(OPEN_NS, OPEN_NS + 3 * MINUTE_NS)
    assert {start for _, start in found} == {OPEN_NS + k * MINUTE_NS for k in range(3)}
    assert {ticker for ticker, _ in found} == set(market.securities)
    assert all(bar == market.bars(*key, key[1] + MINUTE_NS)[0] for key, bar in found.items())


def test_options_and_indices_trade_in_regular_hours_only() -> None:
    contract = option("SPY", date(2025, 6, 20), "call", 600.0)
    market = Market.generated((contract, index("I:SPX", 6000.0)), seed=3)
    assert contract.ticker == "O:SPY250620C00600000"
    assert market.trades(contract.ticker, OPEN_NS, OPEN_NS + 30 * MINUTE_NS)
    assert market.values("I:SPX", OPEN_NS, OPEN_NS + MINUTE_NS)
    assert not market.trades(contract.ticker, OPEN_NS - 60 * MINUTE_NS, OPEN_NS)
    expired = OPEN_NS + int(timedelta(days=7).total_seconds()) * SECOND_NS
    assert not market.trades(contract.ticker, expired, expired + 60 * MINUTE_NS)
