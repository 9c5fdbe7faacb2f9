"""The history through both libraries against the peer: bars to the last digit, pace, silence, refusals."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from livetrader_engine.data.bars import QuoteBar
from livetrader_engine.data.subscription import Normalization, TickType
from livetrader_engine.errors import DataError
from livetrader_engine.spi import VenueError
from livetrader_engine.symbols import NS_PER_HOUR, NS_PER_SECOND, Resolution, SecurityType
from livetrader_plugins.ibkr.history import IbkrHistory
from livetrader_plugins.ibkr.pacing import HistoryLimits
from livetrader_venues.tws.settings import Settings
from tests.ibkr.feeds import LIBRARIES
from tests.ibkr.histories import DAY_S, Shelf, bars_of_peer, closes, request, shelf, shown
from tests.ibkr.wires import EURUSD, equity
from tests.venues.peers import START_NS

Open = Callable[..., Shelf]
FREE = {"messages_per_second": 0, "histories_per_10_minutes": 0}
HOUR_S = 3600
MORNING_S = -3 * DAY_S + 2 * HOUR_S  # Friday 2025-06-13, 14:00 UTC, ten o'clock in New York


@pytest.fixture(params=LIBRARIES)
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Open a history over one library."""
    with ExitStack() as stack:
        yield lambda **said: stack.enter_context(shelf(tmp_path, request.param, **said))


@pytest.mark.parametrize("version", [157, 178])
def test_minutes_equal_ibs_to_the_last_digit(opened: Open, version: int) -> None:
    history = opened(settings=Settings(**FREE, highest_version=version))
    points = history.read(request(MORNING_S, MORNING_S + HOUR_S))
    assert shown(points) == bars_of_peer(history.peer, MORNING_S, MORNING_S + HOUR_S, 60)
    assert len(points) == 60 and history.plugin.asked == 1


def test_seconds_come_in_chunks_and_only_of_open_hours(opened: Open) -> None:
    history = opened()
    points = history.read(request(MORNING_S, MORNING_S + HOUR_S, Resolution.SECOND))
    assert shown(points) == bars_of_peer(history.peer, MORNING_S, MORNING_S + HOUR_S, 1)
    assert history.plugin.asked == 3  # the bar before the span belongs to the third
    night_s = MORNING_S - 12 * HOUR_S
    assert history.read(request(night_s, night_s + HOUR_S, Resolution.SECOND)) == []
    assert history.plugin.asked == 3


def test_years_of_days_come_in_chunks_and_end_with_their_session(opened: Open) -> None:
    history = opened()
    points = history.read(request(-3 * 365 * DAY_S, 0, Resolution.DAILY))
    assert history.plugin.asked == 4 and len(points) == 750
    by_day = {
        start_s // DAY_S: prices for start_s, *prices in bars_of_peer(history.peer, -1200 * DAY_S, 0, DAY_S)
    }
    for bar, row in zip(points, shown(points), strict=True):
        assert bar.end_time_ns - bar.time_ns in (6.5 * NS_PER_HOUR, 3.5 * NS_PER_HOUR)
        assert by_day[(row[0] - 13 * HOUR_S) // DAY_S] == list(row[1:])


def test_the_bar_that_runs_is_not_told(opened: Open) -> None:
    history = opened()
    history.peer.call(lambda peer: peer.move(2 * HOUR_S + 30))  # half a minute after ten in New York
    points = history.read(request(HOUR_S, 3 * HOUR_S))
    assert points[-1].end_time_ns == START_NS + 2 * HOUR_S * NS_PER_SECOND
    days = history.read(request(-7 * DAY_S, 3 * HOUR_S, Resolution.DAILY))
    assert days[-1].end_time_ns < START_NS


def test_quotes_are_bids_and_asks(opened: Open) -> None:
    history = opened()
    quotes = history.read(request(MORNING_S, MORNING_S + HOUR_S, kind=TickType.QUOTE))
    trades = history.read(request(MORNING_S, MORNING_S + HOUR_S))
    for quote, trade in zip(quotes, closes(trades), strict=True):
        assert isinstance(quote, QuoteBar)
        assert (quote.bid_close, quote.ask_close) == (round(trade - 0.01, 2), round(trade + 0.01, 2))
    assert history.plugin.asked == 3


def test_dividends_are_taken_out_of_days_and_of_minutes(opened: Open) -> None:
    settings = Settings(**FREE, dividend_ns=START_NS - 4 * DAY_S * NS_PER_SECOND)  # type: ignore[arg-type]
    history = opened(settings=settings)
    for resolution, span in (
        (Resolution.DAILY, (-30 * DAY_S, 0)),
        (Resolution.MINUTE, (MORNING_S - 3 * DAY_S, MORNING_S + HOUR_S)),
    ):
        plain = history.read(request(*span, resolution))
        adjusted = history.read(request(*span, resolution, how=Normalization.ADJUSTED))
        ratios = [new / old for new, old in zip(closes(adjusted), closes(plain), strict=True)]
        # the peer's dividend leaves the account on Thursday the 12th, at noon UTC
        expected = [1.0 if bar.time_ns > START_NS - 3.5 * DAY_S * NS_PER_SECOND else 0.99 for bar in plain]
        assert ratios == pytest.approx(expected, abs=2e-6) and {0.99, 1.0} <= {
            round(ratio, 5) for ratio in ratios
        }


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"how": Normalization.RAW}, 'raw_prices = "split_adjusted"'),
        ({"how": Normalization.TOTAL_RETURN}, "ask for adjusted"),
        ({"resolution": Resolution.TICK}, "ask for seconds"),
        ({"kind": TickType.OPEN_INTEREST}, "no open interest"),
    ],
)
def test_what_ib_does_not_have_is_refused_with_what_to_ask_for(
    opened: Open, said: dict[str, Any], words: str
) -> None:
    with pytest.raises(DataError, match=words):
        opened().read(request(MORNING_S, MORNING_S + HOUR_S, **said))


