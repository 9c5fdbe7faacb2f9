"""What fills and midnights of a live run come to: trades, profits, fees, turnover, daily returns. Pure.

It knows every trade in the account, whoever asked for it: the kill switch's too, which no engine hears of.
A profit is booked as LEAN books it: against the average price, with the fill's fee counted for both legs.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Final

import msgspec

from livetrader_engine.money import ZERO, from_float
from livetrader_engine.orders.order import ExecutionId, Fill, OrderId
from livetrader_engine.portfolio.corrections import with_trade
from livetrader_engine.portfolio.holdings import TransactionRecord
from livetrader_engine.statistics.charts import Candle, Point
from livetrader_engine.statistics.portfolio_statistics import TRADING_DAYS, RateOf
from livetrader_engine.statistics.results import RunFacts
from livetrader_engine.statistics.trades import Trade, TradeBuilder
from livetrader_engine.symbols import Symbol

TRADES_KEPT: Final = 5_000  # closed ones, the newest: about 5 MB; statistics of trades are over these
PROFITS_KEPT: Final = 10_000  # closing fills
DAYS_KEPT: Final = 730  # LEAN: TrimCharts keeps two years of days
FILLS_REMEMBERED: Final = 2_000  # the newest, so that a restart or a correction finds them
OPEN_FILLS: Final = 1_000  # of open positions, told again to the trades after a restart; then the newest

FillKey = tuple[Symbol, OrderId, Fill]


class Day(msgspec.Struct, frozen=True, gc=False):
    """What a midnight found. `return_pct` and `turnover` are of the day before it; turnover is a ratio."""

    time_ns: int
    equity: Decimal
    return_pct: Decimal
    drawdown_pct: float
    turnover: Decimal
    long_ratio: Decimal = ZERO
    short_ratio: Decimal = ZERO
    benchmark: float | None = None


class FiguresState(msgspec.Struct, frozen=True):
    """Everything, to go on with after a restart."""

    trades: tuple[Trade, ...]
    made: int
    profits: tuple[TransactionRecord, ...]
    days: tuple[Day, ...]
    fees: Decimal
    volume: Decimal
    day_volume: Decimal
    open_fills: tuple[FillKey, ...]
    recent: tuple[Fill, ...]
    first_order: int  # journal's number of the first one that counts
    orders: int
    last_fill_ns: int
    held: tuple[tuple[Symbol, Decimal, Decimal], ...] = ()  # quantity and average price


class Traded:
    """A security as the trades need it: what a unit is worth, and its newest price."""

    def __init__(self, symbol: Symbol, multiplier: Decimal) -> None:
        self.symbol = symbol
        self.contract_multiplier = multiplier
        self.source = None
        self.price = 0.0

    @property
    def properties(self) -> Traded:
        """What the trades multiply by."""
        return self


class LiveFigures:
    """Owns the figures of one run. `multiplier` says what one unit of a symbol stands for. One thread."""

    def __init__(self, multiplier: Callable[[Symbol], Decimal]) -> None:
        self._multiplier = multiplier
        self._trades = TradeBuilder()
        self._held: dict[Symbol, tuple[Decimal, Decimal]] = {}
        self._securities: dict[Symbol, Traded] = {}
        self._open_fills: deque[FillKey] = deque(maxlen=OPEN_FILLS)
        self._recent: OrderedDict[ExecutionId, Fill] = OrderedDict()
        self.profits: deque[TransactionRecord] = deque(maxlen=PROFITS_KEPT)
        self.days: deque[Day] = deque(maxlen=DAYS_KEPT)
        self.fees = self.volume = self._day_volume = ZERO
        self.first_order = self.orders = 0  # set by whoever knows the journal
        self.fills = 0  # taken in by this process
        self.last_fill_ns = 0

    # -- what happens ----------------------------------------------------------------------------------

    def hold(self, positions: Iterable[tuple[Symbol, Decimal, Decimal]]) -> None:
        """Take quantities and average prices as the account has them: splits and adjustments are in it."""
        self._held = {symbol: (quantity, price) for symbol, quantity, price in positions}

    def fill(self, symbol: Symbol, order: OrderId, fill: Fill) -> None:
        """Take in a trade; one that is known is left out, a later revision of it is put in its place."""
        known = self._recent.get(fill.execution_id)
        if known is not None and known.revision >= fill.revision:
            return
        self._recent[fill.execution_id] = fill
        if len(self._recent) > FILLS_REMEMBERED:
            self._recent.popitem(last=False)
        self.fills += 1
        self.last_fill_ns = max(self.last_fill_ns, fill.time_ns)
        security = self._security(symbol)
        if known is not None:
            self._correct(security, order, known, fill)
            return
        self._book(symbol, fill)
        self._take(security, order, fill)

    def charge(self, symbol: Symbol, order: OrderId, name: ExecutionId, fee: Decimal) -> None:
        """Take in what a trade cost in all, told after it; of a trade long ago it is left out."""
        known = self._recent.get(name)
        if known is not None and known.fee != fee:
            self._recent[name] = msgspec.structs.replace(known, fee=fee)
            self.fees += fee - known.fee
            self._trades.charge(symbol, order, fee - known.fee)

    def split(self, symbol: Symbol, factor: Decimal) -> None:
        """Count what is open in a symbol in new shares: prices times the factor."""
        self._trades.split(symbol, factor)

    def mark(self, price_of: Callable[[Symbol], float | None]) -> None:
        """Look at the newest price of every symbol with an open trade."""
        for symbol in self._trades.watched:
            price = price_of(symbol)
            if price is not None:
                self._security(symbol).price = price
        self._trades.mark_all()

    def midnight(self, day: Day) -> None:
        """Take in what a midnight found; the turnover is filled in here."""
        turnover = self._day_volume / day.equity if day.equity > 0 else ZERO
        self._day_volume = ZERO
        self.days.append(msgspec.structs.replace(day, turnover=turnover))

    # -- what may be asked -----------------------------------------------------------------------------

    @property
    def closed(self) -> list[Trade]:
        """Closed trades, oldest first."""
        return self._trades.closed

    def held(self, symbol: Symbol) -> tuple[Decimal, Decimal]:
        """Return quantity and average price."""
        return self._held.get(symbol, (ZERO, ZERO))

    # -- inside ----------------------------------------------------------------------------------------

    def _book(self, symbol: Symbol, fill: Fill) -> None:
        """Note profit, fee and volume of a trade, and what is held after it."""
        quantity, price = self.held(symbol)
        units = self._multiplier(symbol)
        value = abs(fill.quantity) * fill.price * units
        self.fees += fill.fee
        self.volume += value
        self._day_volume += value
        if quantity and (quantity > 0) != (fill.quantity > 0):
            closed = min(abs(quantity), abs(fill.quantity)) * (1 if quantity > 0 else -1)
            profit = (fill.price - price) * closed * units - 2 * fill.fee
            self.profits.append(TransactionRecord(fill.time_ns, symbol, profit))
        after = with_trade(quantity, price, fill.quantity, fill.price)
        if after[0]:
            self._held[symbol] = after
        else:
            self._held.pop(symbol, None)

    def _take(self, security: Traded, order: OrderId, fill: Fill) -> None:
        security.price = float(fill.price)
        self._trades.fill(security, order, fill, fill.fee)
        closed = self._trades.closed
        if len(closed) > TRADES_KEPT:
            del closed[: TRADES_KEPT // 10]
        if self._trades.has_open(security.symbol):
            self._open_fills.append((security.symbol, order, fill))
        else:
            left = [item for item in self._open_fills if item[0] is not security.symbol]
            self._open_fills.clear()
            self._open_fills.extend(left)

    def _correct(self, security: Traded, order: OrderId, old: Fill, new: Fill) -> None:
        self.fees += new.fee - old.fee
        self._trades.correct(security, order, old, new)
        self._open_fills = deque(
            (
                (symbol, number, new if fill.execution_id == old.execution_id else fill)
                for symbol, number, fill in self._open_fills
            ),
            maxlen=OPEN_FILLS,
        )

    def _security(self, symbol: Symbol) -> Traded:
        held = self._securities.get(symbol)
        if held is None:
            if len(self._securities) >= FILLS_REMEMBERED:
                self._securities = {each: self._securities[each] for each in self._trades.watched}
            held = self._securities[symbol] = Traded(symbol, self._multiplier(symbol))
        return held

    # -- restarts --------------------------------------------------------------------------------------

    def state(self) -> FiguresState:
        """Return everything, to be kept."""
        return FiguresState(
            trades=tuple(self._trades.closed),
            made=self._trades.log.made,
            profits=tuple(self.profits),
            days=tuple(self.days),
            fees=self.fees,
            volume=self.volume,
            day_volume=self._day_volume,
            open_fills=tuple(self._open_fills),
            recent=tuple(self._recent.values()),
            first_order=self.first_order,
            orders=self.orders,
            last_fill_ns=self.last_fill_ns,
            held=tuple((symbol, *held) for symbol, held in self._held.items()),
        )

    def load(self, state: FiguresState) -> None:
        """Go on where an earlier process stood. What open trades had seen of prices is forgotten."""
        for symbol, order, fill in state.open_fills:
            self._take(self._security(symbol), order, fill)
        self._trades.log.resume(state.trades, state.made)
        self.profits.extend(state.profits)
        self.days.extend(state.days)
        self.fees, self.volume, self._day_volume = state.fees, state.volume, state.day_volume
        self._recent.update((fill.execution_id, fill) for fill in state.recent)
        self.first_order, self.orders = state.first_order, state.orders
        self.last_fill_ns = state.last_fill_ns
        self.hold(state.held)


def run_facts(state: FiguresState, equity: list[Candle], start: Day, rate: RateOf) -> RunFacts:
    """Return what LEAN's statistics are computed from. `start` is the sample of the run's beginning."""
    days = (start, *state.days)
    return RunFacts(
        starting_equity=start.equity,
        equity=equity,
        returns=[Point(day.time_ns, day.return_pct) for day in days],
        benchmark=[Point(day.time_ns, from_float(day.benchmark or 0.0)) for day in days],
        turnover=[Point(day.time_ns, day.turnover) for day in days[1:]],
        transactions=state.profits,
        trades=state.trades,
        total_orders=state.orders,
        total_fees=state.fees,
        risk_free_rate=rate,
        trading_days=TRADING_DAYS,
    )
