"""What data must be like before an algorithm may see them; what is not goes into quarantine, and is counted.

Rule 1: a trade has a price above zero and a size that is not negative; a quote has a bid not above its ask,
or one side. Prices may be negative where the kind of security knows such prices (futures).
Rule 2: a tick's time lies between `oldest_s` before our clock and `ahead_s` after it.
Rule 3: a trade whose number was heard already is not heard again; a quote neither. Nor is one of which
nobody knows any more: history tells its bar.
Rule 4: a price further than `band` from the newest believed one is held back. It is released, with those
before it, when `confirmations` prices in a row agree with it; it is dropped when the next price is where the
market was. A believed price older than `reference_s` holds nothing back: the market may have moved.
Rule 5: what a trade updates (`ALL`, or bits of it) is the tape's word, not ours: a trade that makes no price
is neither held back nor believed.

Pure but for its own state: times are UTC nanoseconds and come in. One owner, the feed.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Sequence
from typing import Final, Generic, NamedTuple, TypeVar

import msgspec

from livetrader_engine.symbols import NS_PER_SECOND, SecurityType, Symbol

OPEN_CLOSE: Final = 1  # bits of what a trade updates; what sets open and close sets high and low as well
HIGH_LOW: Final = 2
VOLUME: Final = 4
FORM_T: Final = 8  # everything outside the regular session, volume inside: a report of extended hours
CANCELS: Final = 16  # nothing but this: it takes an earlier trade back
ALL: Final = OPEN_CLOSE | HIGH_LOW | VOLUME
_PRICES: Final = OPEN_CLOSE | HIGH_LOW | FORM_T

PRICE_LIMIT: Final = 1e12  # nothing costs more; Berkshire Hathaway costs less than 1e6
SIZE_LIMIT: Final = 1e15  # no volume is larger; floats count ones up to 9e15
NUMBERS_KEPT: Final = 512  # of the newest trades of a symbol: what is repeated is among them
RENUMBERED_NS: Final = 60 * NS_PER_SECOND  # a smaller number so much later begins a new count: another day
NEWEST_KEPT: Final = 100  # refusals that are kept to be explained
_SAME_PRICE: Final = 0.05  # a price in another unit is so near to the one before, times the factor
_SMALLEST: Final = math.ulp(0.0)  # the least number above zero

SIGNED: Final = frozenset({SecurityType.FUTURE, SecurityType.FUTURE_OPTION, SecurityType.BASE})
JUMPY: Final = frozenset({SecurityType.OPTION, SecurityType.INDEX_OPTION, SecurityType.FUTURE_OPTION})

NOT_A_PRICE: Final = "not a price"
NOT_A_SIZE: Final = "not a size"
NOT_A_BAR: Final = "not a bar"
NO_SIDE: Final = "neither bid nor ask"
CROSSED: Final = "bid above ask"
TOO_WIDE: Final = "bid and ask too far apart"
OFF_MARKET: Final = "off the market"
REPEATED: Final = "repeated"
OUT_OF_ORDER: Final = "too far out of order"
TOO_OLD: Final = "too old"
AHEAD: Final = "ahead of the clock"
WRONG_UNIT: Final = "time in another unit"
# Nobody knows what such a trade would have done to its bar, or to which: the bar is history's to tell.
DOUBTFUL: Final = frozenset({NOT_A_PRICE, NOT_A_SIZE, WRONG_UNIT, AHEAD, OUT_OF_ORDER})
REASONS: Final = frozenset({
    NOT_A_PRICE, NOT_A_SIZE, NOT_A_BAR, NO_SIDE, CROSSED, TOO_WIDE, OFF_MARKET, REPEATED, OUT_OF_ORDER,
    TOO_OLD, AHEAD, WRONG_UNIT,
})  # fmt: skip


class QualityLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is believed; the settings' `[quality]`.

    `band`: how far a price may be from the newest believed one, as a part of it (0.2: 20 %); `option_band`
    for options, whose premiums jump; 0 lets every distance pass. `confirmations`: so many prices in a row
    make a new level believed. `reference_s`: how long a believed price is one. `spread`: the distance of bid
    and ask as a part of their mid, not for options; 0 lets every distance pass. `ahead_s`, `oldest_s`: how
    far a time may lie ahead of our clock, and behind it.
    """

    band: float = 0.2
    option_band: float = 0.0
    confirmations: int = 3
    reference_s: float = 60.0
    spread: float = 1.0
    ahead_s: float = 5.0
    oldest_s: float = 3600.0

    def __post_init__(self) -> None:
        """Raise ValueError for a limit that cannot be meant."""
        for name in ("band", "option_band"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} is a part of the price, at least 0 and below 1")
        for name in ("reference_s", "spread", "ahead_s"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must not be negative")
        if not self.oldest_s > 0:
            raise ValueError("oldest_s must be above 0")
        if not 1 <= self.confirmations <= 100:
            raise ValueError("confirmations must be 1 to 100")

    def band_of(self, symbol: Symbol) -> float:
        """Return the band of a symbol's prices."""
        return self.option_band if symbol.security_type in JUMPY else self.band


class Refused(NamedTuple):
    """One thing that did not pass: why, whose, of when (UTC ns), and what it was."""

    reason: str
    symbol: Symbol
    time_ns: int
    what: str


class Quarantine:
    """What did not pass: counted by reason, the newest kept to be explained. Bounded. One owner, the feed.

    `released` counts prices that were held back and believed later.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()  # its keys are REASONS
        self.newest: deque[Refused] = deque(maxlen=NEWEST_KEPT)
        self.released = 0

    @property
    def total(self) -> int:
        """How much did not pass."""
        return self.counts.total()

    def add(self, reason: str, symbol: Symbol, time_ns: int, what: str) -> None:
        """Count one that did not pass."""
        self.counts[reason] += 1
        self.newest.append(Refused(reason, symbol, time_ns, what))


class VenueClock:
    """The times that ticks of one connection may have, and how far the exchange's clock has come.

    `looked_ns`: our clock when something of the connection was last handled. `newest_ns`: the newest exchange
    time of a tick that passed. `forgotten_ns`: up to this time gates may not know any more what has passed.
    Slots, no properties: gates read and write it with every tick.
    """

    __slots__ = (
        "ahead_ns", "earliest_ns", "forgotten_ns", "latest_ns", "looked_ns", "newest_ns", "oldest_ns",
    )  # fmt: skip

    def __init__(self, limits: QualityLimits) -> None:
        self.ahead_ns = int(limits.ahead_s * NS_PER_SECOND)
        self.oldest_ns = int(limits.oldest_s * NS_PER_SECOND)
        self.looked_ns = self.earliest_ns = self.latest_ns = self.newest_ns = self.forgotten_ns = 0

    def look(self, now_ns: int) -> None:
        """Say what time it is: before each batch of what was received."""
        self.looked_ns = now_ns
        self.earliest_ns = now_ns - self.oldest_ns
        self.latest_ns = now_ns + self.ahead_ns

    def fault(self, time_ns: int) -> str | None:
        """Return why a time cannot be believed, None where it can."""
        if self.earliest_ns <= time_ns <= self.latest_ns:
            return None
        for factor in (1_000, 1_000_000, NS_PER_SECOND):  # micro-, milliseconds and seconds said as ns
            if self.earliest_ns <= time_ns * factor <= self.latest_ns:
                return WRONG_UNIT
            if self.earliest_ns <= time_ns // factor <= self.latest_ns:
                return WRONG_UNIT
        return AHEAD if time_ns > self.latest_ns else TOO_OLD


class HeldTrade(NamedTuple):
    """A trade off the market, until others agree with it or do not."""

    time_ns: int
    sequence: int
    price: float
    size: float
    updates: int


class HeldQuote(NamedTuple):
    """A quote off the market; `price` is its mid."""

    time_ns: int
    sequence: int
    price: float
    bid: float
    bid_size: float
    ask: float
    ask_size: float


Held = TypeVar("Held", HeldTrade, HeldQuote)


class _Gate(Generic[Held]):
    """What gates of trades and of quotes share: the believed price, and what is held against it.

    `low`, `high`: prices within them pass without a second look; they lie half a band around the price they
    were made for, so that two prices within them are never further apart than the band. Whoever lets one pass
    so keeps `sequence`, `last` and `last_ns`.
    """

    __slots__ = (
        "_band", "_confirmations", "_held", "_least", "_quarantine", "_reference_ns",
        "clock", "high", "last", "last_ns", "low", "refused", "sequence", "symbol",
    )  # fmt: skip

    def __init__(
        self, symbol: Symbol, limits: QualityLimits, clock: VenueClock, quarantine: Quarantine
    ) -> None:
        self.symbol = symbol
        self.clock = clock
        self.sequence = -1  # of the newest that passed
        self.refused = ""  # why the newest that did not pass did not
        self.last = 0.0  # the newest believed price, and its time
        self.last_ns = 0
        self.low, self.high = math.inf, -math.inf  # nothing passes unseen before there is a price
        self._band = limits.band_of(symbol)
        self._least = -PRICE_LIMIT if symbol.security_type in SIGNED else _SMALLEST
        self._confirmations = limits.confirmations
        self._reference_ns = int(limits.reference_s * NS_PER_SECOND)
        self._quarantine = quarantine
        self._held: list[Held] = []

    def refuse(self, reason: str, time_ns: int, what: str) -> None:
        """Count one that does not pass."""
        self.refused = reason
        self._quarantine.add(reason, self.symbol, time_ns, what)

    def believe(self, time_ns: int, price: float) -> None:
        """Take a price as the market's; what was held against the one before is dropped."""
        self._held.clear()
        self.last, self.last_ns = price, time_ns
        if not self._band:
            self.low, self.high = self._least, PRICE_LIMIT
            return
        half = abs(price) * self._band / 2
        self.low, self.high = max(price - half, self._least), min(price + half, PRICE_LIMIT)

    def _judged(self, point: Held) -> tuple[Held, ...]:
        """Return what passes of a price and of those held before it."""
        held, time_ns, price = self._held, point.time_ns, point.price
        if self._is_near(time_ns, price):
            if time_ns >= self.last_ns or held:
                self.believe(max(time_ns, self.last_ns), price)
            return (point,)
        if held and abs(price - held[-1].price) > abs(held[-1].price) * self._band:
            held.clear()
        held.append(point)
        if len(held) < self._confirmations:
            self._hold(time_ns, price)
            return ()
        passing = tuple(held)
        self._quarantine.released += len(passing) - 1
        self.believe(max(time_ns, self.last_ns), price)
        return passing

    def _is_near(self, time_ns: int, price: float) -> bool:
        """Return whether a price can be the market's, as far as the believed one tells."""
        if not self._band or not self.last or time_ns - self.last_ns > self._reference_ns:
            return True
        return abs(price - self.last) <= abs(self.last) * self._band

    def _hold(self, time_ns: int, price: float) -> None:
        """Have nothing pass unseen while something is held, and say what is."""
        self.low, self.high = math.inf, -math.inf
        away = abs(price - self.last) / abs(self.last) if self.last else math.inf
        unit = _unit_apart(price, self.last)
        words = f"{price!r} after {self.last!r}: {away:.1%} away, the band is {self._band:.0%}{unit}"
        self.refuse(OFF_MARKET, time_ns, words)


def _unit_apart(price: float, last: float) -> str:
    """Return what to say where a price looks like the last one in another unit, "" where it does not."""
    for factor in (100.0, 1_000.0, 10_000.0):
        for times in (factor, 1 / factor):
            if last and abs(price - last * times) <= abs(last * times) * _SAME_PRICE:
                return f"; it looks like the price times {times:g}: another unit?"
    return ""


class TradeGate(_Gate[HeldTrade]):
    """Whether the trades of one symbol can be believed. Mutable state: the newest trades."""

    __slots__ = ("_numbers",)

    def __init__(
        self, symbol: Symbol, limits: QualityLimits, clock: VenueClock, quarantine: Quarantine
    ) -> None:
        super().__init__(symbol, limits, clock, quarantine)
        self._numbers: deque[int] = deque(maxlen=NUMBERS_KEPT)

    @property
    def remember(self) -> deque[int]:
        """The numbers of the newest trades that passed; whoever lets one pass unseen appends its own."""
        return self._numbers

    def recall(self, numbers: Sequence[int]) -> None:
        """Remember trades that passed unseen, the oldest first: before one below the newest is judged."""
        kept = self._numbers
        if kept and numbers and numbers[0] < kept[-1]:  # others were judged in between
            numbers = sorted({*kept, *numbers})
            kept.clear()
        kept.extend(numbers)

    def admit(
        self, time_ns: int, sequence: int, price: float, size: float, updates: int
    ) -> tuple[HeldTrade, ...] | None:
        """Judge a trade; return what may pass now (it, and those it releases), None for nothing.

        `sequence` is the venue's number, ascending within a day; where it has none the caller counts.
        """
        if (fault := self._fault_of(time_ns, price, size)) is not None:
            self.refuse(fault, time_ns, f"{size!r} at {price!r}; our clock {self.clock.looked_ns}")
            return None
        if sequence <= self.sequence and not self._is_new(time_ns, sequence):
            return None
        self._numbers.append(sequence)
        if sequence > self.sequence or (time_ns > self.last_ns and not self._held):
            self.sequence = sequence  # a smaller number of a later time: the one before was none
        trade = HeldTrade(time_ns, sequence, price, size, updates)
        if updates & _PRICES:
            passing = self._judged(trade)
            if not passing:
                return None
        else:
            passing = (trade,)
            self.last_ns = max(self.last_ns, time_ns)
        if time_ns > self.clock.newest_ns:
            self.clock.newest_ns = time_ns
        return passing

    def _fault_of(self, time_ns: int, price: float, size: float) -> str | None:
        if not self._least <= price <= PRICE_LIMIT or not price:
            return NOT_A_PRICE
        if not 0.0 <= size <= SIZE_LIMIT:
            return NOT_A_SIZE
        return self.clock.fault(time_ns)

    def _is_new(self, time_ns: int, sequence: int) -> bool:
        """Return whether a trade with a number that is not above the newest was not heard before."""
        if time_ns - self.last_ns > RENUMBERED_NS:
            self._numbers.clear()
            return True
        if sequence == self.sequence or sequence in self._numbers:
            self.refuse(REPEATED, time_ns, f"number {sequence}")
            return False
        is_below_all = len(self._numbers) == NUMBERS_KEPT and sequence < self._numbers[0]
        if time_ns > self.last_ns or not (is_below_all or time_ns <= self.clock.forgotten_ns):
            return True  # what is told again is not younger than what was heard
        if is_below_all:
            self._numbers.popleft()  # a number far ahead of all, heard once, must not shut out the others
        self.refuse(OUT_OF_ORDER, time_ns, f"number {sequence} after {self.sequence}")
        return False


class QuoteGate(_Gate[HeldQuote]):
    """Whether the quotes of one symbol can be believed. Mutable state: the newest mid."""

    __slots__ = ("_spread",)

    def __init__(
        self, symbol: Symbol, limits: QualityLimits, clock: VenueClock, quarantine: Quarantine
    ) -> None:
        super().__init__(symbol, limits, clock, quarantine)
        self._spread = math.inf if symbol.security_type in JUMPY or not limits.spread else limits.spread

    def admit(
        self, time_ns: int, sequence: int, bid: float, bid_size: float, ask: float, ask_size: float
    ) -> tuple[HeldQuote, ...] | None:
        """Judge a quote; return what may pass now, None for nothing. A side that is 0 is not there."""
        fault = self._fault_of(bid, bid_size, ask, ask_size) or self.clock.fault(time_ns)
        if fault is None and sequence == self.sequence and time_ns - self.last_ns <= RENUMBERED_NS:
            fault = REPEATED
        if fault is not None:
            words = f"bid {bid!r} x {bid_size!r}, ask {ask!r} x {ask_size!r}; number {sequence}"
            self.refuse(fault, time_ns, f"{words}; our clock {self.clock.looked_ns}")
            return None
        if sequence > self.sequence or time_ns - self.last_ns > RENUMBERED_NS:
            self.sequence = sequence
        mid = (bid + ask) / 2 if bid and ask else bid or ask
        passing = self._judged(HeldQuote(time_ns, sequence, mid, bid, bid_size, ask, ask_size))
        if passing and time_ns > self.clock.newest_ns:
            self.clock.newest_ns = time_ns
        return passing or None

    def _fault_of(self, bid: float, bid_size: float, ask: float, ask_size: float) -> str | None:
        least = self._least
        if not (least <= bid <= PRICE_LIMIT or bid == 0) or not (least <= ask <= PRICE_LIMIT or ask == 0):
            return NOT_A_PRICE
        if not 0.0 <= bid_size <= SIZE_LIMIT or not 0.0 <= ask_size <= SIZE_LIMIT:
            return NOT_A_SIZE
        if not bid and not ask:
            return NO_SIDE
        if bid and ask:
            if bid > ask:
                return CROSSED
            if ask - bid > self._spread * abs(ask + bid) / 2:
                return TOO_WIDE
        return None
