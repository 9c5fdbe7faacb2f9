"""What IB's errors mean for a stream of market data: over, for later, or only worth a word. A table.

None of them ends the feed. Whoever reads the status learns what to do.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final, NamedTuple

from livetrader_plugins.ibkr import codes


class Fate(Enum):
    """What becomes of the stream."""

    GOES_ON = auto()  # it is, or will be, delivered
    WAITS = auto()  # not now: it is asked for again
    OVER = auto()  # not until somebody has done something


class Trouble(NamedTuple):
    """An error of a stream, with what to do about it."""

    code: int
    fate: Fate
    words: str


_SUBSCRIBE: Final = (
    "the login has no market data subscription for it; buy one in IB's Client Portal (a paper account "
    "shares those of its live account), or set [feed] delayed_data = true"
)
_DELAYED: Final = "comes 15 minutes late: the login has no live subscription for it"
_PACE: Final = (
    "IB lets a client ask for 60 streams of five-second bars in ten minutes; it is asked for again soon, "
    'and trade_bars = "samples" does without them'
)
REALTIME_BARS: Final = 420
_TABLE: Final[dict[int, tuple[Fate, str]]] = {
    101: (Fate.OVER, "TWS has no market data line left: other programs and watch lists use them, too; close "
          "those, lower [feed] market_data_lines and subscribe to less, or buy quote boosters"),
    200: (Fate.OVER, "IB does not know the contract any more; it may have expired"),
    354: (Fate.OVER, _SUBSCRIBE),
    420: (Fate.OVER, "IB refuses real-time bars of it: " + _SUBSCRIBE),
    10089: (Fate.OVER, _SUBSCRIBE),
    10090: (Fate.GOES_ON, "a part of what was asked for needs another subscription; the rest is delivered"),
    10167: (Fate.GOES_ON, _DELAYED),
    10168: (Fate.OVER, _SUBSCRIBE),
    10186: (Fate.OVER, "the login has no subscription for it, and it cannot be had delayed either"),
    10189: (Fate.OVER, "IB refuses tick-by-tick data of it; ask for seconds instead of ticks"),
    10190: (Fate.OVER, "IB allows no more tick-by-tick streams (few per login); ask for seconds instead"),
    10197: (Fate.WAITS, "another session of the same login takes the market data; log out of the other TWS, "
            "app or website, or give the daemon a user of its own"),
    10225: (Fate.WAITS, "IB has taken real-time bars back because the line was busy"),
}  # fmt: skip
# Answers to a cancel of what is over already.
_NOTHING: Final = frozenset({300, 310, 366, 10182})


def trouble_of(code: int, text: str) -> Trouble | None:
    """Return what an error means for the stream it came with; None where it means nothing.

    What is not listed ends the stream only if it is a failure of a request: see codes.py.
    """
    if code in _NOTHING:
        return None
    if code == REALTIME_BARS and "pacing" in text.lower():
        return Trouble(code, Fate.WAITS, _PACE)
    if code in _TABLE:
        fate, words = _TABLE[code]
        return Trouble(code, fate, words)
    meaning = codes.meaning_of(code, codes.Subject.REQUEST)
    if meaning is codes.Meaning.FAILED:
        return Trouble(code, Fate.OVER, text)
    if meaning in {codes.Meaning.LINK, codes.Meaning.FARM, codes.Meaning.INFORMATION}:
        return None
    return Trouble(code, Fate.GOES_ON, text)
