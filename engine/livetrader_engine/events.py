"""Frozen facts, past tense, that enter the engine. Everything the engine does is caused by one of them.

They are the same in backtest and live: in a backtest they come from files and the simulated brokerage,
live from the supervisor over the link. `time_ns` is UTC and never decreases from one event to the next
as the engine processes them.
"""

from __future__ import annotations

from decimal import Decimal
from enum import IntEnum

import msgspec

from livetrader_engine.data.bars import MarketPoint
from livetrader_engine.data.corporate_actions import CorporateAction
from livetrader_engine.orders.order import (
    BrokerageOrderId,
    Fill,
    OrderChange,
    OrderId,
    OrderSpec,
    StopState,
    TradeFee,
)
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.symbols import Symbol


class MarketDataArrived(msgspec.Struct, frozen=True, tag="market", gc=False):
    """Every point that became complete at `time_ns`, in slice order. One time step of the engine.

    `sequence` counts up by one from 1 per feed session; the engine answers with `StepCompleted`.
    `internal` holds the points of subscriptions that the engine made for itself (the benchmark, currency
    rates): they are counted, and price what asked for them, but neither the securities nor the slice.
    `actions` are the splits, dividends, delistings and ticker changes of this instant.
    """

    time_ns: int
    sequence: int
    points: tuple[MarketPoint, ...]
    internal: tuple[MarketPoint, ...] = ()
    actions: tuple[CorporateAction, ...] = ()


class TimePulse(msgspec.Struct, frozen=True, tag="pulse"):
    """Time went on and nothing arrived: scheduled events and bars that close on the clock may fire."""

    time_ns: int
    sequence: int = 0


class OrderEventArrived(msgspec.Struct, frozen=True, tag="order", gc=False):
    """News of one order. `fill` is set exactly when `status` is PARTIALLY_FILLED or FILLED by a trade.

    `message` carries the reason of a refusal, cancel or expiry in words for the user. `stop` says how the
    brokerage stands to the order's stop where it tells. `quiet` news are of that only: nobody is called.

    Three kinds of news come behind a trade, or without one. `replaces`: the venue corrected a trade; `fill`
    counts in its place. `fee`: what a trade cost, in addition to what was told. `change`: somebody changed
    the order at the venue; it stands so now. `symbol` is set where the order may be long forgotten.
    """

    order_id: OrderId
    status: OrderStatus
    time_ns: int
    fill: Fill | None = None
    brokerage_order_id: BrokerageOrderId | None = None
    message: str = ""
    stop: StopState | None = None
    quiet: bool = False
    replaces: Fill | None = None
    fee: TradeFee | None = None
    change: OrderChange | None = None
    symbol: Symbol | None = None


class PositionRecord(msgspec.Struct, frozen=True):
    """Signed quantity of one symbol in the account and what it cost on average."""

    symbol: Symbol
    quantity: Decimal
    average_price: Decimal


class OpenOrderRecord(msgspec.Struct, frozen=True):
    """An order of ours that was working when the engine (re)started."""

    spec: OrderSpec
    status: OrderStatus
    filled_quantity: Decimal
    brokerage_order_id: BrokerageOrderId | None = None


class AccountLoaded(msgspec.Struct, frozen=True, tag="account"):
    """The account as reconciled: what the engine starts from, replacing what it held.

    `cash` maps currency to amount. `next_order_id` is the first number no order of this account had.
    """

    time_ns: int
    cash: dict[str, Decimal]
    positions: tuple[PositionRecord, ...]
    open_orders: tuple[OpenOrderRecord, ...] = ()
    next_order_id: int = 1


class BrokerageMessageKind(IntEnum):
    """What a brokerage has to say beside orders."""

    INFORMATION = 0
    WARNING = 1
    ERROR = 2
    DISCONNECTED = 3
    RECONNECTED = 4


class BrokerageMessageArrived(msgspec.Struct, frozen=True, tag="brokerage"):
    """A message of the brokerage for the algorithm's `on_brokerage_message` and friends."""

    time_ns: int
    kind: BrokerageMessageKind
    code: str
    message: str


class ParametersChanged(msgspec.Struct, frozen=True, tag="parameters"):
    """The operator changed parameters of the algorithm: these are all that hold from now on, as text."""

    time_ns: int
    parameters: dict[str, str]


class DataEnded(msgspec.Struct, frozen=True, tag="ended"):
    """No more data will come: the end of a backtest or of a replay."""

    time_ns: int


class StopRequested(msgspec.Struct, frozen=True, tag="stop"):
    """The operator wants the algorithm to end: `on_end_of_algorithm` runs, positions stay."""

    time_ns: int
    reason: str


EngineEvent = (
    MarketDataArrived
    | TimePulse
    | OrderEventArrived
    | AccountLoaded
    | BrokerageMessageArrived
    | ParametersChanged
    | DataEnded
    | StopRequested
)
