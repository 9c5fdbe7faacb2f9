"""How long an order works and what else its brokerage is told: `TimeInForce` and the OrderProperties classes.

The classes are a table: a brokerage's own instructions by name, with LEAN's defaults, in LEAN's order, which
is the order in which they are serialised. Source: LEAN's Common/Orders/*OrderProperties.cs.
"""

from __future__ import annotations

from copy import copy
from datetime import date, datetime, time, timedelta, tzinfo
from enum import IntEnum
from typing import Any, ClassVar, Final, cast

from livetrader_engine.orders import order
from livetrader_engine.orders.checks import MARKET_ON_CLOSE_BUFFER_NS
from livetrader_engine.orders.order import PropertyValue, TimeInForceKind
from livetrader_engine.symbols import Symbol as CoreSymbol
from livetrader_lean.binding import Binding
from livetrader_lean.names import Twins, snake
from livetrader_lean.times import local, span_ns, to_ns

_BUFFER: Final = timedelta(microseconds=MARKET_ON_CLOSE_BUFFER_NS // 1000)
_SILENT: Final = frozenset({"time_in_force", "exchange"})  # what every OrderProperties has
OUTSIDE: Final = frozenset({"outside_regular_trading_hours", "extended_regular_trading_hours"})


class TimeInForce(Twins):
    """How long an order works: `GOOD_TIL_CANCELED`, `DAY`, or `good_til_date(date)`."""

    GOOD_TIL_CANCELED: TimeInForce
    DAY: TimeInForce
    GoodTilCanceled: TimeInForce
    Day: TimeInForce

    def __init__(
        self, kind: TimeInForceKind = TimeInForceKind.GOOD_TIL_CANCELED, expiry: datetime | None = None
    ) -> None:
        self.kind = kind
        self.expiry = expiry

    @staticmethod
    def good_til_date(expiry: datetime | date) -> TimeInForce:
        """Return one that ends with the session of a date of the exchange."""
        return GoodTilDateTimeInForce(expiry)

    @staticmethod
    def of(given: order.TimeInForce, zone: tzinfo) -> TimeInForce:
        """Return the face of the engine's; its date is one of this zone."""
        if given.expiry_ns is not None:
            return GoodTilDateTimeInForce(local(given.expiry_ns, zone))
        return TimeInForce.DAY if given.kind is TimeInForceKind.DAY else TimeInForce.GOOD_TIL_CANCELED

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TimeInForce):
            return NotImplemented
        return (self.kind, self.expiry) == (other.kind, other.expiry)

    def __hash__(self) -> int:
        return hash((self.kind, self.expiry))

    def core(self, binding: Binding, symbol: CoreSymbol) -> order.TimeInForce:
        """Return the engine's; a date is one of the symbol's exchange."""
        if self.expiry is None:
            return order.TimeInForce(self.kind)
        return order.TimeInForce(self.kind, to_ns(self.expiry, binding.zone(symbol)))

    def __str__(self) -> str:
        return {0: "GoodTilCanceled", 1: "Day", 2: "GoodTilDate"}[int(self.kind)] + "TimeInForce"


class GoodTilCanceledTimeInForce(TimeInForce):
    """Until it is canceled."""

    def __init__(self) -> None:
        super().__init__(TimeInForceKind.GOOD_TIL_CANCELED)


class DayTimeInForce(TimeInForce):
    """Until the session of the day it was made ends."""

    def __init__(self) -> None:
        super().__init__(TimeInForceKind.DAY)


class GoodTilDateTimeInForce(TimeInForce):
    """Until the session of a date ends."""

    def __init__(self, expiry: datetime | date) -> None:
        moment = expiry if isinstance(expiry, datetime) else datetime.combine(expiry, time())
        super().__init__(TimeInForceKind.GOOD_TIL_DATE, moment)


TimeInForce.GOOD_TIL_CANCELED = TimeInForce.GoodTilCanceled = GoodTilCanceledTimeInForce()
TimeInForce.DAY = TimeInForce.Day = DayTimeInForce()


class MarketOnCloseOrder(Twins):
    """`MarketOnCloseOrder.submission_time_buffer`: how long before the close such orders must be made."""

    submission_time_buffer: timedelta = _BUFFER
    SubmissionTimeBuffer: timedelta = _BUFFER
    DEFAULT_SUBMISSION_TIME_BUFFER = _BUFFER  # pythonnet's spelling of a constant
    DefaultSubmissionTimeBuffer = _BUFFER

    @classmethod
    def chosen(cls) -> timedelta:
        """Return what was set, in either spelling."""
        written = cls.SubmissionTimeBuffer
        return cls.submission_time_buffer if written == _BUFFER else written

    @classmethod
    def chosen_ns(cls) -> int:
        """Return what was set in nanoseconds; asked for with every order."""
        if cls.submission_time_buffer is _BUFFER and cls.SubmissionTimeBuffer is _BUFFER:
            return MARKET_ON_CLOSE_BUFFER_NS
        return span_ns(cls.chosen())

    @classmethod
    def forget(cls) -> None:
        """Go back to the default: another run begins."""
        cls.submission_time_buffer = cls.SubmissionTimeBuffer = _BUFFER


