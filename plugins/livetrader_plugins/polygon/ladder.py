"""What a stream can be made of, best first: trades, else bars of seconds, else bars of minutes.

Which of them Polygon delivers depends on the plan: what it refuses is not asked for again in a connection,
and the stream goes one rung down. Pure.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, Literal

from livetrader_engine.data.subscription import Subscription, TickType
from livetrader_engine.errors import DataError
from livetrader_engine.symbols import Resolution, SecurityType

MadeFrom = Literal["trades", "seconds", "minutes"]

QUOTE: Final = "Q"
TRADE: Final = "T"
VALUE: Final = "V"  # of an index: it has no trades
SECOND: Final = "A"
MINUTE: Final = "AM"
_BEGINNING: Final[dict[MadeFrom, int]] = {"trades": 0, "seconds": 1, "minutes": 2}


def rungs_of(subscription: Subscription, made_from: MadeFrom) -> tuple[str, ...]:
    """Return the kinds of events that can make a stream, best first. Raises DataError where none can."""
    of_index = subscription.symbol.security_type is SecurityType.INDEX
    name = subscription.symbol.value
    if subscription.tick_type is TickType.OPEN_INTEREST:
        raise DataError(f"{name}: Polygon streams no open interest; it is history's")
    if subscription.tick_type is TickType.QUOTE:
        if of_index:
            raise DataError(f"{name}: an index has no quotes, only values: subscribe to its trades")
        return (QUOTE,)
    rungs = (VALUE if of_index else TRADE, SECOND, MINUTE)
    finest = min(int(subscription.resolution), int(Resolution.MINUTE))  # no bar is made of longer ones
    usable = rungs[: finest + 1]
    return usable[min(_BEGINNING[made_from], finest) :]


def rung_below(rungs: tuple[str, ...], refused: Collection[str], rung: str = "") -> str:
    """Return the best rung below one that is not refused, "" where there is none; below "" are all."""
    below = rungs[rungs.index(rung) + 1 :] if rung else rungs
    return next((each for each in below if each not in refused), "")
