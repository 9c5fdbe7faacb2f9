"""How much money a strategy could carry: what the market traded right after its fills.

Source: LEAN's Common/CapacityEstimate.cs and SymbolCapacity.cs; the names of the constants are ours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from functools import partial
from types import MappingProxyType
from typing import Final

from livetrader_engine.data.bars import QuoteBar, TradeBar
from livetrader_engine.data.decimals import exact
from livetrader_engine.data.slice import Slice
from livetrader_engine.money import ONE, ZERO
from livetrader_engine.orders.order import Fill
from livetrader_engine.portfolio.margin import leverage_of, maintenance_margin
from livetrader_engine.portfolio.portfolio import Portfolio
from livetrader_engine.schedule.scheduler import NEVER_NS
from livetrader_engine.securities import Security
from livetrader_engine.symbols import (
    NS_PER_DAY,
    NS_PER_HOUR,
    NS_PER_MINUTE,
    NS_PER_SECOND,
    Resolution,
    SecurityType,
    Symbol,
)

EFFECT_NS: Final = 30 * NS_PER_DAY  # how long a symbol counts after its last fill
SESSION_MINUTES: Final = 390
_SESSION_NS: Final = SESSION_MINUTES * NS_PER_MINUTE
LEAST_DISCOUNT: Final = Decimal("0.20")  # of the volume caught after fills in quick succession
DOLLAR_VOLUME_PER_MINUTE: Final = 6_000_000
MOST_MINUTES: Final = 120  # for which volume is caught after a fill
NO_VOLUME_MINUTES: Final = 10
FOREX_VOLUME: Final = Decimal(25_000_000)  # per bar, where data have no volume
CFD_VOLUME: Final = Decimal(200)
LONGEST_PERIOD_DAYS: Final = 7
ROUNDING: Final = Decimal("1000.00")
NEW_WEIGHT: Final = Decimal("0.33")
OLD_WEIGHT: Final = Decimal("0.66")
SHARES: Final[dict[Resolution, Decimal]] = {  # of the volume, that can be had without moving the price
    Resolution.DAILY: Decimal("0.02"),
    Resolution.HOUR: Decimal("0.05"),
    Resolution.MINUTE: Decimal("0.20"),
    Resolution.SECOND: Decimal("0.50"),
    Resolution.TICK: Decimal("0.50"),
}
_MINUTE: Final = Resolution.MINUTE
_NO_BARS: Final[Mapping[Symbol, TradeBar]] = MappingProxyType({})
_LEAST_MINUTES: Final = {Resolution.TICK: 5, Resolution.SECOND: 5, Resolution.MINUTE: 1}


_Bar = tuple[Decimal, Decimal, Resolution]  # close, volume, resolution


class SymbolCapacity:
    """What one symbol was traded for, and what the market traded right after. Owned by CapacityEstimate."""

    def __init__(self, security: Security, rate: Callable[[], Decimal]) -> None:
        self.security = security
        self.trades = 0
        self.sale_volume = ZERO
        self._rate = rate
        self._share = ZERO
        self._caught = ZERO
        self._discount = ONE
        self._last_fill_ns = 0
        self._bar_ns: int | None = None
        self._bar_volume = ZERO
        self._reset_due = False

    @property
    def market_volume(self) -> Decimal:
        """What could have been traded, in account currency."""
        return self._caught * self._share

    def traded(self, fill: Fill) -> None:
        """Count a fill; volume is caught from now on. The first one is never discounted."""
        properties = self.security.properties
        self.sale_volume += self._rate() * fill.price * abs(fill.quantity) * properties.contract_multiplier
        gap_ns = fill.time_ns - self._last_fill_ns if self._last_fill_ns else NS_PER_DAY
        self._discount = _discount(gap_ns)
        if self._reset_due:
            self._caught, self.trades, self._reset_due = ZERO, 0, False
        self.trades += 1
        self._last_fill_ns = fill.time_ns

    def update(self, time_ns: int, data: Slice | None, bars: Mapping[Symbol, TradeBar]) -> bool:
        """Catch the volume of this step's bar; return whether no more of it counts.

        `bars` are the trade bars of the slice.
        """
        security = self.security
        trades = bars.get(security.symbol)
        bar = _trade_bar(trades, security) if trades is not None else _other_bar(security, data, time_ns)
        if bar is None or not bar[1]:
            return False
        close, volume, resolution = bar
        before_ns, before = self._bar_ns, self._bar_volume
        self._bar_ns, self._bar_volume = time_ns, volume
        rate = self._rate()
        least = _LEAST_MINUTES.get(resolution)
        if least is None:
            counts = self._same_period(time_ns, resolution)
        elif time_ns <= self._last_fill_ns + least * NS_PER_MINUTE:
            counts = True
        else:
            minutes = ZERO if before_ns is None else Decimal(time_ns - before_ns) / NS_PER_MINUTE
            average = close * rate * (volume + before) / minutes if minutes else rate * close * volume
            counts = self._within(time_ns, resolution, average)
        if not counts:
            return True
        self._share = SHARES[resolution]
        multiplier = security.properties.contract_multiplier
        self._caught += close * self._discount * volume * rate * multiplier
        return False

    def _same_period(self, time_ns: int, resolution: Resolution) -> bool:
        last_ns = self._last_fill_ns
        if resolution is Resolution.HOUR:
            return time_ns == _round_up(last_ns, NS_PER_HOUR)
        return time_ns == last_ns or time_ns - time_ns % NS_PER_DAY == _round_up(last_ns, NS_PER_DAY)

    def _within(self, time_ns: int, resolution: Resolution, average: Decimal) -> bool:
        """Whether it takes so long, at this dollar volume a minute, until the fill has no effect."""
        # whole numbers: LEAN divides an int by 60 first
        volume = DOLLAR_VOLUME_PER_MINUTE // (1 if resolution is _MINUTE else 60)
        wanted = volume / average if average else Decimal(NO_VOLUME_MINUTES)
        minutes = min(MOST_MINUTES, int(wanted))  # never less than the least: that was looked at before
        return time_ns <= self._last_fill_ns + minutes * NS_PER_MINUTE

    def reset(self) -> None:
        """Begin a new period: the next fill forgets what was caught."""
        self._reset_due = True
        self.sale_volume = ZERO

    def expired(self, time_ns: int) -> bool:
        """Return whether the last fill has lost its effect."""
        return time_ns >= self._last_fill_ns + EFFECT_NS


class CapacityEstimate:
    """Estimates the capacity of the run so far. Owned by the sampler; nothing happens before `set_period`.

    `due_ns` says from when on `update` has work to do whatever the step has, `catching` whether it has work
    in steps with bars.
    """

    def __init__(self, portfolio: Portfolio) -> None:
        self._portfolio = portfolio
        self._by_symbol: dict[Symbol, SymbolCapacity] = {}
        self.catching: list[SymbolCapacity] = []
        self._period_ns: int | None = None
        self._next_day = 0
        self._value = ZERO
        self.lowest: Symbol | None = None
        self.due_ns = NEVER_NS

    @property
    def value(self) -> Decimal:
        """Account currency, to the nearest thousand."""
        return ROUNDING * (self._value / ROUNDING).quantize(ONE, rounding=ROUND_HALF_UP)

    def set_period(self, start_local_ns: int, duration_ns: int) -> None:
        """Estimate once in the run's length less a day, at least a day, at most a week.

        `start_local_ns` is the run's first midnight as a wall clock shows it.
        """
        self._period_ns = max(min(duration_ns - NS_PER_DAY, LONGEST_PERIOD_DAYS * NS_PER_DAY), NS_PER_DAY)
        self._next_day = _day_from(start_local_ns + self._period_ns)

    def traded(self, security: Security, fill: Fill) -> None:
        """Take in a fill."""
        if self._period_ns is None:
            return
        found = self._by_symbol.get(security.symbol)
        if found is None:
            cash, currency = self._portfolio.cash, security.properties.quote_currency
            found = SymbolCapacity(security, partial(cash.rate, currency))
            self._by_symbol[security.symbol] = found
        found.traded(fill)
        if found not in self.catching:
            self.catching.append(found)
        self.due_ns = self._next_day * NS_PER_DAY

    def update(self, time_ns: int, data: Slice | None, *, force: bool = False) -> None:
        """Catch the volume of a step; estimate where the period is over or `force` says so.

        `data` is the newest slice; it counts if it is that of this step.
        """
        if data is not None and data.time_ns != time_ns:
            data = None
        catching = self.catching
        if catching:
            bars = _NO_BARS if data is None else data.bars
            over = [item for item in reversed(catching) if item.update(time_ns, data, bars)]
            for item in over:
                catching.remove(item)
        if not force and time_ns < self.due_ns:
            return
        if self._period_ns is not None and self._by_symbol:
            today = time_ns // NS_PER_DAY
            self._estimate(time_ns)
            self._next_day = _day_from(today * NS_PER_DAY + self._period_ns)
        self.due_ns = self._next_day * NS_PER_DAY if self._by_symbol else NEVER_NS

    def _estimate(self, time_ns: int) -> None:
        portfolio = self._portfolio
        equity = portfolio.total_value
        if not equity:
            return
        lowest = min(self._by_symbol.values(), key=_market_volume)
        self.lowest = lowest.security.symbol
        total = sum((item.sale_volume for item in self._by_symbol.values()), ZERO)
        of_volume = lowest.sale_volume / total if total else ZERO
        factor = max(of_volume, self._used(lowest.security) / equity)
        value = self._value if not factor else lowest.market_volume / lowest.trades / factor
        self._value = NEW_WEIGHT * value + self._value * OLD_WEIGHT if self._value else value
        for symbol, item in list(self._by_symbol.items()):
            if portfolio.quantity(symbol) or not item.expired(time_ns):
                item.reset()
            else:  # so that the lowest may change, and nothing grows without end
                del self._by_symbol[symbol]
                if item in self.catching:
                    self.catching.remove(item)

    def _used(self, security: Security) -> Decimal:
        portfolio = self._portfolio
        if not portfolio.quantity(security.symbol):
            return ZERO
        margin = maintenance_margin(portfolio, portfolio[security.symbol])
        return margin * leverage_of(portfolio, security)


def _discount(gap_ns: int) -> Decimal:
    """Return the part of the volume caught so long after the fill before: twice the part of a session."""
    if 2 * gap_ns > _SESSION_NS:
        return ONE
    if 2 * gap_ns < LEAST_DISCOUNT * _SESSION_NS:
        return LEAST_DISCOUNT
    return max(LEAST_DISCOUNT, 2 * (Decimal(gap_ns) / NS_PER_MINUTE / SESSION_MINUTES))


def _market_volume(item: SymbolCapacity) -> Decimal:
    return item.market_volume


def _day_from(time_ns: int) -> int:
    """Return the number of the first day that begins at or after `time_ns`."""
    return -(-time_ns // NS_PER_DAY)


def _round_up(time_ns: int, step_ns: int) -> int:
    return -(-time_ns // step_ns) * step_ns


def _other_bar(security: Security, data: Slice | None, time_ns: int) -> _Bar | None:
    """Return what stands for this step's trades of a symbol: its quotes with their depth for a volume."""
    symbol = security.symbol
    if data is not None:
        quotes = data.quote_bars.get(symbol)
        if quotes is not None:
            return _quote_bar(quotes, symbol)
    held = security.trade_bar
    if not security.subscriptions and held is not None and held.end_time_ns == time_ns:
        return _trade_bar(held, security)
    return None