class OrderProperties(Twins):
    """What may be said about any order: its `time_in_force`. Both spellings can be set."""

    own: ClassVar[dict[str, PropertyValue]] = {}  # name → default of a brokerage's own instructions
    # what livetrader adds to LEAN's; only what differs from its default is told
    added: ClassVar[dict[str, PropertyValue]] = {}

    def __init__(self, exchange: Any = None, **values: Any) -> None:
        self.time_in_force = TimeInForce.GOOD_TIL_CANCELED
        self.exchange = exchange
        for name, default in {**type(self).own, **type(self).added}.items():
            setattr(self, name, default)
        for name, value in values.items():
            setattr(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(snake(name), value)

    def clone(self) -> OrderProperties:
        """Return properties that can be changed without changing these."""
        return copy(self)

    @property
    def outside_regular_hours(self) -> bool:
        """Whether the order may trade in extended hours, where the brokerage offers that."""
        return any(bool(getattr(self, name, False)) for name in OUTSIDE)

    @property
    def says_nothing(self) -> bool:
        """Whether an order with them is like one without any."""
        return (
            type(self) is OrderProperties
            and self.time_in_force is TimeInForce.GOOD_TIL_CANCELED
            and len(vars(self)) == len(_SILENT)
        )

    def instructions(self) -> tuple[tuple[str, PropertyValue], ...]:
        """Return the brokerage's own instructions by LEAN's JSON names, then what is said beyond them.

        A ticket stands for the number of its order.
        """
        pairs = [(_camel(name), getattr(self, name)) for name in type(self).own]
        for name, default in type(self).added.items():
            value = getattr(self, name)
            value = getattr(value, "order_id", value)
            if value != default:
                pairs.append((_camel(name), int(value) if isinstance(value, IntEnum) else value))
        return tuple((name, cast("PropertyValue", value)) for name, value in pairs)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)


_OUTSIDE: Final[dict[str, PropertyValue]] = {"outside_regular_trading_hours": False}
_POST_ONLY: Final[dict[str, PropertyValue]] = {"post_only": False}
_TABLE: Final[dict[str, dict[str, PropertyValue]]] = {
    "AlpacaOrderProperties": _OUTSIDE,
    "BinanceOrderProperties": _POST_ONLY,
    "BitfinexOrderProperties": {"post_only": False, "hidden": False},
    "BybitOrderProperties": {"post_only": False, "reduce_only": None},
    "CharlesSchwabOrderProperties": {"extended_regular_trading_hours": False},
    "CoinbaseOrderProperties": {"post_only": False, "self_trade_prevention_id": False},
    "EzeOrderProperties": {"route": None, "account": None, "notes": None, "account_type": None},
    "FTXOrderProperties": {"post_only": False, "reduce_only": False},
    "FixOrderProperties": {"handle_instruction": None, "notes": None},
    "GDAXOrderProperties": {"post_only": False, "self_trade_prevention_id": False},
    "IndiaOrderProperties": {"product_type": None},
    "InteractiveBrokersFixOrderProperties": {"account": None},
    "InteractiveBrokersOrderProperties": {
        "account": None, "fa_group": None, "fa_method": None, "fa_percentage": 0, "fa_profile": None,
        "outside_regular_trading_hours": False,
    },
    "KrakenOrderProperties": {
        "post_only": False, "fee_in_base": False, "fee_in_quote": False, "no_market_price_protection": False,
        "conditional_order": None,
    },
    "PublicOrderProperties": {"outside_regular_trading_hours": False, "use_margin": None},
    "RBIOrderProperties": {},
    "TDAmeritradeOrderProperties": {},
    "TastytradeOrderProperties": {},
    "TradeStationOrderProperties": {
        "all_or_none": False, "outside_regular_trading_hours": False, "post_only": False,
    },
    "TradierOrderProperties": _OUTSIDE,
    "WebullOrderProperties": _OUTSIDE,
    "WolverineOrderProperties": {"exchange_post_fix": None, "locate_broker": None, "position_side": None},
}  # fmt: skip


# Beyond LEAN's: IB's words for what its own classes leave out. docs/ibkr.md says what each does.
_ADDED: Final[dict[str, dict[str, PropertyValue]]] = {
    "InteractiveBrokersOrderProperties": {
        "tif": None, "oca_group": None, "oca_type": None, "parent_order_id": None, "transmit": True,
        "all_or_none": False, "hidden": False, "display_size": None,
    },
}  # fmt: skip


def _make(name: str, own: dict[str, PropertyValue]) -> type[OrderProperties]:
    added = _ADDED.get(name, {})
    values = {"own": own, "added": added, "__doc__": f"{name} of LEAN.", "__module__": __name__}
    made = type(name, (OrderProperties,), values)
    return cast("type[OrderProperties]", made)


PROPERTY_CLASSES: Final[dict[str, type[OrderProperties]]] = {
    "OrderProperties": OrderProperties,
    **{name: _make(name, own) for name, own in _TABLE.items()},
}
