"""An algorithm that demands a model takes no new risk without one; what reduces risk always passes."""

from __future__ import annotations

from decimal import Decimal

import pytest

from livetrader_engine.engine import Engine, EngineOptions
from livetrader_engine.errors import AlgorithmError
from livetrader_engine.orders.order import OrderChange, OrderType
from livetrader_engine.orders.request import NO_ORDER, OrderRequest, ResponseCode
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.symbols import NS_PER_HOUR, NS_PER_MINUTE, Resolution
from livetrader_engine.trading import OrderTerms
from livetrader_engine.trading_policy import TradingPolicy
from livetrader_engine.training import TrainingJob, TrainingWork
from tests.unit.engine.world import SPY, Surroundings, at, backtest, minute_bar, step

PRICES = (100.0, 100.0, 100.0, 100.0)


def desk() -> tuple[Engine, Surroundings]:
    """An engine at 10:01 of a trading day with a price of 100."""
    options = EngineOptions(start_ns=at("2013-10-07 09:30"), policy=TradingPolicy())
    engine, _, around = backtest("2013-10-07 09:30", options)
    engine.subscriptions.add_security(SPY, Resolution.MINUTE)
    engine.process(step(minute_bar("2013-10-07 10:01", PRICES)))
    return engine, around


def minute(engine: Engine, end: str) -> None:
    engine.process(step(minute_bar(end, PRICES)))


def buy(engine: Engine, quantity: int, kind: OrderType = OrderType.MARKET, **prices: Decimal) -> object:
    return engine.orders.submit(OrderRequest(SPY, kind, Decimal(quantity), **prices))


def held(engine: Engine) -> int:
    return int(engine.portfolio.quantity(SPY))


def test_nobody_who_does_not_ask_is_refused() -> None:
    engine, _ = desk()
    assert engine.readiness.problem() == ""
    buy(engine, 10)
    assert held(engine) == 10


def test_without_a_model_new_risk_is_refused_with_the_reason_and_no_order() -> None:
    engine, around = desk()
    engine.readiness.require()
    record = buy(engine, 10)
    assert (record.id, record.status, record.response.code) == (  # type: ignore[attr-defined]
        NO_ORDER, OrderStatus.INVALID, ResponseCode.PRE_ORDER_CHECKS_ERROR,
    )  # fmt: skip
    assert "there is no model: none was trained or loaded" in record.response.message  # type: ignore[attr-defined]
    assert around.lines[-1] == record.response.message  # type: ignore[attr-defined]
    assert (held(engine), engine.orders.submitted) == (0, 0)
    added = engine.orders.add(OrderRequest(SPY, OrderType.MARKET, Decimal(10)))
    assert (added.id, added.status) == (NO_ORDER, OrderStatus.INVALID), "nor by a way around the checks"


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"last_error": "Traceback ...\nValueError: no data"}, "its training failed: ValueError: no data"),
        ({"jobs": (TrainingJob(1, "fit", "pending"),)}, "no model yet: fit is pending"),
        ({"jobs": (TrainingJob(1, "fit", "deferred", "empty"),)}, "no model yet: fit is deferred: empty"),
        (
            {"is_replacing": True, "trained_ns": 1, "jobs": (TrainingJob(2, "fit", "running"),)},
            "is being trained (fit is running)",
        ),
    ],
)
def test_the_reason_names_what_is_the_matter(state: dict[str, object], words: str) -> None:
    engine, around = desk()
    engine.readiness.require()
    for name, value in state.items():
        setattr(around, name, value)
    assert words in engine.readiness.problem()
    assert not engine.readiness.ready


def test_a_missing_model_is_named_by_what_would_train_it() -> None:
    engine, _ = desk()
    engine.readiness.require()
    engine.trainings.want(TrainingWork("fit_forest", int))
    assert "there is no model of fit_forest: none was trained" in engine.readiness.problem()


def test_a_model_grows_stale_in_the_time_of_the_engine() -> None:
    engine, around = desk()
    around.trained_ns = engine.clock.now_ns
    around.jobs = (TrainingJob(1, "fit_forest", "ready"),)
    engine.readiness.require(5 * NS_PER_MINUTE)
    buy(engine, 10)
    assert (held(engine), engine.readiness.ready) == (10, True)
    minute(engine, "2013-10-07 10:06")
    assert engine.readiness.problem() == ""
    minute(engine, "2013-10-07 10:07")
    record = buy(engine, 10)
    message = record.response.message  # type: ignore[attr-defined]
    assert "the model of fit_forest is stale: made 2013-10-07 14:01:00 UTC, 0:06:00 ago" in message
    assert "at most 0:05:00 is allowed" in message
    around.last_error = "ValueError: no data"
    assert "the newest training failed: ValueError: no data" in engine.readiness.problem()
    around.trained_ns = engine.clock.now_ns
    buy(engine, 10)
    assert held(engine) == 20


