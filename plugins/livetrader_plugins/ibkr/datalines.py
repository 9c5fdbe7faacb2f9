"""One request for market data at TWS: what is asked for a subscription, and who shares the answer.

Which stream serves what, and why: trades from the minute on come from IB's five-second bars, because these
are made of every trade, while quotes and last prices are sampled some four times a second; trades by the
second are made of those samples, since IB has no shorter bars; single trades come tick by tick, of which a
login has few. Delayed data exist as samples only. Quotes are always samples. Five-second bars take a line
of their own beside the quotes' one, and IB lets a client ask for sixty in ten minutes; who has many symbols
and few lines may have minutes made of samples (`trade_bars`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from livetrader_engine.data.subscription import Subscription, TickType
from livetrader_engine.spi import VenueError
from livetrader_engine.symbols import Resolution, SecurityType, Symbol
from livetrader_plugins.ibkr.datawords import Fate, Trouble
from livetrader_plugins.ibkr.library import Contract
from livetrader_plugins.ibkr.link import LinkState
from livetrader_plugins.ibkr.marketdata import Book

REALTIME_BAR_S: Final = 5  # IB makes them of no other length
NO_REQUEST: Final = -1  # not asked for yet, because the line to IB is down, or because it has to wait
NAMES_SHOWN: Final = 5  # of the symbols that share a trouble; a number says how many more there are
AGAIN_S: Final = 60.0  # after which a stream that has to wait (a competing session) is asked for again
DOUBLINGS: Final = 5  # of the time that silence may last
_WITHOUT_TRADES: Final = frozenset({SecurityType.FOREX, SecurityType.CFD})


class Kind(Enum):
    """What is asked of TWS."""

    QUOTES = "quotes"
    BARS = "five-second bars"
    TICKS = "trades"


Verb = tuple[str, str]  # methods of the library's Client: ask, cancel

VERBS: Final[dict[Kind, Verb]] = {
    Kind.QUOTES: ("reqMktData", "cancelMktData"),
    Kind.BARS: ("reqRealTimeBars", "cancelRealTimeBars"),
    Kind.TICKS: ("reqTickByTickData", "cancelTickByTickData"),
}


# How long a stream may say nothing while the market is open. IB sends bars every five seconds, traded or not.
SILENCE_S: Final = {Kind.BARS: 60.0, Kind.QUOTES: 300.0, Kind.TICKS: 900.0}


def kind_of(subscription: Subscription, *, delayed: bool, sampled: bool = False) -> Kind:
    """Return what serves a subscription. Raises VenueError, with what to do, where IB has nothing.

    `delayed`: everything is delayed data. `sampled`: bars of trades are made of samples, too.
    """
    symbol, kind = subscription.symbol, subscription.tick_type
    if kind is TickType.QUOTE:
        return Kind.QUOTES
    if kind is TickType.OPEN_INTEREST:
        raise VenueError(f"{symbol.value}: the ibkr feed delivers no open interest; unsubscribe from it")
    if symbol.security_type in _WITHOUT_TRADES:
        raise VenueError(f"{symbol.value}: IB tells no trades of it, only quotes; subscribe to quotes")
    if delayed or subscription.resolution is Resolution.SECOND:
        return Kind.QUOTES
    if subscription.resolution is Resolution.TICK:
        return Kind.TICKS
    return Kind.QUOTES if sampled else Kind.BARS


def shown_of(symbol: Symbol) -> str:
    """Return IB's whatToShow for the trades of a symbol."""
    return "AGGTRADES" if symbol.security_type is SecurityType.CRYPTO else "TRADES"


@dataclass(slots=True)
class DataLine:
    """One stream at TWS. The intake owns and changes it.

    `request_id` is NO_REQUEST while nothing is asked; each new question has a new one, so that what the old
    one still brings is told apart.
    """

    symbol: Symbol
    kind: Kind
    contract: Contract
    users: dict[Subscription, None] = field(default_factory=dict)
    request_id: int = NO_REQUEST
    book: Book = field(default_factory=Book)
    trouble: Trouble | None = None
    troubled_s: float = 0.0  # monotonic
    heard_s: float = 0.0  # monotonic: when it brought data, or was asked for, or could not bring any
    silences: int = 0  # how often it was asked for again because it brought nothing
    is_delayed: bool = False

    @property
    def waits(self) -> bool:
        """Whether it brings nothing for now, and is to be asked for again."""
        return self.trouble is not None and self.trouble.fate is Fate.WAITS

    def due(self, now_s: float, *, lost: bool) -> str:
        """Return why it is to be asked for again, "" where it is not. `lost`: IB has forgotten it.

        IB was seen to deliver nothing any more though it said that all is well; so silence counts, too, ever
        more slowly.
        """
        if lost:
            return "lost"
        if self.request_id == NO_REQUEST:
            return "not asked for"
        if self.trouble is not None and self.trouble.fate is not Fate.GOES_ON:
            return "waited" if self.waits and now_s - self.troubled_s >= AGAIN_S else ""
        limit_s = SILENCE_S[self.kind] * 2 ** min(self.silences, DOUBLINGS)
        return "silent" if now_s - self.heard_s >= limit_s else ""

    def question(self, request_id: int) -> tuple[object, ...]:
        """Return the method and the arguments that ask for it."""
        ask = VERBS[self.kind][0]
        match self.kind:
            case Kind.QUOTES:
                return ask, request_id, self.contract, "", False, False, []
            case Kind.BARS:
                return ask, request_id, self.contract, REALTIME_BAR_S, shown_of(self.symbol), False, []
            case Kind.TICKS:
                return ask, request_id, self.contract, "Last", 0, False

    def delivers(self, now_s: float) -> None:
        """Take note that it brings data: whatever it had to wait for is over."""
        self.heard_s = now_s
        self.silences = 0
        if self.waits:
            self.trouble = None

    def renew(self, request_id: int, now_s: float) -> None:
        """Begin anew: what was heard before says nothing about what comes."""
        self.request_id = request_id
        self.heard_s = now_s
        self.book = Book(counts_volume=self.symbol.security_type is not SecurityType.INDEX)
        self.trouble = None
        self.is_delayed = False


def words_of(link: LinkState, lines: Iterable[DataLine]) -> str:
    """Return what is wrong with a connection and its lines, for people, with what to do; "" for nothing."""
    said = [] if link.up else ["TWS has lost its line to IB (1100): no data until it is back"]
    if link.broken_farms:
        said.append(f"IB's data farms are down: {', '.join(link.broken_farms)}; IB mends them")
    symbols: dict[str, set[str]] = {}
    for line in lines:
        if line.trouble is not None:
            words = f"{line.trouble.words} ({line.trouble.code})"
            symbols.setdefault(words, set()).add(line.symbol.value)
    for words, names in symbols.items():
        shown = sorted(names)[:NAMES_SHOWN]
        more = f" and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
        said.append(f"{', '.join(shown)}{more}: {words}")
    return "; ".join(said)
