"""Which instrument shows how current history is, where no other stream can: one that trades all the time.

A history that stands still together with the feed looks like a quiet market. Where it has something new of
another stream of the same tape, it does not stand still. Where nothing else is heard, a witness is asked
for: SPY for stocks, the euro for currencies. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from livetrader_engine.data.subscription import Subscription, TickType
from livetrader_engine.subscriptions import tick_types
from livetrader_engine.symbols import Resolution, SecurityType, Symbol

# Contracts of options and futures end, so none of them can be named for good.
KINDS: Final = {
    kind.name.lower(): kind
    for kind in (
        SecurityType.EQUITY, SecurityType.FOREX, SecurityType.CFD, SecurityType.CRYPTO,
        SecurityType.INDEX, SecurityType.CRYPTO_FUTURE,
    )
}  # fmt: skip


class Tape(NamedTuple):
    """What is told together: a history that has the newest of one of its instruments has it of all."""

    kind: SecurityType
    market: str


def tape_of(symbol: Symbol) -> Tape:
    """Return the tape that an instrument is on."""
    return Tape(symbol.security_type, symbol.market)


def witnesses_of(words: Iterable[str]) -> dict[Tape, str]:
    """Return the ticker of each tape's witness, of words like "equity/usa/SPY".

    Raises ValueError for words that are none, and for a second witness of a tape.
    """
    tickers: dict[Tape, str] = {}
    for word in words:
        kind, *rest = word.split("/")
        if kind not in KINDS or len(rest) != 2 or not all(rest):
            known = ", ".join(KINDS)
            raise ValueError(f"{word!r} is no kind/market/ticker like equity/usa/SPY; kinds are {known}")
        tape = Tape(KINDS[kind], rest[0].lower())
        if tape in tickers:
            raise ValueError(f"{word!r}: {tickers[tape]} is the witness of {kind}/{tape.market} already")
        tickers[tape] = rest[1].upper()
    return tickers


def watched_as(symbol: Symbol) -> Subscription:
    """Return as what history is asked for a witness: its trades by the second, else its quotes, all day."""
    kinds = tick_types(symbol.security_type, Resolution.SECOND)
    kind = TickType.TRADE if TickType.TRADE in kinds else TickType.QUOTE
    return Subscription(symbol, Resolution.SECOND, kind, fill_forward=False, extended_market_hours=True)
