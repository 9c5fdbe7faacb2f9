"""The benchmark is a security of its own, priced by internal points; data points count everything."""

from __future__ import annotations

from decimal import Decimal

from livetrader_engine.data.bars import TradeBar
from livetrader_engine.data.subscription import Subscription, TickType
from livetrader_engine.engine import Engine, EngineOptions
from livetrader_engine.events import DataEnded, MarketDataArrived, StopRequested, TimePulse
from livetrader_engine.simulation.sink import simulated_engine
from livetrader_engine.statistics.benchmark import BenchmarkOptions
from livetrader_engine.symbols import NS_PER_HOUR, Resolution
from tests.unit.engine.world import CENTS, EURUSD, IBM, SPY, Recorder, Surroundings, at, minute_bar

START = at("2013-10-07 00:00")


def hour_bar(end: str, close: float) -> TradeBar:
    end_ns = at(end)
    return TradeBar(SPY, end_ns - NS_PER_HOUR, end_ns, close, close, close, close, 1e6, scale=CENTS)


def engine_of(around: Surroundings, benchmark: BenchmarkOptions | None) -> Engine:
    engine = simulated_engine(around.ports, EngineOptions(start_ns=START, benchmark=benchmark))
    engine.attach(Recorder())
    return engine


def test_it_asks_for_hours_that_are_not_filled_forward() -> None:
    around = Surroundings()
    engine = engine_of(around, BenchmarkOptions(SPY))
    engine.benchmark.start()
    assert around.subscribed == [
        Subscription(SPY, Resolution.HOUR, TickType.TRADE, fill_forward=False, internal=True)
    ]
    assert SPY not in engine.securities


def test_internal_points_price_it_and_nothing_else() -> None:
    engine = engine_of(Surroundings(), BenchmarkOptions(SPY))
    engine.subscriptions.add_security(SPY, Resolution.MINUTE)
    engine.benchmark.start()
    assert engine.benchmark.evaluate(START) == 0
    engine.process(MarketDataArrived(START, 1, (), internal=(hour_bar("2013-10-04 16:00", 101.5),)))
    assert engine.benchmark.evaluate(START) == Decimal("101.5")
    assert engine.securities[SPY].price == 0
    engine.process(
        MarketDataArrived(at("2013-10-07 09:31"), 2, (minute_bar("2013-10-07 09:31", (99.0,) * 4),))
    )
    assert engine.benchmark.evaluate(START) == Decimal("101.5")
    assert [point.value for point in engine.sampler.benchmark] == [Decimal("101.5")]  # of the first midnight


def test_the_algorithms_choice_replaces_the_default() -> None:
    around = Surroundings()
    engine = engine_of(around, BenchmarkOptions(SPY))
    engine.benchmark.set_symbol(IBM)
    engine.benchmark.start()
    assert [item.symbol for item in around.subscribed] == [IBM]
    around = Surroundings()
    engine = engine_of(around, BenchmarkOptions(SPY))
    engine.benchmark.set_function(lambda time_ns: Decimal("1234.56789"))
    engine.benchmark.start()
    assert around.subscribed == []
    assert engine.benchmark.evaluate(START) == Decimal("1234.5679")  # four decimals above a thousand


def test_without_options_nothing_is_followed() -> None:
    around = Surroundings()
    engine = engine_of(around, None)
    engine.benchmark.set_symbol(IBM)
    engine.benchmark.start()
    assert around.subscribed == []
    assert engine.benchmark.evaluate(START) == 0


def test_currency_pairs_are_followed_by_their_quotes() -> None:
    around = Surroundings()
    engine = engine_of(around, BenchmarkOptions(EURUSD))
    engine.benchmark.start()
    assert around.subscribed[0].tick_type is TickType.QUOTE


def test_data_points_count_points_internal_ones_and_selections() -> None:
    around = Surroundings()
    engine = engine_of(around, BenchmarkOptions(SPY))
    engine.benchmark.start()
    for symbol in (SPY, IBM):
        engine.subscriptions.add_security(symbol, Resolution.MINUTE)
    engine.process(MarketDataArrived(START, 1, (), internal=(hour_bar("2013-10-04 16:00", 101.5),)))
    assert engine.data_points == 2  # both securities are in the universe of US equities
    bars = [minute_bar("2013-10-07 09:31", (99.0,) * 4, symbol=symbol) for symbol in (SPY, IBM)]
    engine.process(MarketDataArrived(at("2013-10-07 09:31"), 2, tuple(bars)))
    assert engine.data_points == 4
    engine.subscriptions.add_security(EURUSD, Resolution.MINUTE)
    engine.subscriptions.remove_security(IBM)
    engine.process(TimePulse(at("2013-10-07 09:32")))
    assert engine.data_points == 6  # two universes were selected from: equities again, and currencies
    engine.process(TimePulse(at("2013-10-07 09:33")))
    assert engine.data_points == 6


def test_a_run_that_ends_before_its_first_step_has_figures_all_the_same() -> None:
    engine = engine_of(Surroundings(), BenchmarkOptions(SPY))
    engine.benchmark.start()
    engine.process(StopRequested(START, "quit"))
    told = engine.statistics.summary()
    assert (told["Total Orders"], told["Start Equity"], told["End Equity"]) == ("0", "100000", "100000")
    assert engine.data_points == 0


def test_time_stays_at_the_last_step_when_data_end() -> None:
    engine = engine_of(Surroundings(), None)
    engine.process(TimePulse(at("2013-10-07 16:00")))
    engine.process(DataEnded(at("2013-10-08 00:00")))
    assert engine.clock.now_ns == at("2013-10-07 16:00")
    assert [point.time_ns for point in engine.sampler.returns] == [START, at("2013-10-07 16:00")]
