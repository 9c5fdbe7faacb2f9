"""A small world for engine tests: an exchange, a stock, bars by hand, and recorders for what comes out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from livetrader_engine.calendar.hours import ExchangeHours, hours_from_lean
from livetrader_engine.commands import LogLevel, NoteInsight, NoteOrderEvent, SeriesStyle
from livetrader_engine.data.bars import MarketPoint, PriceScale, QuoteBar, TradeBar
from livetrader_engine.data.corporate_actions import CorporateAction
from livetrader_engine.data.slice import Slice
from livetrader_engine.data.subscription import HistoryRequest, Subscription
from livetrader_engine.engine import Engine, EngineOptions, EnginePorts
from livetrader_engine.errors import DataError
from livetrader_engine.events import (
    BrokerageMessageArrived,
    EngineEvent,
    MarketDataArrived,
    OrderEventArrived,
    ParametersChanged,
)
from livetrader_engine.orders.order import OrderId, OrderSpec, OrderType
from livetrader_engine.orders.request import OrderRequest
from livetrader_engine.orders.ticket import OrderRecord
from livetrader_engine.outgoing import Outgoing, addressee_of, way_of
from livetrader_engine.portfolio.portfolio import Portfolio
from livetrader_engine.ports import OrderSink
from livetrader_engine.securities import Security, SecurityManager, SecurityProperties
from livetrader_engine.simulation.sink import simulated_engine
from livetrader_engine.subscriptions import SecurityChanges
from livetrader_engine.symbols import NS_PER_MINUTE, NS_PER_SECOND, SecurityType, Symbol
from livetrader_engine.testing.market import SampleReference
from livetrader_engine.training import TrainingJob, TrainingWork

NEW_YORK = ZoneInfo("America/New_York")
CENTS = PriceScale(unit=Decimal("0.01"))

_DAY = [
    {"start": "04:00:00", "end": "09:30:00", "state": "premarket"},
    {"start": "09:30:00", "end": "16:00:00", "state": "market"},
    {"start": "16:00:00", "end": "20:00:00", "state": "postmarket"},
]
_WEEK = dict.fromkeys(("monday", "tuesday", "wednesday", "thursday", "friday"), _DAY)
STOCK_EXCHANGE: ExchangeHours = hours_from_lean(
    {"dataTimeZone": "America/New_York", "exchangeTimeZone": "America/New_York", **_WEEK}
)
SPY = Symbol.create("SPY R735QTJ8XC9X", "SPY", SecurityType.EQUITY, "usa")
IBM = Symbol.create("IBM R735QTJ8XC9X", "IBM", SecurityType.EQUITY, "usa")
EURUSD = Symbol.create("EURUSD 8G", "EURUSD", SecurityType.FOREX, "oanda")


def at(text: str) -> int:
    """Return the UTC nanoseconds of a New York wall clock time: '2013-10-07 09:31'."""
    return int(datetime.fromisoformat(text).replace(tzinfo=NEW_YORK).timestamp()) * NS_PER_SECOND


def minute_bar(
    end: str, prices: tuple[float, float, float, float], *, symbol: Symbol = SPY, volume: float = 1000
) -> TradeBar:
    """Return the one-minute bar (open, high, low, close) that ends at this New York time."""
    end_ns = at(end)
    return TradeBar(symbol, end_ns - NS_PER_MINUTE, end_ns, *prices, volume, scale=CENTS)


def daily_bar(day: str, prices: tuple[float, float, float, float], *, symbol: Symbol = SPY) -> TradeBar:
    """Return the daily bar of a New York date, from open to close."""
    return TradeBar(symbol, at(f"{day} 09:30"), at(f"{day} 16:00"), *prices, 1000, scale=CENTS)


def minute_quote(
    end: str,
    bid: tuple[float, float, float, float],
    ask: tuple[float, float, float, float],
    *,
    symbol: Symbol = SPY,
) -> QuoteBar:
    """Return the one-minute quote bar that ends at this New York time."""
    end_ns = at(end)
    return QuoteBar(symbol, end_ns - NS_PER_MINUTE, end_ns, *bid, 100, *ask, 100, scale=CENTS)


def step(*points: MarketPoint, sequence: int = 0) -> MarketDataArrived:
    """Return the time step of points that end together."""
    return MarketDataArrived(points[0].end_time_ns, sequence, tuple(points))


def security(symbol: Symbol = SPY, *points: MarketPoint, lot: str = "1") -> Security:
    """Return a security that has seen these points."""
    made = Security(symbol, SecurityProperties(lot_size=Decimal(lot)), STOCK_EXCHANGE)
    for point in points:
        made.update(point)
    return made


def account(cash: str = "100000", *securities: Security) -> Portfolio:
    """Return a portfolio with this cash over these securities."""
    held = SecurityManager()
    for item in securities:
        held.add(item)
    portfolio = Portfolio(held)
    portfolio.cash.set("USD", Decimal(cash))
    return portfolio


def order(
    kind: OrderType,
    quantity: int,
    created: str,
    *,
    limit: str | None = None,
    stop: str | None = None,
    trigger: str | None = None,
    trailing: str | None = None,
    symbol: Symbol = SPY,
    number: int = 1,
) -> OrderSpec:
    """Return an order with prices as decimals."""
    return OrderSpec(
        OrderId(number),
        symbol,
        kind,
        Decimal(quantity),
        at(created),
        Decimal(0),
        limit_price=Decimal(limit) if limit else None,
        stop_price=Decimal(stop) if stop else None,
        trigger_price=Decimal(trigger) if trigger else None,
        trailing_amount=Decimal(trailing) if trailing else None,
    )


class Surroundings(SampleReference):
    """Feed, history, reference, results, trainer and object store of an engine under test."""

    def __init__(self, events: Iterable[EngineEvent] = ()) -> None:
        super().__init__()
        self.events = list(events)
        self.subscribed: list[Subscription] = []
        self.past: list[MarketPoint] = []
        self.lines: list[str] = []
        self.noted: list[NoteOrderEvent] = []
        self.insights: list[NoteInsight] = []
        self.stored: dict[str, bytes] = {}
        self.requests: list[HistoryRequest] = []
        self.unknown: set[Symbol] = set()
        self.other_hours: dict[Symbol, ExchangeHours] = {}

    def next(self) -> EngineEvent | None:
        return self.events.pop(0) if self.events else None

    def subscribe(self, subscription: Subscription) -> None:
        self.subscribed.append(subscription)

    def unsubscribe(self, subscription: Subscription) -> None:
        self.subscribed.remove(subscription)

    def history(self, request: HistoryRequest) -> Iterable[MarketPoint]:
        self.requests.append(request)
        return [item for item in self.past if request.start_ns < item.end_time_ns <= request.end_ns]

    def symbol(self, ticker: str, security_type: SecurityType, market: str) -> Symbol:
        return Symbol.create(f"{ticker} R735QTJ8XC9X", ticker, security_type, market)

    def hours(self, symbol: Symbol) -> ExchangeHours:
        if symbol in self.unknown:
            raise DataError(f"no hours of {symbol.value}")
        return self.other_hours.get(symbol, STOCK_EXCHANGE)

    def override_hours(self, symbol: Symbol, hours: ExchangeHours) -> None:
        self.other_hours[symbol] = hours

    def log(self, time_ns: int, level: LogLevel, message: str) -> None:
        self.lines.append(message)

    def declare(self, chart: str, series: str, style: SeriesStyle) -> None:
        self.lines.append(f"{chart}/{series} in {style.unit}")

    def plot(self, time_ns: int, chart: str, series: str, *values: float) -> None:
        self.lines.append(f"{chart}/{series} {' '.join(map(str, values))}")

    def order_event(self, noted: NoteOrderEvent) -> None:
        self.noted.append(noted)

    def insight(self, noted: NoteInsight) -> None:
        self.insights.append(noted)

    def statistic(self, name: str, value: str) -> None:
        self.lines.append(f"{name}={value}")

    def send_out(self, time_ns: int, message: Outgoing) -> bool:
        self.lines.append(f"{way_of(message)} to {addressee_of(message)}")
        return True

    ready = is_training = is_replacing = False
    cancelled = False
    last_error: str | None = None
    trained_ns: int | None = None
    jobs: Sequence[TrainingJob] = ()
    device = "cpu"

    @property
    def status(self) -> Surroundings:
        return self

    def submit(self, work: TrainingWork) -> None:
        work.function(*work.prepared())

    def progress(self, fraction: float, text: str = "") -> None:
        self.lines.append(f"{fraction} {text}")

    def read(self, key: str) -> bytes:
        return self.stored[key]

    def save(self, key: str, value: bytes) -> None:
        self.stored[key] = value

    def contains(self, key: str) -> bool:
        return key in self.stored

    def delete(self, key: str) -> bool:
        return self.stored.pop(key, None) is not None

    def keys(self) -> Sequence[str]:
        return sorted(self.stored)

    def ports(self, sink: OrderSink) -> EnginePorts:
        """Return engine ports with this sink and these surroundings."""
        return EnginePorts(self, sink, self, self, self, self, self)


class Recorder:
    """An algorithm that writes down its calls; `acts` maps a call's name to what it then does."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.news: list[tuple[OrderEventArrived, OrderRecord]] = []
        self.acts: dict[str, Callable[[], object]] = {}

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if name in self.acts:
            self.acts[name]()

    def on_data(self, data: Slice) -> None:
        self._called("data")

    def on_order_event(self, event: OrderEventArrived, record: OrderRecord) -> None:
        self.news.append((event, record))
        self._called(f"order {event.order_id} {event.status.name}")

    def on_warmup_finished(self) -> None:
        self._called("warm")

    def on_end_of_day(self, symbol: Symbol) -> None:
        self._called(f"end of day {symbol.value}")

    def on_brokerage_message(self, event: BrokerageMessageArrived) -> None:
        self._called(f"message {event.code}")

    def on_parameters_changed(self, event: ParametersChanged) -> None:
        self._called(f"parameters {event.parameters}")

    def on_securities_changed(self, changes: SecurityChanges) -> None:
        added = [item.symbol.value for item in changes.added]
        removed = [item.symbol.value for item in changes.removed]
        self._called(f"changed +{added} -{removed}")

    def on_margin_call(self, requests: Sequence[OrderRequest]) -> Sequence[OrderRequest]:
        self._called(f"margin call {[(item.symbol.value, int(item.quantity)) for item in requests]}")
        return requests

    def on_margin_call_warning(self) -> None:
        self._called("margin warning")

    def on_symbol_changes(self, actions: Sequence[CorporateAction]) -> None:
        self._called(f"renamed {[action.symbol.value for action in actions]}")

    def on_corporate_actions(self, actions: Sequence[CorporateAction]) -> None:
        self._called(f"actions {[type(action).__name__ for action in actions]}")

    def on_end_of_algorithm(self) -> None:
        self._called("end")


def backtest(
    start: str, options: EngineOptions | None = None, events: Iterable[EngineEvent] = ()
) -> tuple[Engine, Recorder, Surroundings]:
    """Return an engine over the simulated brokerage with a recording algorithm, and its surroundings."""
    around = Surroundings(events)
    engine = simulated_engine(around.ports, options or EngineOptions(start_ns=at(start)))
    recorder = Recorder()
    engine.attach(recorder)
    return engine, recorder, around
