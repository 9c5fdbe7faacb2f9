"""Models of LEAN and of the user's own, in an engine that trades by them. Amounts are worked out by hand."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from livetrader_engine.engine import Engine
from livetrader_engine.errors import AlgorithmError
from livetrader_engine.shortable import Shortable
from livetrader_lean.adapter import AlgorithmAdapter
from livetrader_lean.algorithm import QCAlgorithm
from livetrader_lean.binding import RunSettings
from livetrader_lean.enums import (
    AccountType,
    BrokerageMessageType,
    BrokerageName,
    DayOfWeek,
    MarketHoursState,
    OrderResponseErrorCode,
    OrderStatus,
    OrderType,
    Resolution,
)
from livetrader_lean.errors import NotInLivetrader
from livetrader_lean.exchange import MarketHoursSegment
from livetrader_lean.indicators import INDICATORS
from livetrader_lean.market import TradeBar
from livetrader_lean.order_events import CashAmount, OrderFee
from livetrader_lean.reality.brokerage_model import BrokerageMessageEvent, DefaultBrokerageModel
from livetrader_lean.reality.buying_power import (
    BuyingPowerModel,
    ConstantBuyingPowerModel,
    PatternDayTradingMarginModel,
    SecurityMarginModel,
)
from livetrader_lean.reality.fees import ConstantFeeModel, FeeModel
from livetrader_lean.reality.fills import EquityFillModel, FillModel, ImmediateFillModel
from livetrader_lean.reality.looking import IndicatorVolatilityModel, SecurityDataFilter
from livetrader_lean.reality.parameters import Fill, GetMaximumOrderQuantityResult, OrderFeeParameters
from livetrader_lean.reality.seeding import BrokerageModelSecurityInitializer, FuncSecuritySeeder
from livetrader_lean.reality.settlement import DelayedSettlementModel
from livetrader_lean.reality.shortable import NullShortableProvider
from livetrader_lean.reality.slippage import ConstantSlippageModel, VolumeShareSlippageModel
from livetrader_lean.tickets import UpdateOrderFields
from livetrader_plugins.lean_data.shortable import read_shortable
from tests.unit.engine.world import at, backtest, minute_bar

SimpleMovingAverage: Any = INDICATORS["SimpleMovingAverage"]
FLAT = (100.0, 100.0, 100.0, 100.0)


class Plain(QCAlgorithm):
    """Leaves everything to the tests."""

    spy: Any


@pytest.fixture
def algorithm() -> Any:
    """SPY at 100 with a hundred thousand dollars, at 09:31 of a Monday."""
    engine, _, _ = backtest("2013-10-07 09:31")
    adapter = AlgorithmAdapter(engine, Plain, {}, run=RunSettings(live=False))
    made = Plain.__new__(Plain)
    made._lean = adapter.binding
    adapter._algorithm = made
    adapter._on_data = made.on_data
    engine.attach(adapter)
    made.spy = made.add_equity("SPY", Resolution.MINUTE)
    engine.securities.update([minute_bar("2013-10-07 09:31", FLAT)])
    return made


def engine_of(algorithm: Any) -> Engine:
    found: Engine = algorithm._lean.engine
    return found


def step(algorithm: Any, when: str, prices: tuple[float, float, float, float] = FLAT) -> None:
    bar = minute_bar(when, prices)
    engine_of(algorithm).step(bar.end_time_ns, (bar,))


def test_a_constant_fee_is_charged(algorithm: Any) -> None:
    algorithm.spy.set_fee_model(ConstantFeeModel(3))
    algorithm.market_order("SPY", 10)
    assert algorithm.portfolio.total_fees == 3.0
    assert algorithm.portfolio.cash == 100_000 - 10 * 100 - 3


class InSnake(FeeModel):
    """A hundredth of the price for every share."""

    def get_order_fee(self, parameters: Any) -> Any:
        fee = parameters.security.price * parameters.order.absolute_quantity * 0.01
        return OrderFee(CashAmount(fee, "USD"))


class InPascal(FeeModel):
    """The same in LEAN's other spelling."""

    def GetOrderFee(self, parameters: Any) -> Any:
        fee = parameters.Security.Price * parameters.Order.AbsoluteQuantity * 0.01
        return OrderFee(CashAmount(fee, "USD"))


