"""Orders carry the name of the decision behind them: the same events give the same names."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from livetrader_engine.decisions import Decisions, decided_ns
from livetrader_engine.engine import Engine, EngineOptions
from livetrader_engine.events import BrokerageMessageArrived, BrokerageMessageKind
from livetrader_engine.orders.order import OrderType
from livetrader_engine.orders.request import OrderRequest
from livetrader_engine.schedule.rules import DateRule, TimeRule
from livetrader_engine.symbols import Resolution, Symbol
from tests.unit.engine.world import IBM, SPY, Recorder, at, backtest, minute_bar, step

START = "2013-10-07 00:00"
FLAT = (100.0, 100.0, 100.0, 100.0)
NOON_NS = at("2013-10-07 12:00")


def world(*, names: bool = True) -> tuple[Engine, Recorder]:
    engine, recorder, _ = backtest(START, EngineOptions(start_ns=at(START), names_decisions=names))
    for symbol in (SPY, IBM):
        engine.subscriptions.add_security(symbol, Resolution.MINUTE)
    minute(engine, 31)
    return engine, recorder


def minute(engine: Engine, number: int) -> None:
    when = f"2013-10-07 09:{number}"
    engine.process(step(minute_bar(when, FLAT), minute_bar(when, FLAT, symbol=IBM)))


def buy(engine: Engine, symbol: Symbol = SPY, quantity: int = 1) -> None:
    engine.orders.submit(OrderRequest(symbol, OrderType.MARKET, Decimal(quantity)))


def names(engine: Engine) -> list[str]:
    return [record.spec.decision for record in engine.orders.records()]


def test_orders_of_a_step_are_counted_by_symbol() -> None:
    engine, recorder = world()
    recorder.acts["data"] = lambda: [buy(engine), buy(engine, IBM), buy(engine)]
    minute(engine, 32)
    minute(engine, 33)
    first, second = at("2013-10-07 09:32"), at("2013-10-07 09:33")
    assert names(engine) == [f"{moment}:data:{n}" for moment in (first, second) for n in (1, 1, 2)]
    assert decided_ns(names(engine)[0]) == first


def test_the_same_events_give_the_same_names_and_backtests_have_none() -> None:
    found = []
    for stamped in (True, True, False):
        engine, recorder = world(names=stamped)
        recorder.acts["data"] = lambda engine=engine: buy(engine)
        minute(engine, 32)
        found.append(names(engine))
    assert found[0] == found[1] != [""]
    assert found[2] == [""]


def test_each_cause_has_names_of_its_own() -> None:
    engine, recorder = world()
    recorder.acts["data"] = lambda: buy(engine)
    recorder.acts["message 1"] = lambda: buy(engine)
    recorder.acts["order 1 FILLED"] = lambda: buy(engine)
    due_ns = at("2013-10-07 09:31") + 30_000_000_000
    dates = DateRule("once", lambda start, end: iter((date(2013, 10, 7),)))
    then = TimeRule("then", lambda day: (due_ns,))
    engine.scheduler.add("once", dates, then, lambda name, when: buy(engine), engine.clock.now_ns)
    minute(engine, 32)
    engine.process(BrokerageMessageArrived(NOON_NS, BrokerageMessageKind.WARNING, "1", "hello"))
    moment = at("2013-10-07 09:32")
    by_cause = {name.split(":")[1]: int(name.split(":")[0]) for name in names(engine)}
    assert by_cause["schedule"] == due_ns and by_cause["data"] == moment and by_cause["brokerage"] == NOON_NS
    assert any(cause.startswith("order.1.") for cause in by_cause)
    assert len(set(names(engine))) == len(names(engine))


def test_a_bar_that_comes_again_after_a_restart_is_the_same_decision() -> None:
    engine, recorder = world()
    recorder.acts["data"] = lambda: buy(engine)
    minute(engine, 32)
    late, recorder, _ = backtest(START, EngineOptions(start_ns=at("2013-10-07 09:40"), names_decisions=True))
    late.subscriptions.add_security(SPY, Resolution.MINUTE)
    late.process(step(minute_bar("2013-10-07 09:32", FLAT)))  # the clock stands at 09:40
    recorder.acts["data"] = lambda: buy(late)
    late.process(step(minute_bar("2013-10-07 09:32", FLAT)))
    assert names(late) == names(engine)


@pytest.mark.parametrize("fails", [False, True])
def test_a_cause_ends_with_its_callback(fails: bool) -> None:
    decisions = Decisions(lambda: 7)
    try:
        with decisions.because_of("schedule", 3):
            assert decisions.stamp(SPY) == "3:schedule:1"
            if fails:
                raise ValueError
    except ValueError:
        assert fails
    assert decisions.stamp(SPY) == "7:data:1"