def test_raw_prices_are_split_adjusted_where_the_settings_say_so(opened: Open) -> None:
    history = opened(raw_prices="split_adjusted")
    span = (MORNING_S, MORNING_S + HOUR_S)
    raw = history.read(request(*span, how=Normalization.RAW))
    assert shown(raw) == bars_of_peer(history.peer, *span, 60)


def test_a_question_asked_again_is_answered_from_memory(opened: Open) -> None:
    history = opened()
    first = history.read(request(MORNING_S, MORNING_S + HOUR_S))
    again = history.read(request(MORNING_S, MORNING_S + HOUR_S))
    assert shown(first) == shown(again) and history.plugin.asked == 1
    history.read(request(-7 * DAY_S, 0, Resolution.DAILY))
    history.read(request(-7 * DAY_S, 0, Resolution.DAILY))
    assert history.plugin.asked == 2
    history.skew_s += 16  # what reached up to now is old by now
    history.read(request(-7 * DAY_S, 0, Resolution.DAILY))
    assert history.plugin.asked == 3


def test_what_never_was_is_empty_and_is_not_asked_for_for_ever(opened: Open) -> None:
    settings = Settings(**FREE, history_from_ns=START_NS - 10 * DAY_S * NS_PER_SECOND)  # type: ignore[arg-type]
    history = opened(settings=settings)
    assert history.read(request(-30 * 365 * DAY_S, -20 * DAY_S, Resolution.DAILY)) == []
    assert history.plugin.asked == 2
    days = history.read(request(-10 * 365 * DAY_S, 0, Resolution.DAILY))
    assert len(days) == 5 and history.plugin.asked == 5
    assert history.read(request(-10 * DAY_S, 0, symbol=equity("NOSUCH"))) == []


def test_silence_raises_and_the_next_question_has_a_connection_of_its_own(opened: Open) -> None:
    history = opened(request_timeout_s=0.2)
    history.peer.do("fault", kind="mute", message="historicalData", count=2)
    with pytest.raises(VenueError, match="reqHistoricalData was not answered"):
        history.read(request(MORNING_S, MORNING_S + HOUR_S))
    assert history.plugin.asked == 2
    assert len(history.read(request(MORNING_S, MORNING_S + HOUR_S))) == 60


def test_a_refusal_raises_with_the_remedy(opened: Open) -> None:
    history = opened()
    for said, words in (
        ("No market data permissions for ISLAND STK", "subscription"),
        ("Trading TWS session is connected from a different IP address", "log it out"),
    ):
        text = f"Historical Market Data Service error message:{said}"
        history.peer.do("fault", kind="error", message="reqHistoricalData", code=162, text=text)
        with pytest.raises(VenueError, match=words):
            history.read(request(MORNING_S, MORNING_S + HOUR_S))


def test_one_silence_is_asked_again(opened: Open) -> None:
    history = opened(request_timeout_s=0.2)
    history.peer.do("fault", kind="mute", message="historicalData")
    assert len(history.read(request(MORNING_S, MORNING_S + HOUR_S))) == 60


def test_nobody_there_is_waited_for_and_then_said_with_what_to_do(opened: Open) -> None:
    history = opened()
    config = IbkrHistory.Config(port=1, answer_limit_s=0.5)
    absent = IbkrHistory(config, history.context)
    with pytest.raises(VenueError, match="IB Gateway is not running"):
        list(absent.history(request(MORNING_S, MORNING_S + HOUR_S)))
    absent.close()
    assert "history_waits_for_connection" in [action for action, _ in history.host.records]


def test_a_lost_line_is_waited_for(opened: Open) -> None:
    history = opened()
    history.read(request(MORNING_S, MORNING_S + HOUR_S))
    history.peer.do("lose_link")

    def back(action: str) -> None:
        if action == "history_waits_for_connection":
            threading.Thread(target=history.peer.do, args=("restore_link",)).start()

    history.on_report = back
    while history.plugin._archive._session is not None and history.plugin._archive._session.link.up:
        history.peer.call(lambda peer: None)
    assert len(history.read(request(MORNING_S + HOUR_S, MORNING_S + 2 * HOUR_S))) == 60
    assert "history_waits_for_connection" in [action for action, _ in history.host.records]


