"""Sessions: a trading day's prices and volume as they come to be."""

from __future__ import annotations

import pytest

from livetrader_engine.data.bars import Tick, TradeBar
from livetrader_engine.data.session import NO_DAY, Session, Sessions
from livetrader_engine.data.subscription import TickType
from livetrader_engine.data.wallclock import days_of
from tests.unit.engine.calendar.hours_of import HOUR, MINUTE, at
from tests.unit.engine.data.streams import SPY, US, quote


def _hour(day: str, hour: int, prices: tuple[float, float, float, float], volume: float) -> TradeBar:
    start_ns = at(f"{day} {hour:02}:00")
    return TradeBar(SPY, start_ns, start_ns + HOUR, *prices, volume)


def _session(kind: TickType = TickType.TRADE, size: int = 2) -> Session:
    session = Session(SPY, US, kind)
    session.size = size
    return session


def test_a_day_of_trades() -> None:
    session = _session()
    assert session.running(at("2013-10-07 09:00")).day == NO_DAY
    session.update(_hour("2013-10-07", 12, (100.0, 101.0, 99.0, 100.5), 1000.0))
    session.update(_hour("2013-10-07", 13, (101.0, 102.0, 100.0, 101.5), 1100.0))
    session.update(_hour("2013-10-07", 14, (102.0, 103.0, 101.0, 102.5), 1200.0))
    bar = session.running(at("2013-10-07 15:00"))
    assert (bar.open, bar.high, bar.low, bar.close, bar.volume) == (100.0, 103.0, 99.0, 102.5, 3300.0)


def test_extended_hours_and_what_overlaps_are_left_out() -> None:
    session = _session()
    session.update(_hour("2013-10-07", 7, (1.0, 500.0, 1.0, 1.0), 5.0))
    session.update(_hour("2013-10-07", 10, (100.0, 101.0, 99.0, 100.5), 10.0))
    start_ns = at("2013-10-07 10:30")
    session.update(TradeBar(SPY, start_ns, start_ns + MINUTE, 7.0, 900.0, 7.0, 7.0, 1.0))
    bar = session.running(at("2013-10-07 11:00"))
    assert (bar.open, bar.high, bar.low, bar.close, bar.volume) == (100.0, 101.0, 99.0, 100.5, 10.0)


def test_a_session_ends_with_its_date_and_the_next_is_that_of_the_next_trading_day() -> None:
    session = _session()
    session.update(_hour("2013-10-11", 15, (100.0, 101.0, 99.0, 100.5), 10.0))  # a Friday
    assert session.count == 1
    running = session.running(at("2013-10-12 00:00"))
    monday = days_of(US.local_date(at("2013-10-14 12:00")))
    assert (running.day, running.open, running.volume) == (monday, 0.0, 0.0)
    before = session.bar(1, at("2013-10-12 00:00"))
    assert before is not None and before.close == 100.5
    session.running(at("2013-10-13 00:00"))  # nothing has come: it is still Monday's
    assert (session.count, session.samples) == (2, 2)
    session.update(_hour("2013-10-14", 10, (90.0, 91.0, 89.0, 90.5), 4.0))
    session.update(_hour("2013-10-15", 10, (80.0, 81.0, 79.0, 80.5), 4.0))
    assert [bar.close for bar in session._bars] == [80.5, 90.5]


def test_looking_back_beyond_the_size_keeps_more() -> None:
    session = _session(size=1)
    assert session.bar(2, at("2013-10-07 09:00")) is None
    assert session.size == 3


@pytest.mark.parametrize("kind", [TickType.TRADE, TickType.QUOTE])
def test_ticks_count_by_their_kind(kind: TickType) -> None:
    session = _session(kind)
    noon = at("2013-10-07 12:00")
    session.update(Tick(SPY, noon, 500.0, 5.0))
    session.update(Tick(SPY, noon + MINUTE, bid_price=100.0, ask_price=101.0))
    session.update(Tick(SPY, noon + 2 * MINUTE, bid_price=102.0, ask_price=103.0))
    bar = session.running(noon + HOUR)
    if kind is TickType.TRADE:
        assert (bar.open, bar.close, bar.volume) == (500.0, 500.0, 5.0)
    else:
        assert (bar.open, bar.high, bar.low, bar.close) == (100.5, 102.5, 100.5, 102.5)
        assert bar.volume == 5.0


def test_quotes_make_prices_and_trades_the_volume() -> None:
    session = _session(TickType.QUOTE)
    noon = at("2013-10-07 12:00")
    session.update(quote(noon, MINUTE, 100.0, 102.0))
    session.update(TradeBar(SPY, noon, noon + MINUTE, 7.0, 7.0, 7.0, 7.0, 30.0))
    session.update(quote(noon + MINUTE, MINUTE, 104.0, 106.0))
    bar = session.running(noon + HOUR)
    assert (bar.open, bar.high, bar.low, bar.close) == (101.0, 105.0, 101.0, 105.0)


def test_sessions_are_followed_once_asked_for_and_forgotten_with_the_security() -> None:
    sessions = Sessions()
    session = _session()
    sessions.update([_hour("2013-10-07", 12, (1.0, 1.0, 1.0, 1.0), 1.0)])
    assert session.running(at("2013-10-07 13:00")).volume == 0.0
    sessions.follow(session)
    sessions.update([_hour("2013-10-07", 13, (1.0, 1.0, 1.0, 1.0), 1.0)])
    assert session.running(at("2013-10-07 14:00")).volume == 1.0
    sessions.reset(SPY)
    assert session.running(at("2013-10-07 14:00")).volume == 0.0