def stale_with(quantity: int) -> Engine:
    """A desk that holds a position and has no model any more."""
    engine, around = desk()
    around.trained_ns = engine.clock.now_ns
    engine.readiness.require(NS_PER_HOUR)
    buy(engine, quantity)
    assert held(engine) == quantity
    around.trained_ns = None
    return engine


@pytest.mark.parametrize(
    ("position", "quantity", "passes"),
    [
        (10, -10, True),
        (10, -4, True),
        (10, -11, False),  # turns it over
        (10, 1, False),
        (-10, 10, True),
        (-10, 3, True),
        (-10, 11, False),
        (-10, -1, False),
    ],
)
def test_what_reduces_a_position_passes(position: int, quantity: int, passes: bool) -> None:
    engine = stale_with(position)
    buy(engine, quantity)
    assert held(engine) == (position + quantity if passes else position)


def test_liquidation_stops_and_cancels_pass() -> None:
    engine = stale_with(10)
    stop = buy(engine, -10, OrderType.STOP_MARKET, stop_price=Decimal(90))
    assert stop.status is OrderStatus.SUBMITTED  # type: ignore[attr-defined]
    assert engine.orders.cancel(stop.id).accepted  # type: ignore[attr-defined]
    limit = buy(engine, -10, OrderType.LIMIT, limit_price=Decimal(200))
    assert limit.status is OrderStatus.SUBMITTED, "a canceled stop counts no more"  # type: ignore[attr-defined]
    buy(engine, -10)
    assert held(engine) == 0, "the limit may never fill: it does not stand in the way of a way out"


def test_two_market_orders_that_close_the_same_position_do_not_open_another() -> None:
    engine, around = desk()
    around.trained_ns = engine.clock.now_ns
    engine.readiness.require()
    engine.trading.order(OrderType.MARKET, SPY, Decimal(10))
    around.trained_ns = None
    engine.trading.order(OrderType.MARKET, SPY, Decimal(-10), OrderTerms(synchronous=False))
    engine.trading.order(OrderType.MARKET, SPY, Decimal(-10), OrderTerms(synchronous=False))
    minute(engine, "2013-10-07 10:02")
    assert held(engine) == 0


def test_a_change_that_makes_an_order_larger_is_new_risk() -> None:
    engine, around = desk()
    around.trained_ns = engine.clock.now_ns
    engine.readiness.require()
    entry = buy(engine, 10, OrderType.LIMIT, limit_price=Decimal(50))
    around.trained_ns = None
    refused = engine.orders.update(entry.id, OrderChange(quantity=Decimal(20)))  # type: ignore[attr-defined]
    assert (refused.code, "adds risk" in refused.message) == (ResponseCode.PRE_ORDER_CHECKS_ERROR, True)
    assert engine.orders.update(entry.id, OrderChange(quantity=Decimal(5))).accepted  # type: ignore[attr-defined]
    assert engine.orders.update(entry.id, OrderChange(limit_price=Decimal(49))).accepted  # type: ignore[attr-defined]


def test_a_loaded_model_counts_and_has_the_age_of_its_making() -> None:
    engine, around = desk()
    now = engine.clock.now_ns
    engine.readiness.require(NS_PER_HOUR)
    engine.readiness.adopted("alpha", now - 2 * NS_PER_HOUR)
    assert "the model alpha is stale" in engine.readiness.problem()
    engine.readiness.adopted("alpha", now - NS_PER_MINUTE)
    assert (engine.readiness.problem(), engine.readiness.age_ns()) == ("", NS_PER_MINUTE)
    minute(engine, "2013-10-07 10:30")
    around.trained_ns = engine.clock.now_ns
    assert engine.readiness.age_ns() == 0, "the newer training has replaced it"
    minute(engine, "2013-10-07 10:31")
    engine.readiness.adopted("alpha", now - NS_PER_MINUTE)
    assert engine.readiness.model_ns == now - NS_PER_MINUTE, "rolled back: the older model is in use again"


def test_an_age_that_cannot_be_kept_is_refused() -> None:
    engine, _ = desk()
    with pytest.raises(AlgorithmError, match="longer than zero"):
        engine.readiness.require(0)
    assert not engine.readiness.required