class Underived:
    """The same without a base."""

    get_order_fee = InSnake.get_order_fee


@pytest.mark.parametrize("model", [InSnake, InPascal, Underived])
def test_a_users_fee_model_is_asked_in_either_spelling(algorithm: Any, model: Any) -> None:
    algorithm.spy.fee_model = model()
    algorithm.market_order("SPY", 10)
    assert algorithm.portfolio.total_fees == 10.0
    assert isinstance(algorithm.spy.fee_model, model)


def test_a_model_without_its_method_is_refused(algorithm: Any) -> None:
    with pytest.raises(AlgorithmError, match="neither get_order_fee nor GetOrderFee"):
        algorithm.spy.set_fee_model(object())


def test_what_nobody_set_is_the_brokerage_models(algorithm: Any) -> None:
    order = algorithm.transactions.get_order_by_id(algorithm.market_order("SPY", 1000).order_id)
    fee = algorithm.spy.fee_model.get_order_fee(OrderFeeParameters(algorithm.spy, order))
    assert fee.value.amount == 5.0  # half a cent a share
    assert type(algorithm.spy.fill_model).__name__ == "EquityFillModel"
    assert not engine_of(algorithm).portfolio.models.any_own  # looking changes nothing


def test_slippage_makes_fills_worse(algorithm: Any) -> None:
    algorithm.spy.set_slippage_model(ConstantSlippageModel(0.01))
    assert algorithm.market_order("SPY", 10).average_fill_price == 101.0
    assert algorithm.market_order("SPY", -10).average_fill_price == 99.0


def test_volume_share_slippage_is_that_of_the_bar(algorithm: Any) -> None:
    model = VolumeShareSlippageModel()
    algorithm.spy.set_slippage_model(model)
    share = min(10 / algorithm.spy.volume, 0.025)
    assert algorithm.market_order("SPY", 10).average_fill_price == pytest.approx(100 + share**2 * 0.1 * 100)


class TenAtATime(FillModel):
    """Fills market orders ten shares at a time."""

    def __init__(self) -> None:
        self.left: dict[int, float] = {}

    def market_fill(self, asset: Any, order: Any) -> Any:
        left = self.left.get(order.id, order.absolute_quantity)
        event = super().market_fill(asset, order)
        event.fill_quantity = min(10, left)
        event.status = OrderStatus.FILLED if left <= 10 else OrderStatus.PARTIALLY_FILLED
        self.left[order.id] = left - event.fill_quantity
        return event


def test_an_order_fills_in_parts_and_pays_with_the_last(algorithm: Any) -> None:
    algorithm.spy.set_fill_model(TenAtATime())
    ticket = algorithm.market_order("SPY", 25, asynchronous=True)
    assert ticket.status == OrderStatus.PARTIALLY_FILLED
    assert ticket.quantity_filled == 10
    assert algorithm.portfolio.total_fees == 0
    step(algorithm, "2013-10-07 09:32")  # a step looks twice
    assert ticket.status == OrderStatus.FILLED
    assert [event.fill_quantity for event in ticket.order_events if event.fill_quantity] == [10, 10, 5]
    assert algorithm.portfolio["SPY"].quantity == 25
    assert algorithm.portfolio.total_fees == 1.0  # Interactive Brokers' least, once


class Never(EquityFillModel):
    """Does not fill before ten o'clock."""

    def fill(self, parameters: Any) -> Any:
        if parameters.security.local_time.hour < 10:
            return Fill([])
        return super().fill(parameters)


