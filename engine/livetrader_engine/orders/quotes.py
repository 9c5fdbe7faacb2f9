"""Which prices a fill model may use: the newest bar or tick of the side it trades on. Pure.

Source: LEAN's FillModel.GetPrices, EquityFillModel.GetBestEffort*Price and FillModel.IsExchangeOpen.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final, NamedTuple

import msgspec

from livetrader_engine.calendar.hours import ExchangeHours
from livetrader_engine.data.bars import PriceScale, QuoteBar, Tick, TradeBar
from livetrader_engine.data.decimals import exact
from livetrader_engine.money import from_float
from livetrader_engine.orders.messages import stale_fill, without_quote
from livetrader_engine.securities import Security
from livetrader_engine.symbols import NS_PER_HOUR

STALE_AFTER_NS: Final = NS_PER_HOUR  # LEAN: StalePriceTimeSpan


class Prices(msgspec.Struct, frozen=True, gc=False):
    """One bar as decimals; for a tick all four are its price."""

    time_ns: int
    end_time_ns: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal


def trade_prices(security: Security) -> Prices | None:
    """Return the newest trade bar, or trade tick where that is newer; None before the first trade."""
    bar, tick = security.trade_bar, security.trade_tick
    if tick is not None and (bar is None or tick.time_ns >= bar.end_time_ns):
        return _flat(from_float(tick.price), tick.time_ns)
    return None if bar is None else _of_trade_bar(bar)


def _of_trade_bar(bar: TradeBar) -> Prices:
    scale = bar.scale
    return Prices(
        bar.time_ns,
        bar.end_time_ns,
        exact(bar.open, scale),
        exact(bar.high, scale),
        exact(bar.low, scale),
        exact(bar.close, scale),
    )


def side_prices(security: Security, *, buying: bool) -> Prices | None:
    """Return what can be traded against: quote tick, quote bar (ask when buying), else trades."""
    return (
        _quote_tick(security, buying=buying) or _quote_bar(security, buying=buying) or trade_prices(security)
    )


class Range(NamedTuple):
    """Lowest and highest trade of the newest bar or tick, as floats."""

    low: float
    high: float
    end_time_ns: int


def trade_range(security: Security) -> Range | None:
    """Return what `trade_prices` spans, without making decimals; None before the first trade."""
    bar, tick = security.trade_bar, security.trade_tick
    if tick is not None and (bar is None or tick.time_ns >= bar.end_time_ns):
        return Range(tick.price, tick.price, tick.time_ns)
    return None if bar is None else Range(bar.low, bar.high, bar.end_time_ns)


class Quote(msgspec.Struct, frozen=True, gc=False):
    """A price to trade at, whether it is stale, and what is to be said about it."""

    price: Decimal
    end_time_ns: int
    stale: bool = False
    message: str = ""

    @classmethod
    def of(cls, prices: Prices, order_time_ns: int, hours: ExchangeHours) -> Quote:
        """Return the close of `prices`; stale where it is more than an hour older than the order."""
        if prices.end_time_ns + STALE_AFTER_NS >= order_time_ns:
            return cls(prices.close, prices.end_time_ns)
        return cls(prices.close, prices.end_time_ns, True, stale_fill(prices.end_time_ns, hours, ""))


def best_quote(security: Security, order_time_ns: int, *, buying: bool) -> Quote | None:
    """Return the best known price of a side for an equity order; None before any data.

    The first of quote tick, quote bar, trade that is at most an hour older than the order; where all are
    older, the newest, which is stale.
    """
    oldest_ns, hours = order_time_ns - STALE_AFTER_NS, security.hours
    chosen: _Candidate | None = None
    for candidate in _candidates(security, buying=buying):
        if chosen is not None and candidate[0] <= chosen[0]:
            continue
        chosen = candidate
        if candidate[0] >= oldest_ns:
            break
    if chosen is None:
        return None
    end_ns, price, scale, source = chosen
    stale = end_ns < oldest_ns
    if source in _TRADES:
        message = without_quote(end_ns, hours, source)
    else:
        message = stale_fill(end_ns, hours, f", using {source} data.") if stale else ""
    return Quote(_close(security, price, scale), end_ns, stale, message)


# A price that an order might trade at, as its point has it: end time, price, scale, kind of data.
_Candidate = tuple[int, float, PriceScale | None, str]


def _candidates(security: Security, *, buying: bool) -> list[_Candidate]:
    found: list[_Candidate] = []
    tick = security.quote_tick
    if tick is not None and (price := tick.ask_price if buying else tick.bid_price):
        found.append((tick.time_ns, price, None, "Quote Tick"))
    quotes = security.quote_bar
    if quotes is not None and (price := quotes.ask_close if buying else quotes.bid_close):
        found.append((quotes.end_time_ns, price, quotes.scale, "QuoteBar"))
    tick = security.trade_tick
    if tick is not None:
        found.append((tick.time_ns, tick.price, None, "Trade Tick"))
    bar = security.trade_bar
    if bar is not None:
        found.append((bar.end_time_ns, bar.close, bar.scale, "TradeBar"))
    return found


_TRADES: Final = frozenset({"Trade Tick", "TradeBar"})


def far_quote(security: Security, *, buying: bool) -> Decimal | None:
    """Return the price of the other side: the bid when buying, the ask when selling; else the trade."""
    prices = (
        _quote_tick(security, buying=not buying)
        or _quote_bar(security, buying=not buying)
        or trade_prices(security)
    )
    return None if prices is None else prices.close


def trades_now(security: Security, now_ns: int, *, extended: bool) -> bool:
    """Return whether fills can happen at `now_ns`: the exchange is open, or was during the newest bar.

    The second half lets the last bar of a session fill, which arrives when the exchange has just closed.
    """
    hours = security.hours
    if hours.is_open(now_ns, extended):
        return True
    bar = newest_bar(security)
    if bar is None:
        return False
    if bar.end_time_ns - bar.time_ns > NS_PER_HOUR:  # daily: its whole day counts
        current = hours.local_date(now_ns) == hours.local_date(bar.end_time_ns)
    else:
        current = now_ns <= bar.end_time_ns
    return current and hours.is_open_during(bar.time_ns, bar.end_time_ns, extended)


def newest_bar(security: Security) -> TradeBar | QuoteBar | None:
    """Return the newest bar of the cache, quotes first where both end together."""
    trade, quote = security.trade_bar, security.quote_bar
    if trade is None or quote is None:
        return trade or quote
    return quote if quote.end_time_ns >= trade.end_time_ns else trade


def _quote_tick(security: Security, *, buying: bool) -> Prices | None:
    tick = security.quote_tick
    if tick is None:
        return None
    price = tick.ask_price if buying else tick.bid_price
    return _flat(from_float(price), tick.time_ns) if price else None


def _quote_bar(security: Security, *, buying: bool) -> Prices | None:
    bar = security.quote_bar
    if bar is None:
        return None
    if buying:
        raw = (bar.ask_open, bar.ask_high, bar.ask_low, bar.ask_close)
    else:
        raw = (bar.bid_open, bar.bid_high, bar.bid_low, bar.bid_close)
    if not raw[3]:
        return None
    return Prices(bar.time_ns, bar.end_time_ns, *(exact(price, bar.scale) for price in raw))


def _flat(price: Decimal, time_ns: int) -> Prices:
    return Prices(time_ns, time_ns, price, price, price, price)


def _close(security: Security, price: float, scale: PriceScale | None) -> Decimal:
    """Return a price of a security's newest points as a decimal; the one that drives `price` is made once."""
    source = security.source
    if isinstance(source, TradeBar):
        driving = source.close == price and source.scale is scale
    else:
        driving = isinstance(source, Tick) and scale is None and source.value == price
    return security.exact_price() if driving else exact(price, scale)