def test_a_pace_that_ib_finds_too_fast_is_slowed_down_and_the_answer_comes(opened: Open) -> None:
    history = opened(settings=Settings(messages_per_second=0, histories_per_10_minutes=2))

    def wait(action: str) -> None:
        if action == "history_pace_violated":
            history.skew_s += 40
            history.peer.peer.move(700)

    history.on_report = wait
    hours = [(MORNING_S + number * HOUR_S, MORNING_S + (number + 1) * HOUR_S) for number in range(3)]
    for span in hours:
        assert shown(history.read(request(*span))) == bars_of_peer(history.peer, *span, 60)
    assert history.plugin.asked == 4
    assert [action for action, _ in history.host.records].count("history_pace_violated") == 1


def test_requests_beyond_ibs_pace_wait_and_never_violate_it(opened: Open) -> None:
    settings = Settings(messages_per_second=0, histories_per_10_minutes=2)
    history = opened(settings=settings, limits=HistoryLimits(per_window=2))

    def wait(action: str) -> None:
        assert action != "history_pace_violated"
        if action == "history_waits_for_ibs_pace":
            history.skew_s += 601
            history.peer.peer.move(601)

    history.on_report = wait
    for number in range(5):
        start_s = MORNING_S + number * HOUR_S
        assert len(history.read(request(start_s, start_s + HOUR_S))) == 60
    waits = [action for action, _ in history.host.records if action == "history_waits_for_ibs_pace"]
    assert len(waits) == 2 and history.plugin.asked == 5


def test_a_question_that_ibs_pace_makes_too_long_is_given_up_in_words(opened: Open) -> None:
    history = opened(limits=HistoryLimits(per_window=1), answer_limit_s=0.3)
    history.read(request(MORNING_S, MORNING_S + HOUR_S))
    with pytest.raises(VenueError, match="60 requests in ten minutes"):
        history.read(request(MORNING_S + HOUR_S, MORNING_S + 2 * HOUR_S))


def test_closing_lets_whoever_waits_go(opened: Open) -> None:
    history = opened()
    history.peer.do("fault", kind="mute", message="historicalData")
    asked = threading.Event()
    history.peer.call(lambda peer: None)
    caught: list[Exception] = []

    def ask() -> None:
        try:
            asked.set()
            history.read(request(MORNING_S, MORNING_S + HOUR_S))
        except VenueError as error:
            caught.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    asked.wait(5)
    while history.plugin.asked == 0:
        history.peer.call(lambda peer: None)
    history.plugin.close()
    thread.join(5)
    assert len(caught) == 1


def test_hours_and_properties_come_from_ib_and_are_kept_for_the_daemon(opened: Open) -> None:
    history = opened()
    reference = history.plugin.reference
    properties = reference.properties(EURUSD)
    assert properties.quote_currency == "USD" and 0 < properties.minimum_price_variation < 0.001
    hours = reference.hours(EURUSD)
    assert hours.is_trading_day(date(2025, 6, 16)) and not hours.is_trading_day(date(2025, 6, 15))
    assert reference.hours(EURUSD) is hours

    async def on_a_loop(plugin: IbkrHistory) -> bool:
        await asyncio.to_thread(plugin.reference.hours, EURUSD)
        return plugin.reference.hours(EURUSD).is_trading_day(date(2025, 6, 16))

    daemon = IbkrHistory(IbkrHistory.Config(port=1), history.context)
    assert asyncio.run(on_a_loop(daemon))

    async def unknown(plugin: IbkrHistory) -> None:
        plugin.reference.hours(reference.symbol("GBPUSD", SecurityType.FOREX, "oanda"))

    with pytest.raises(DataError, match="not known here yet"):
        asyncio.run(unknown(daemon))
    with pytest.raises(DataError, match="knows no contract"):
        reference.hours(reference.symbol("XXXYYY", SecurityType.FOREX, "oanda"))


def test_quotes_of_a_currency_pair_are_told_and_it_has_no_trades(opened: Open) -> None:
    history = opened()
    quotes = history.read(request(MORNING_S, MORNING_S + HOUR_S, kind=TickType.QUOTE, symbol=EURUSD))
    assert len(quotes) == 60
    assert history.read(request(MORNING_S, MORNING_S + HOUR_S, symbol=EURUSD)) == []


def test_past_quotes_of_what_has_trades_can_be_left_out(opened: Open) -> None:
    history = opened(quotes=False)
    span = (MORNING_S, MORNING_S + HOUR_S)
    assert history.read(request(*span, kind=TickType.QUOTE)) == [] and history.plugin.asked == 0
    assert len(history.read(request(*span, kind=TickType.QUOTE, symbol=EURUSD))) == 60
    assert len(history.read(request(*span))) == 60
