"""The reader over LEAN's own sample data: facts that LEAN publishes or that its files show."""

from __future__ import annotations

from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from livetrader_engine.data.bars import QuoteBar, Tick, TradeBar
from livetrader_engine.data.subscription import HistoryRequest, Normalization, Subscription, TickType
from livetrader_engine.events import DataEnded, MarketDataArrived
from livetrader_engine.symbols import Resolution, SecurityType, Symbol
from livetrader_engine.synchronizer import HistoricalFeed
from livetrader_plugins.lean_data import LeanDataHistory
from tests.unit.engine.calendar.hours_of import MINUTE, at


@pytest.fixture(scope="module")
def history(lean_data: Path) -> LeanDataHistory:
    return LeanDataHistory.open(lean_data)


@pytest.fixture(scope="module")
def spy(history: LeanDataHistory) -> Symbol:
    return history.reference.symbol("SPY", SecurityType.EQUITY, "usa")


def _read(history: LeanDataHistory, subscription: Subscription, start: str, end: str) -> list[object]:
    return list(history.history(HistoryRequest(subscription, at(start), at(end))))


@pytest.mark.parametrize(
    ("ticker", "kind", "market", "identifier"),
    [
        ("spy", SecurityType.EQUITY, "usa", "SPY R735QTJ8XC9X"),
        ("GOOG", SecurityType.EQUITY, "usa", "GOOCV VP83T1ZUHROL"),  # first traded as GOOCV
        ("AAPL", SecurityType.EQUITY, "usa", "AAPL R735QTJ8XC9X"),
        ("IBM", SecurityType.EQUITY, "usa", "IBM R735QTJ8XC9X"),
        ("SPX", SecurityType.INDEX, "usa", "SPX 31"),
        ("EURUSD", SecurityType.FOREX, "oanda", "EURUSD 8G"),
    ],
)
def test_identifiers_are_leans(
    history: LeanDataHistory, ticker: str, kind: SecurityType, market: str, identifier: str
) -> None:
    symbol = history.reference.symbol(ticker, kind, market)
    assert (symbol.id, symbol.value) == (identifier, ticker.upper())


def test_october_2013_has_23_daily_bars_of_spy(history: LeanDataHistory, spy: Symbol) -> None:
    bars = _read(history, Subscription(spy, Resolution.DAILY), "2013-10-01", "2013-11-01")
    assert len(bars) == 23
    first = bars[0]
    assert isinstance(first, TradeBar)
    assert (first.time_ns, first.end_time_ns) == (at("2013-10-01 09:30"), at("2013-10-01 16:00"))


def test_the_adjusted_price_of_leans_first_fill_is_exact_to_the_last_zero(
    history: LeanDataHistory, spy: Symbol
) -> None:
    # BasicTemplateAlgorithm buys 688 shares at 144.77307790400: its published order hash contains the zeros
    [bar] = _read(history, Subscription(spy, Resolution.MINUTE), "2013-10-07 09:30", "2013-10-07 09:31")
    assert isinstance(bar, TradeBar) and bar.scale is not None
    assert str(bar.scale.exact(bar.close)) == "144.77307790400"
    assert bar.volume == 944_284.0


@pytest.mark.parametrize(
    ("how", "close", "factor"),
    [
        (Normalization.RAW, 167.44, Decimal(1)),
        (Normalization.ADJUSTED, 167.44 * 0.8646266, Decimal("0.8646266")),
        (Normalization.SPLIT_ADJUSTED, 167.44, Decimal(1)),  # SPY never split
    ],
)
def test_normalization_scales_prices(
    history: LeanDataHistory, spy: Symbol, how: Normalization, close: float, factor: Decimal
) -> None:
    subscription = Subscription(spy, Resolution.MINUTE, normalization=how)
    [bar] = _read(history, subscription, "2013-10-07 09:30", "2013-10-07 09:31")
    assert isinstance(bar, TradeBar) and bar.scale is not None
    assert bar.close == pytest.approx(close, abs=1e-9)
    assert bar.scale.factor == factor


def test_a_split_divides_prices_and_multiplies_volumes(history: LeanDataHistory) -> None:
    aapl = history.reference.symbol("AAPL", SecurityType.EQUITY, "usa")
    raw, split = (
        _read(history, Subscription(aapl, Resolution.DAILY, normalization=how), "2013-10-07", "2013-10-08")[0]
        for how in (Normalization.RAW, Normalization.SPLIT_ADJUSTED)
    )
    assert isinstance(raw, TradeBar) and isinstance(split, TradeBar)
    # 7:1 in 2014 and 4:1 in 2020
    assert raw.close / split.close == pytest.approx(28.0, rel=1e-5)
    assert split.volume / raw.volume == pytest.approx(28.0, rel=1e-5)


def test_total_return_prices_include_the_dividends_paid_since_the_stream_began(
    history: LeanDataHistory, spy: Symbol
) -> None:
    raw, total = (
        _read(history, Subscription(spy, Resolution.DAILY, normalization=how), "2013-06-03", "2013-10-08")
        for how in (Normalization.RAW, Normalization.TOTAL_RETURN)
    )
    first, last = ((raw[at], total[at]) for at in (0, -1))
    assert isinstance(first[0], TradeBar) and isinstance(first[1], TradeBar)
    assert isinstance(last[0], TradeBar) and isinstance(last[1], TradeBar)
    assert first[1].close == first[0].close
    # SPY went ex on 21 June (0.839 dollars a share) and on 20 September 2013 (0.838)
    assert last[1].close - last[0].close == pytest.approx(1.68, abs=0.02)