def test_a_fill_model_may_say_that_nothing_happens(algorithm: Any) -> None:
    algorithm.spy.set_fill_model(Never())
    ticket = algorithm.limit_order("SPY", 10, 100.5)
    step(algorithm, "2013-10-07 09:32")
    assert ticket.status == OrderStatus.SUBMITTED
    step(algorithm, "2013-10-07 10:01")
    assert ticket.status == OrderStatus.FILLED
    assert ticket.average_fill_price == 100.0  # it opened below the limit


class Cheaper(ImmediateFillModel):
    """Fills a dollar below what the rules say."""

    def market_fill(self, asset: Any, order: Any) -> Any:
        event = super().market_fill(asset, order)
        event.FillPrice = event.FillPrice - 1
        return event


def test_a_fill_price_can_be_changed_in_either_spelling(algorithm: Any) -> None:
    algorithm.spy.set_fill_model(Cheaper())
    assert algorithm.market_order("SPY", 10).average_fill_price == 99.0


def test_choosing_prices_is_refused_by_name(algorithm: Any) -> None:
    class Priced(FillModel):
        def get_prices(self, asset: Any, direction: int) -> Any:
            return None

    with pytest.raises(NotInLivetrader, match="get_prices"):
        algorithm.spy.set_fill_model(Priced())


def test_margin_models_bind_what_they_say(algorithm: Any) -> None:
    algorithm.spy.set_fee_model(ConstantFeeModel(0))
    algorithm.spy.set_buying_power_model(SecurityMarginModel(4.0))
    algorithm.market_order("SPY", 100)
    assert algorithm.spy.leverage == 4.0
    assert algorithm.portfolio.total_margin_used == 100 * 100 / 4
    algorithm.spy.set_buying_power_model(ConstantBuyingPowerModel(7))
    assert algorithm.portfolio.total_margin_used == 700
    algorithm.spy.set_buying_power_model(BuyingPowerModel.NULL)
    assert algorithm.portfolio.total_margin_used == 0
    assert algorithm.market_order("SPY", 1_000_000).status == OrderStatus.FILLED


def test_day_traders_have_less_leverage_once_the_exchange_closes(algorithm: Any) -> None:
    algorithm.spy.set_buying_power_model(PatternDayTradingMarginModel())
    algorithm.spy.set_fee_model(ConstantFeeModel(0))
    algorithm.market_order("SPY", 100)
    assert algorithm.portfolio.total_margin_used == 2500
    step(algorithm, "2013-10-07 15:51")
    assert algorithm.portfolio.total_margin_used == 5000


