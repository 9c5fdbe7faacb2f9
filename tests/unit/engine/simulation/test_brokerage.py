"""The simulated brokerage: what it says, when, and that it never trades twice."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from livetrader_engine.data.bars import TradeBar
from livetrader_engine.orders.fees import NoFees
from livetrader_engine.orders.order import (
    OrderChange,
    OrderSpec,
    OrderType,
    TimeInForce,
    TimeInForceKind,
)
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.portfolio.portfolio import Portfolio
from livetrader_engine.securities import SecurityManager
from livetrader_engine.simulation.brokerage import (
    SimulatedBrokerage,
    SimulatedReport,
    SimulationModels,
)
from livetrader_engine.simulation.matching import EXPIRED_MESSAGE, expiry_ns
from livetrader_engine.symbols import NS_PER_MINUTE
from tests.unit.engine.world import EURUSD, SPY, at, minute_bar, order, security

S = OrderStatus
TEN = "2013-10-07 10:00"
BAR = (100.0, 102.0, 98.0, 101.0)


class Desk(SimulatedBrokerage):
    """A simulated brokerage whose owner brings prices and books fills up to date, as owners do."""

    def __init__(self, cash: str = "100000", *, fees: bool = True) -> None:
        securities = SecurityManager()
        portfolio = Portfolio(securities)
        portfolio.cash.set("USD", Decimal(cash))
        super().__init__(
            securities, portfolio, models=SimulationModels() if fees else SimulationModels(fees=NoFees())
        )
        securities.add(security())

    def observe(self, points: list[TradeBar], now_ns: int) -> list[SimulatedReport]:
        self.securities.update(points)
        return self._booked(self.scan(now_ns))

    def submit(self, key: str, spec: OrderSpec, now_ns: int) -> list[SimulatedReport]:
        return [*self.accept(key, spec, now_ns), *self._booked(self.scan(now_ns))]

    def _booked(self, reports: Iterable[SimulatedReport]) -> list[SimulatedReport]:
        heard = []
        for report in reports:
            if report.fill is not None:
                self.portfolio.apply_fill(report.spec.symbol, report.fill)
            heard.append(report)
        return heard


def statuses(reports: list[SimulatedReport]) -> list[OrderStatus]:
    return [report.status for report in reports]


def test_a_market_order_is_acknowledged_and_filled_at_once_and_booked() -> None:
    brokerage = Desk()
    brokerage.observe([minute_bar(TEN, BAR)], at(TEN))
    reports = brokerage.submit("key", order(OrderType.MARKET, 10, TEN), at(TEN))
    assert statuses(reports) == [S.SUBMITTED, S.FILLED]
    fill = reports[1].fill
    assert fill is not None
    assert (fill.quantity, fill.price, fill.fee, fill.time_ns) == (10, 101, 1, at(TEN))
    assert brokerage.portfolio.quantity(SPY) == 10
    assert brokerage.portfolio.cash["USD"].amount == 100_000 - 1010 - 1
    assert brokerage.idle


def test_news_are_what_the_engine_reads_by_the_number_of_the_order() -> None:
    brokerage = Desk()
    brokerage.observe([minute_bar(TEN, BAR)], at(TEN))
    filled = brokerage.submit("key", order(OrderType.MARKET, 10, TEN, number=7), at(TEN))[1]
    event = filled.to_event()
    assert (event.order_id, event.status, event.fill) == (7, S.FILLED, filled.fill)
    assert event.brokerage_order_id == filled.brokerage_order_id


def test_the_same_key_never_makes_a_second_order() -> None:
    brokerage = Desk()
    brokerage.observe([minute_bar(TEN, BAR)], at(TEN))
    resting = order(OrderType.LIMIT, 10, TEN, limit="90")
    assert statuses(brokerage.submit("resting", resting, at(TEN))) == [S.SUBMITTED]
    assert brokerage.submit("resting", resting, at(TEN)) == []
    brokerage.submit("filled", order(OrderType.MARKET, 10, TEN), at(TEN))
    assert brokerage.submit("filled", order(OrderType.MARKET, 10, TEN), at(TEN)) == []
    assert brokerage.portfolio.quantity(SPY) == 10
    assert [entry.key for entry in brokerage.working()] == ["resting"]


def test_an_order_without_a_price_waits_for_one() -> None:
    brokerage = Desk()
    assert statuses(brokerage.submit("key", order(OrderType.MARKET, 10, TEN), at(TEN))) == [S.SUBMITTED]
    assert statuses(brokerage.observe([minute_bar("2013-10-07 10:01", BAR)], at("2013-10-07 10:01"))) == [
        S.FILLED
    ]


def test_an_order_that_arrives_late_does_not_fill_on_the_bar_that_was_there() -> None:
    brokerage = Desk()
    later = "2013-10-07 10:01"
    brokerage.observe([minute_bar(later, BAR)], at(later))
    made_before = order(OrderType.LIMIT, 10, TEN, limit="99")
    assert statuses(brokerage.submit("key", made_before, at(later))) == [S.SUBMITTED]
    assert brokerage.observe([], at(later) + NS_PER_MINUTE) == []


def test_cancel_is_final_and_idempotent() -> None:
    brokerage = Desk()
    brokerage.observe([minute_bar(TEN, BAR)], at(TEN))
    brokerage.submit("key", order(OrderType.LIMIT, 10, TEN, limit="99"), at(TEN))
    assert statuses(brokerage.cancel("key", at(TEN))) == [S.CANCELED]
    assert brokerage.cancel("key", at(TEN)) == []
    assert brokerage.cancel("never seen", at(TEN)) == []
    assert brokerage.observe([minute_bar("2013-10-07 10:01", BAR)], at("2013-10-07 10:01")) == []
    assert not brokerage.portfolio.invested


def test_an_update_moves_the_limit() -> None:
    brokerage = Desk()
    brokerage.submit("key", order(OrderType.LIMIT, 10, TEN, limit="90"), at(TEN))
    changed = brokerage.update("key", OrderChange(limit_price=Decimal(99)), at(TEN))
    assert statuses(changed) == [S.UPDATE_SUBMITTED]
    assert changed[0].spec.limit_price == 99
    assert statuses(brokerage.observe([minute_bar("2013-10-07 10:01", BAR)], at("2013-10-07 10:01"))) == [
        S.FILLED
    ]
    assert brokerage.update("key", OrderChange(limit_price=Decimal(98)), at(TEN)) == []


def test_an_order_beyond_the_buying_power_is_invalid_with_the_reason() -> None:
    brokerage = Desk("1000")
    brokerage.observe([minute_bar(TEN, BAR)], at(TEN))
    reports = brokerage.submit("key", order(OrderType.MARKET, 100, TEN), at(TEN))
    assert statuses(reports) == [S.SUBMITTED, S.INVALID]
    assert "Insufficient buying power" in reports[1].message
    assert not brokerage.portfolio.invested


def test_a_symbol_nobody_knows_is_invalid_with_the_reason() -> None:
    securities = SecurityManager()
    brokerage = SimulatedBrokerage(securities, Portfolio(securities))
    reports = brokerage.accept("key", order(OrderType.MARKET, 1, TEN), at(TEN))
    assert statuses(reports) == [S.INVALID]
    assert "SPY" in reports[0].message


def test_a_day_order_ends_at_the_close() -> None:
    brokerage = Desk()
    brokerage.observe([minute_bar(TEN, BAR)], at(TEN))
    spec = order(OrderType.LIMIT, 10, TEN, limit="90")
    day = OrderSpec(**{**_fields(spec), "time_in_force": TimeInForce(TimeInForceKind.DAY)})
    brokerage.submit("key", day, at(TEN))
    assert brokerage.observe([], at("2013-10-07 15:59")) == []
    ended = brokerage.observe([], at("2013-10-07 16:00"))
    assert (statuses(ended), ended[0].message) == ([S.CANCELED], EXPIRED_MESSAGE)


def _fields(spec: OrderSpec) -> dict[str, object]:
    return {name: getattr(spec, name) for name in spec.__struct_fields__}


def test_expiry_of_each_time_in_force() -> None:
    stock, pair = security(), security(EURUSD)
    spec = order(OrderType.LIMIT, 1, TEN, limit="1")
    day = OrderSpec(**{**_fields(spec), "time_in_force": TimeInForce(TimeInForceKind.DAY)})
    until = TimeInForce(TimeInForceKind.GOOD_TIL_DATE, at("2013-10-09 00:00"))
    dated = OrderSpec(**{**_fields(spec), "time_in_force": until})
    assert expiry_ns(spec, stock) is None
    assert expiry_ns(day, stock) == at("2013-10-07 16:00")
    assert expiry_ns(day, pair) == at("2013-10-07 17:00")
    assert expiry_ns(dated, stock) == at("2013-10-09 16:00")


def test_an_earlier_life_is_restored_without_news_and_its_keys_stay_taken() -> None:
    before, after = Desk(), Desk()
    resting = order(OrderType.LIMIT, 10, TEN, limit="99")
    before.submit("resting", resting, at(TEN))
    for entry in before.working():
        after.restore(entry)
    assert after.submit("resting", resting, at(TEN)) == []
    news = after.observe([minute_bar("2013-10-07 10:01", BAR)], at("2013-10-07 10:01"))
    assert [(item.key, item.status) for item in news] == [("resting", S.FILLED)]
    assert news[0].brokerage_order_id == before.working()[0].brokerage_order_id


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["submit", "cancel", "update", "observe"]),
        st.integers(0, 5),
        st.integers(90, 110),
        st.sampled_from([-3, -1, 1, 2]),
    ),
    max_size=40,
)


@given(actions=ACTIONS)
def test_whatever_happens_the_account_is_the_sum_of_its_fills(
    actions: list[tuple[str, int, int, int]],
) -> None:
    brokerage = Desk(fees=False)
    now_ns = at(TEN)
    reports: list[SimulatedReport] = []
    for kind, number, price, quantity in actions:
        key = f"k{number}"
        if kind == "submit":
            spec = order(OrderType.LIMIT, quantity, TEN, limit=str(price), number=number + 1)
            reports += brokerage.submit(key, spec, now_ns)
        elif kind == "cancel":
            reports += brokerage.cancel(key, now_ns)
        elif kind == "update":
            reports += brokerage.update(key, OrderChange(limit_price=Decimal(price)), now_ns)
        else:
            now_ns += NS_PER_MINUTE
            bar = minute_bar(TEN, (price, price + 1, price - 1, price))
            bar.time_ns, bar.end_time_ns = now_ns - NS_PER_MINUTE, now_ns
            reports += brokerage.observe([bar], now_ns)
    fills = [report.fill for report in reports if report.fill is not None]
    assert len({fill.execution_id for fill in fills}) == len(fills)
    assert brokerage.portfolio.quantity(SPY) == sum(fill.quantity for fill in fills)
    spent = sum((fill.quantity * fill.price for fill in fills), Decimal(0))
    assert brokerage.portfolio.cash["USD"].amount == 100_000 - spent
    for key in {report.key for report in reports}:
        ends = [item.status for item in reports if item.key == key and item.status in (S.FILLED, S.CANCELED)]
        assert len(ends) <= 1, "an order ended twice"


def test_two_runs_of_the_same_day_say_the_same() -> None:
    def run() -> list[SimulatedReport]:
        brokerage, said = Desk(), []
        said += brokerage.observe([minute_bar(TEN, BAR)], at(TEN))
        for number, quantity in enumerate((5, -7, 2)):
            said += brokerage.submit(f"k{number}", order(OrderType.MARKET, quantity, TEN), at(TEN))
        return said

    assert run() == run()
