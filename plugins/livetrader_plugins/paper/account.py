"""The books of the paper account: what is held, what it is worth, and the newest prices. No I/O, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

from livetrader_engine.data.bars import MarketPoint
from livetrader_engine.events import PositionRecord
from livetrader_engine.orders.order import Fill
from livetrader_engine.portfolio.portfolio import Portfolio
from livetrader_engine.ports import ReferenceData
from livetrader_engine.securities import Security, SecurityManager
from livetrader_engine.spi import CashChanged, ExecutionReport, StopMoved
from livetrader_engine.symbols import NS_PER_HOUR, Symbol
from livetrader_plugins.paper.store import Statement, StoredAccount, set_cash, set_meta, set_position

REWIND_NS: Final = NS_PER_HOUR  # a first step this much older than the last mark is another tape


class Outcome:
    """What one call did: `statements` and `points` to write, then `reports` and `cash` to tell."""

    __slots__ = ("cash", "points", "reports", "statements")

    def __init__(self) -> None:
        self.statements: list[Statement] = []
        self.reports: list[ExecutionReport | StopMoved] = []
        self.cash: list[CashChanged] = []
        self.points: list[MarketPoint] = []


class Account:
    """Cash, positions and the prices they are valued at. Owned by the venue; knows nothing of orders.

    Its time is that of the newest data (`market_ns`), so an account without a feed stands still at its last
    mark. A mark is the newest point of a symbol: what a restart without a feed trades on.
    """

    def __init__(self, currency: str, reference: ReferenceData, stored: StoredAccount) -> None:
        """Rebuild the books. Looks symbols up, which may read files: call it in a thread."""
        self.market_ns = stored.market_ns
        self.securities = SecurityManager()
        self.portfolio = Portfolio(self.securities, account_currency=currency)
        self._reference = reference
        self._observed = False  # any data in this session
        self._dirty: set[Symbol] = set()  # marks not written yet
        symbols = [item.symbol for item in stored.positions] + [point.symbol for point in stored.marks]
        for symbol in symbols:
            self.learn(symbol)
        held = {item.symbol: (item.quantity, item.average_price) for item in stored.positions}
        self.portfolio.load(stored.cash, held)
        self.securities.update(stored.marks)

    def knows(self, symbol: Symbol) -> bool:
        """Return whether the symbol's hours and properties are at hand."""
        return symbol in self.securities

    def learn(self, symbol: Symbol) -> None:
        """Look the symbol up. May read files: call it in a thread. Raises DataError for an unknown one."""
        hours, properties = self._reference.hours(symbol), self._reference.properties(symbol)
        self.securities.add(Security(symbol, properties, hours))

    def observe(self, points: Sequence[MarketPoint], now_ns: int) -> None:
        """Take in the prices of an instant. A tape that begins again over an old account is followed."""
        if points and not self._observed:
            self._observed = True
            if now_ns < self.market_ns - REWIND_NS:
                self.market_ns = 0
                forget_market(self.securities.values())
        self.market_ns = max(self.market_ns, now_ns)
        self.securities.update(points)
        for point in points:
            self._dirty.add(point.symbol)

    def book(self, symbol: Symbol, fill: Fill, outcome: Outcome) -> None:
        """Change cash and the position by a fill; both, and the symbol's mark, are to be written with it."""
        self.portfolio.apply_fill(symbol, fill)
        self.portfolio.transactions.clear()  # the engine keeps those records; here nobody reads them
        held = self.portfolio[symbol]
        outcome.statements.append(set_position(symbol, held.quantity, held.average_price))
        outcome.cash = [CashChanged(fill.time_ns, name, amount) for name, amount in self.cash().items()]
        outcome.statements += [set_cash(name, amount) for name, amount in self.cash().items()]
        self.note_mark(symbol, outcome)

    def note_mark(self, symbol: Symbol, outcome: Outcome) -> None:
        """Have the newest prices of a symbol written, and the market's time."""
        outcome.points += marks_of(self.securities.get(symbol))
        outcome.statements.append(set_meta("market_ns", self.market_ns))
        self._dirty.discard(symbol)

    def note_marks(self, outcome: Outcome) -> None:
        """Have all prices written that are newer than on disk, and the market's time."""
        outcome.statements.append(set_meta("market_ns", self.market_ns))
        for symbol in self._dirty:
            outcome.points += marks_of(self.securities.get(symbol))
        self._dirty.clear()

    def positions(self) -> tuple[PositionRecord, ...]:
        """Return the positions that are not flat."""
        return tuple(
            PositionRecord(held.symbol, held.quantity, held.average_price)
            for held in self.portfolio.holdings()
        )

    def cash(self) -> dict[str, Decimal]:
        """Return the balances by currency."""
        return self.portfolio.cash.amounts()


def marks_of(security: Security | None) -> list[MarketPoint]:
    """Return the newest points of a security: what a restart without a feed trades on."""
    if security is None:
        return []
    newest = (security.trade_bar, security.quote_bar, security.trade_tick, security.quote_tick)
    return [point for point in newest if point is not None]


def forget_market(securities: Iterable[Security]) -> None:
    """Make securities take older prices than they have: a replay begins again over an old account."""
    for security in securities:
        security.trade_bar = security.quote_bar = None
        security.trade_tick = security.quote_tick = None