class Hundreds(BuyingPowerModel):
    """Targets are whole hundreds of shares, and everything is carried."""

    def get_maximum_order_quantity_for_target_buying_power(self, parameters: Any) -> Any:
        base = super().get_maximum_order_quantity_for_target_buying_power(parameters)
        return GetMaximumOrderQuantityResult(base.quantity // 100 * 100)

    def HasSufficientBuyingPowerForOrder(self, parameters: Any) -> Any:
        return parameters.sufficient()


def test_a_users_buying_power_model_decides_targets_and_orders(algorithm: Any) -> None:
    algorithm.spy.set_buying_power_model(Hundreds())
    assert algorithm.calculate_order_quantity("SPY", 0.999) == 900  # 997 shares fit, but for hundreds
    assert algorithm.market_order("SPY", 50_000).status == OrderStatus.FILLED


def test_proceeds_settle_when_the_model_says(algorithm: Any) -> None:
    algorithm.spy.set_settlement_model(DelayedSettlementModel(2, timedelta(hours=9)))
    algorithm.spy.set_fee_model(ConstantFeeModel(0))
    algorithm.market_order("SPY", 100)
    algorithm.market_order("SPY", -100)
    assert algorithm.portfolio.cash == 90_000
    assert algorithm.portfolio.unsettled_cash == 10_000
    step(algorithm, "2013-10-08 15:59")
    assert algorithm.portfolio.unsettled_cash == 10_000
    step(algorithm, "2013-10-09 09:32")
    assert algorithm.portfolio.cash == 100_000


class Held:
    """Keeps back every sale's proceeds until told; scanned once an hour."""

    def __init__(self) -> None:
        self.scans = 0

    def apply_funds(self, parameters: Any) -> None:
        cash = parameters.cash_amount
        book = parameters.portfolio.unsettled_cash_book if cash.amount > 0 else parameters.portfolio.cash_book
        book[cash.currency].add_amount(cash.amount)

    def scan(self, parameters: Any) -> None:
        self.scans += 1


def test_a_users_settlement_model_books_the_cash(algorithm: Any) -> None:
    model = Held()
    algorithm.spy.set_settlement_model(model)
    algorithm.spy.set_fee_model(ConstantFeeModel(0))
    algorithm.market_order("SPY", 100)
    algorithm.market_order("SPY", -50)
    assert algorithm.portfolio.cash == 90_000
    assert algorithm.portfolio.unsettled_cash == 5_000
    for minute in ("10:58", "10:59", "11:00", "11:01", "12:30"):
        step(algorithm, f"2013-10-07 {minute}")
    assert model.scans == 3  # 10:58, 11:00 and 12:30: the first step, then the first of every hour


class Rent:
    """A dollar an hour for whoever is invested."""

    def apply_margin_interest_rate(self, parameters: Any) -> None:
        if parameters.security.holdings.invested:
            value = parameters.security.holdings.get_quantity_value(1)
            value.cash.add_amount(-1)


def test_holding_costs_once_an_hour(algorithm: Any) -> None:
    algorithm.spy.set_fee_model(ConstantFeeModel(0))
    algorithm.spy.margin_interest_rate_model = Rent()
    step(algorithm, "2013-10-07 09:40")
    algorithm.market_order("SPY", 10)
    for when in ("09:59", "10:00", "10:30", "11:01"):
        step(algorithm, f"2013-10-07 {when}")
    assert algorithm.portfolio.cash == 100_000 - 1000 - 2


class Few(NullShortableProvider):
    """A hundred shares can be borrowed."""

    def shortable_quantity(self, symbol: Any, local_time: Any) -> int:
        return 100


def test_more_than_can_be_borrowed_is_turned_away(algorithm: Any) -> None:
    algorithm.spy.set_shortable_provider(Few())
    refused = algorithm.limit_order("SPY", -101, 200)
    assert refused.status == OrderStatus.INVALID
    assert refused.submit_request.response.error_code == OrderResponseErrorCode.EXCEEDS_SHORTABLE_QUANTITY
    assert refused.tag == "Order exceeds shortable quantity 100 for Symbol SPY requested -101)"
    taken = algorithm.limit_order("SPY", -100, 200)
    assert taken.status == OrderStatus.SUBMITTED
    assert not algorithm.shortable("SPY", 1)
    answer = taken.update_quantity(-101)
    assert answer.error_code == OrderResponseErrorCode.EXCEEDS_SHORTABLE_QUANTITY
    assert algorithm.shortable_quantity("SPY") == 100
    assert algorithm.transactions.orders_count == 2


def test_a_brokerage_takes_the_types_that_it_has(algorithm: Any) -> None:
    algorithm.set_brokerage_model(BrokerageName.TRADIER_BROKERAGE)
    ticket = algorithm.limit_if_touched_order("SPY", 10, 101, 102)
    assert ticket.status == OrderStatus.INVALID
    answer = ticket.submit_request.response
    assert answer.error_code == OrderResponseErrorCode.BROKERAGE_MODEL_REFUSED_TO_SUBMIT_ORDER
    assert answer.error_message == (
        "BrokerageModel declared unable to submit order: [1] Warning - Code: NotSupported - The "
        "TradierBrokerageModel does not support LimitIfTouched order type. Only supports "
        "[Limit,Market,StopMarket,StopLimit]"
    )
    assert algorithm.market_order("SPY", 10).status == OrderStatus.FILLED
    assert algorithm.portfolio.total_fees == 0
    short = algorithm.market_order("SPY", -20)
    assert "only day orders are allowed" in short.submit_request.response.error_message


@pytest.mark.parametrize(
    ("name", "fee", "leverage"),
    [
        (BrokerageName.DEFAULT, 5, 2), (BrokerageName.INTERACTIVE_BROKERS_BROKERAGE, 5, 2),
        (BrokerageName.ALPACA, 0, 2), (BrokerageName.AXOS, 3.5, 2), (BrokerageName.ALPHA_STREAMS, 5, 1),
        (BrokerageName.CHARLES_SCHWAB, 0, 2), (BrokerageName.TRADE_STATION, 0, 2), (BrokerageName.RBI, 0, 2),
    ],
)  # fmt: skip
def test_a_brokerage_has_its_fees_and_its_leverage(
    algorithm: Any, name: BrokerageName, fee: float, leverage: float
) -> None:
    algorithm.set_brokerage_model(name)
    share = algorithm.add_equity("IBM", Resolution.MINUTE)
    assert share.leverage == leverage
    algorithm.market_order("SPY", 999)  # SPY was there before and keeps its leverage
    assert algorithm.portfolio.total_fees == pytest.approx(fee * 0.999)


@pytest.mark.parametrize(
    ("name", "compares"),
    [
        (BrokerageName.DEFAULT, True), (BrokerageName.INTERACTIVE_BROKERS_BROKERAGE, False),
        (BrokerageName.AXOS, False), (BrokerageName.ALPACA, True),
    ],
)  # fmt: skip
def test_some_brokerages_compare_with_nothing(algorithm: Any, name: BrokerageName, compares: bool) -> None:
    benchmark = engine_of(algorithm).benchmark
    own = benchmark._options.symbol if benchmark._options else None
    algorithm.set_brokerage_model(name)
    assert benchmark.symbol is (own if compares else None)
    algorithm.set_benchmark("IBM")
    algorithm.set_brokerage_model(BrokerageName.AXOS)
    assert benchmark.symbol is not None  # what the algorithm chose stays
    assert benchmark.symbol.value == "IBM"


class Strict(DefaultBrokerageModel):
    """Takes no sales, no changes, and a dollar for everything."""

    def can_submit_order(self, security: Any, order: Any, message: Any = None) -> Any:
        if order.quantity < 0:
            kind = BrokerageMessageType.INFORMATION
            return False, BrokerageMessageEvent(kind, "", "no sales")
        return super().can_submit_order(security, order, message)

    def CanUpdateOrder(self, security: Any, order: Any, request: Any, message: Any) -> Any:
        return False, BrokerageMessageEvent(BrokerageMessageType.WARNING, "7", "no changes")

    def get_fee_model(self, security: Any) -> Any:
        return ConstantFeeModel(1)


def test_a_users_brokerage_model_decides(algorithm: Any) -> None:
    algorithm.set_brokerage_model(Strict(AccountType.MARGIN))
    sale = algorithm.market_order("SPY", -10)
    assert sale.submit_request.response.error_message == (
        "BrokerageModel declared unable to submit order: [1] Information - Code:  - no sales"
    )
    ticket = algorithm.limit_order("SPY", 10, 90)
    fields = UpdateOrderFields()
    fields.quantity = 20
    ticket.update(fields)
    step(algorithm, "2013-10-07 09:32")
    assert ticket.update_requests[0].response.error_message == "OrderID: 2 Warning - Code: 7 - no changes"
    assert ticket.quantity == 10
    algorithm.market_order("SPY", 500)
    assert algorithm.portfolio.total_fees == 1.0


def test_securities_are_seeded_with_what_a_function_knows(algorithm: Any) -> None:
    seen: list[str] = []

    def known(security: Any) -> Any:
        seen.append(security.symbol.value)
        return TradeBar(algorithm.time, security.symbol, 7, 7, 7, 7, 100)

    seeder = FuncSecuritySeeder(known)
    initializer = BrokerageModelSecurityInitializer(algorithm.brokerage_model, seeder)
    algorithm.set_security_initializer(initializer)
    assert algorithm.security_initializer is initializer
    assert algorithm.add_equity("IBM", Resolution.MINUTE).price == 7.0
    assert seen == ["IBM"]


def test_an_initializer_of_the_users_takes_the_place_of_the_brokerages(algorithm: Any) -> None:
    algorithm.set_security_initializer(lambda security: security.set_leverage(3))
    algorithm.set_brokerage_model(BrokerageName.ALPACA)
    assert algorithm.add_equity("IBM", Resolution.MINUTE).leverage == 3.0
    algorithm.market_order("SPY", 1000)
    assert algorithm.portfolio.total_fees == 5.0  # Alpaca's fees reach no security, as in LEAN


def test_the_data_folder_says_what_can_be_borrowed() -> None:
    rows = read_shortable("# a comment\n20131004,1000,3.8500,0.2500\n20131007,500\n20131008,,,\nnonsense\n")
    first, second, third = rows.values()
    assert first == Shortable(1000, Decimal("0.0385"), Decimal("0.0025"))
    assert second == Shortable(500)
    assert third.quantity is None


class Cheap(SecurityDataFilter):
    """Lets prices up to a hundred pass."""

    def filter(self, vehicle: Any, data: Any) -> bool:
        return bool(data.price <= 100)


def test_filtered_data_reach_nobody(algorithm: Any) -> None:
    algorithm.spy.set_data_filter(Cheap())
    before = engine_of(algorithm).steps, engine_of(algorithm).data_points
    step(algorithm, "2013-10-07 09:32", (101.0, 101.0, 101.0, 101.0))
    assert (
        engine_of(algorithm).steps,
        engine_of(algorithm).data_points,
    ) == before  # LEAN has no slice either
    assert algorithm.spy.price == 100.0
    step(algorithm, "2013-10-07 09:33", (99.0, 99.0, 99.0, 99.0))
    assert algorithm.spy.price == 99.0


def test_an_indicator_says_how_volatile_a_security_is(algorithm: Any) -> None:
    mean = SimpleMovingAverage(2)
    assert algorithm.spy.volatility_model.volatility == 0.0

    def learn(security: Any, data: Any, indicator: Any) -> None:
        indicator.update(data.end_time, data.price)

    algorithm.spy.set_volatility_model(IndicatorVolatilityModel(mean, learn))
    step(algorithm, "2013-10-07 09:32", (101.0, 101.0, 101.0, 101.0))
    step(algorithm, "2013-10-07 09:33", (103.0, 103.0, 103.0, 103.0))
    assert algorithm.spy.volatility_model.volatility == 102.0


class Moved:
    """Counts the points that it saw."""

    volatility = 0.0

    def update(self, security: Any, data: Any) -> None:
        self.volatility += 1.0


def test_a_users_volatility_model_sees_every_point(algorithm: Any) -> None:
    algorithm.spy.volatility_model = Moved()
    step(algorithm, "2013-10-07 09:32")
    step(algorithm, "2013-10-07 09:33")
    assert algorithm.spy.volatility_model.volatility == 2.0


def test_a_security_may_trade_at_other_hours(algorithm: Any) -> None:
    segment = MarketHoursSegment(MarketHoursState.MARKET, timedelta(hours=8), timedelta(hours=9, minutes=31))
    algorithm.spy.exchange.set_market_hours([segment], DayOfWeek.MONDAY)
    assert not algorithm.spy.exchange.exchange_open  # it is 09:31
    tuesday = datetime(2013, 10, 8, 9, 31)  # noqa: DTZ001 — LEAN's times are naive
    assert algorithm.spy.exchange.date_time_is_open(tuesday)
    assert algorithm.market_order("SPY", 1).order_type == OrderType.MARKET_ON_OPEN
    rule = algorithm.time_rules.after_market_open("SPY", 0)
    assert rule is not None
    hours = engine_of(algorithm).ports.reference.hours(algorithm.spy.symbol.core)
    session = hours.session(tuesday.date() - timedelta(days=1))
    assert session is not None
    assert session.open_ns == at("2013-10-07 08:00")