def test_a_week_of_minutes_gives_the_points_that_lean_counts(history: LeanDataHistory, spy: Symbol) -> None:
    """BasicTemplateAlgorithm has 3943 points: 5 * 390 * 2, 42 hours of its benchmark, 1 of its universe."""
    feed = HistoricalFeed(history, history.reference, at("2013-10-07"), at("2013-10-12") - 1)
    feed.subscribe(Subscription(spy, Resolution.MINUTE))
    feed.subscribe(Subscription(spy, Resolution.MINUTE, TickType.QUOTE))
    counts: Counter[str] = Counter()
    steps = 0
    while isinstance(event := feed.next(), MarketDataArrived):
        steps += 1
        counts.update(type(point).__name__ for point in event.points)
    assert isinstance(event, DataEnded)
    assert (steps, counts) == (1950, Counter(TradeBar=1950, QuoteBar=1950))


def test_the_benchmark_of_that_week_has_42_hour_bars(history: LeanDataHistory, spy: Symbol) -> None:
    hours = Subscription(spy, Resolution.HOUR, fill_forward=False, internal=True)
    assert len(_read(history, hours, "2013-10-04", "2013-10-12")) == 42


def test_pre_market_bars_come_only_where_they_are_asked_for(history: LeanDataHistory, spy: Symbol) -> None:
    span = ("2013-10-07", "2013-10-08")
    regular = _read(history, Subscription(spy, Resolution.MINUTE), *span)
    extended = _read(history, Subscription(spy, Resolution.MINUTE, extended_market_hours=True), *span)
    assert len(regular) == 390
    first = extended[0]
    assert isinstance(first, TradeBar) and first.time_ns == at("2013-10-07 04:00")
    assert len(extended) > 390


def test_history_is_open_at_its_start_and_closed_at_its_end(history: LeanDataHistory, spy: Symbol) -> None:
    bars = _read(history, Subscription(spy, Resolution.MINUTE), "2013-10-07 10:00", "2013-10-07 10:05")
    ends = [bar.end_time_ns for bar in bars if isinstance(bar, TradeBar)]
    assert ends == [at("2013-10-07 10:00") + number * MINUTE for number in range(1, 6)]


def test_quotes_of_a_stock_have_no_hours_or_days(history: LeanDataHistory, spy: Symbol) -> None:
    for resolution in (Resolution.HOUR, Resolution.DAILY):
        assert _read(history, Subscription(spy, resolution, TickType.QUOTE), "2013-10-07", "2013-10-12") == []


def test_ticks_carry_prices_and_sizes(history: LeanDataHistory, spy: Symbol) -> None:
    ticks = _read(history, Subscription(spy, Resolution.TICK), "2013-10-07 09:30", "2013-10-07 09:30:05")
    assert len(ticks) > 100
    for tick in ticks:
        assert isinstance(tick, Tick)
        assert 140.0 < tick.price < 150.0 and tick.quantity > 0


def test_forex_is_quoted_in_utc_days(history: LeanDataHistory) -> None:
    euro = history.reference.symbol("EURUSD", SecurityType.FOREX, "oanda")
    [day] = _read(history, Subscription(euro, Resolution.DAILY, TickType.QUOTE), "2014-05-05", "2014-05-06")
    assert isinstance(day, QuoteBar) and day.scale is None
    assert day.end_time_ns - day.time_ns == 1440 * MINUTE
    assert day.time_ns % (1440 * MINUTE) == 0
    assert _read(history, Subscription(euro, Resolution.DAILY), "2014-05-05", "2014-05-06") == []


def test_crypto_has_trades_and_quotes_around_the_clock(history: LeanDataHistory) -> None:
    bitcoin = history.reference.symbol("BTCUSD", SecurityType.CRYPTO, "coinbase")
    assert history.reference.hours(bitcoin).always_open
    for kind in (TickType.TRADE, TickType.QUOTE):
        days = _read(history, Subscription(bitcoin, Resolution.DAILY, kind), "2018-04-01", "2018-04-10")
        assert len(days) == 9


def test_properties_come_from_the_database_with_the_market_as_fallback(
    history: LeanDataHistory, spy: Symbol
) -> None:
    reference = history.reference
    assert reference.properties(spy).lot_size == 1
    euro = reference.properties(reference.symbol("EURUSD", SecurityType.FOREX, "oanda"))
    assert (euro.quote_currency, euro.minimum_price_variation) == ("USD", Decimal("0.00001"))
    bitcoin = reference.properties(reference.symbol("BTCUSD", SecurityType.CRYPTO, "coinbase"))
    assert bitcoin.lot_size == Decimal("0.00000001")


def test_data_follows_a_company_through_its_change_of_ticker(history: LeanDataHistory) -> None:
    google = history.reference.symbol("GOOG", SecurityType.EQUITY, "usa")
    bars = _read(history, Subscription(google, Resolution.DAILY), "2014-03-20", "2014-04-10")
    days = [
        history.reference.hours(google).local_date(bar.time_ns) for bar in bars if isinstance(bar, TradeBar)
    ]
    # GOOCV until April 2, GOOG after it, nothing before its first day
    assert days[0] == date(2014, 3, 27)
    assert date(2014, 4, 2) in days and date(2014, 4, 3) in days
    assert len(days) == len(set(days))
