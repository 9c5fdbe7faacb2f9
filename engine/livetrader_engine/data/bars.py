"""Market data as the engine and the wire know it: one slotted object per event.

Times are UTC nanoseconds; `time_ns` is when a bar starts and `end_time_ns` when it is complete and may be
acted on. Prices are floats. Where the last digit matters (orders, fills, the order hash), `exact` gives
the decimal the data file holds, trailing zeros included.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec

from livetrader_engine.symbols import Symbol

_WHOLE: Final = Decimal(1)  # the factor where there was no corporate action since


class PriceScale(msgspec.Struct, frozen=True, array_like=True):
    """How a float price came from a file's integer: `integer * unit * factor`.

    `unit` is the file's scale (0.0001 for US equities, 1 where prices are written plainly) and `factor`
    the corporate-action factor of that day.
    """

    unit: Decimal = Decimal("0.0001")
    factor: Decimal = _WHOLE

    def exact(self, price: float) -> Decimal:
        """Return `price` as the decimal LEAN would hold: the product of the three, zeros kept."""
        unit, factor = self.unit, self.factor
        if factor is _WHOLE:  # most often: times one changes nothing
            return Decimal(round(price / float(unit))) * unit
        return Decimal(round(price / float(unit * factor))) * unit * factor


class TradeBar(msgspec.Struct, tag="trade", array_like=True, gc=False, eq=False):
    """Open, high, low, close and volume of the trades in [time_ns, end_time_ns)."""

    symbol: Symbol
    time_ns: int
    end_time_ns: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    fill_forward: bool = False
    scale: PriceScale | None = None

    @property
    def value(self) -> float:
        """The price an indicator sees by default: the close."""
        return self.close


class QuoteBar(msgspec.Struct, tag="quote", array_like=True, gc=False, eq=False):
    """Best bid and ask over [time_ns, end_time_ns); a side without quotes is all zero."""

    symbol: Symbol
    time_ns: int
    end_time_ns: int
    bid_open: float
    bid_high: float
    bid_low: float
    bid_close: float
    bid_size: float
    ask_open: float
    ask_high: float
    ask_low: float
    ask_close: float
    ask_size: float
    fill_forward: bool = False
    scale: PriceScale | None = None

    @property
    def value(self) -> float:
        """Mid of bid and ask close, or the one side there is."""
        if self.bid_close and self.ask_close:
            return (self.bid_close + self.ask_close) / 2
        return self.bid_close or self.ask_close


class Tick(msgspec.Struct, tag="tick", array_like=True, gc=False, eq=False):
    """One trade (`quantity` at `price`) or one quote (bid and ask); the other fields are zero."""

    symbol: Symbol
    time_ns: int
    price: float = 0.0
    quantity: float = 0.0
    bid_price: float = 0.0
    bid_size: float = 0.0
    ask_price: float = 0.0
    ask_size: float = 0.0
    suspicious: bool = False

    @property
    def end_time_ns(self) -> int:
        """A tick is complete when it happens."""
        return self.time_ns

    @property
    def value(self) -> float:
        """The trade's price, or the quote's mid."""
        if self.price:
            return self.price
        if self.bid_price and self.ask_price:
            return (self.bid_price + self.ask_price) / 2
        return self.bid_price or self.ask_price


MarketPoint = TradeBar | QuoteBar | Tick