def _trade_bar(bar: TradeBar, security: Security) -> _Bar:
    close = security.exact_price() if bar is security.source else exact(bar.close, bar.scale)
    volume, period_ns = bar.volume, bar.end_time_ns - bar.time_ns
    whole = int(volume)
    resolution = _MINUTE if period_ns == NS_PER_MINUTE else _resolution(period_ns)
    # a whole number is the same decimal, and made in a third of the time
    return close, Decimal(whole if whole == volume else volume), resolution


def _quote_bar(bar: QuoteBar, symbol: Symbol) -> _Bar:
    volume = (Decimal(bar.bid_size) + Decimal(bar.ask_size)) / 2
    if symbol.security_type is SecurityType.FOREX:
        volume = FOREX_VOLUME
    elif symbol.security_type is SecurityType.CFD:
        volume = CFD_VOLUME
    bid, ask = exact(bar.bid_close, bar.scale), exact(bar.ask_close, bar.scale)
    middle = (bid + ask) / 2 if bid and ask else bid or ask
    return middle, volume, _resolution(bar.end_time_ns - bar.time_ns)


def _resolution(period_ns: int) -> Resolution:
    """Return the coarsest resolution not longer than a bar: a session of 6.5 hours counts as hours."""
    for resolution, length_ns in (
        (Resolution.DAILY, NS_PER_DAY),
        (Resolution.HOUR, NS_PER_HOUR),
        (Resolution.MINUTE, NS_PER_MINUTE),
        (Resolution.SECOND, NS_PER_SECOND),
    ):
        if period_ns >= length_ns:
            return resolution
    return Resolution.TICK
