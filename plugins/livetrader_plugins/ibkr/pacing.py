"""When IB lets a client ask: the pace of historical requests, and the market data lines.

IB's rules for historical data: not the same request within 15 seconds; not six or more for the same
contract, exchange and kind of data within two; not more than 60 in ten minutes, where bid-and-ask counts
twice; 50 at a time. Whoever breaks one gets error 162 "pacing violation", or is cut off. Source:
interactivebrokers.github.io/tws-api/historical_limitations.html.

Messages in general have a limit, too; that is the session's business (throttle.py).

Everything here is arithmetic on times that are passed in (monotonic seconds). A planner has one owner.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Final, NamedTuple

from livetrader_engine.spi import VenueError

MARGIN_S: Final = 0.25  # IB counts when requests arrive; what was sent apart may arrive closer together
COOL_DOWN_S: Final = 30.0  # all requests rest so long after a pacing violation, twice as long after the next
COOL_DOWN_MAX_S: Final = 600.0  # IB's window: whatever was asked before, by whomever, is out of it then
BOTH_SIDES: Final = "BID_ASK"  # a request for it counts twice


@dataclass(frozen=True, slots=True)
class HistoryLimits:
    """IB's rules; `per_window` 0 means that the number in a window is not limited."""

    per_window: int = 60
    window_s: float = 600.0
    identical_s: float = 15.0
    same_contract: int = 5
    same_contract_s: float = 2.0
    concurrent: int = 50


class Ask(NamedTuple):
    """One historical request as far as its pace is concerned; equal asks are identical requests."""

    contract_id: int
    exchange: str
    what: str  # TRADES, BID_ASK, ADJUSTED_LAST, MIDPOINT
    bar_size: str
    duration: str
    end: str  # "" is now
    regular_hours: bool

    @property
    def weight(self) -> int:
        """How many requests IB counts it as."""
        return 2 if self.what == BOTH_SIDES else 1

    @property
    def stream(self) -> tuple[int, str, str]:
        """What six requests in two seconds may not share."""
        return self.contract_id, self.exchange, self.what


class HistoryPacing:
    """Says how long a historical request has to wait. Told of each one sent and ended.

    It sends nothing and waits for nothing; its owner is the history's loop.
    """

    def __init__(self, limits: HistoryLimits | None = None) -> None:
        self._limits = limits or HistoryLimits()
        self._sent: deque[tuple[float, Ask]] = deque()  # bounded by what its rules let through
        self._active = 0
        self._resting_until_s = -math.inf
        self._violations = 0  # since the last answer

    @property
    def active(self) -> int:
        """How many requests are sent and not ended."""
        return self._active

    def wait_s(self, ask: Ask, now_s: float) -> float:
        """Return seconds until this request may be sent, 0 for at once.

        Infinity: only the end of another one makes room.
        """
        limits = self._limits
        if self._active >= limits.concurrent:
            return math.inf
        self._forget(now_s)
        ready_s = max(
            self._resting_until_s,
            self._window_free_s(ask.weight),
            self._stream_free_s(ask),
            max((at_s + limits.identical_s for at_s, other in self._sent if other == ask), default=-math.inf)
            + MARGIN_S,
        )
        return max(0.0, ready_s - now_s)

    def sent(self, ask: Ask, now_s: float) -> None:
        """Take note of a request that was sent."""
        self._sent.append((now_s, ask))
        self._active += 1

    def ended(self) -> None:
        """Take note that a request has been answered, refused or cancelled."""
        assert self._active > 0, "a request ended that was never sent"
        self._active -= 1

    def answered(self) -> None:
        """Take note that IB has answered: what it found too fast is over."""
        self._violations = 0

    def violated(self, now_s: float) -> None:
        """Let everything rest: IB has answered that the pace was too fast.

        The requests may be those of another program, or of a process before this one.
        """
        rest_s = COOL_DOWN_S * 2**self._violations
        self._resting_until_s = now_s + min(rest_s, COOL_DOWN_MAX_S)
        self._violations += 1

    def _window_free_s(self, weight: int) -> float:
        """Return when the window has room for `weight` more."""
        limits = self._limits
        excess = sum(ask.weight for _, ask in self._sent) + weight - limits.per_window
        if limits.per_window <= 0:
            return -math.inf
        free_s = -math.inf
        for at_s, ask in self._sent:
            if excess <= 0:
                break
            free_s = at_s + limits.window_s + MARGIN_S
            excess -= ask.weight
        return free_s

    def _stream_free_s(self, ask: Ask) -> float:
        """Return when the stream has room for one more."""
        limits = self._limits
        times = [at_s for at_s, other in self._sent if other.stream == ask.stream]
        if len(times) < limits.same_contract:
            return -math.inf
        return times[-limits.same_contract] + limits.same_contract_s + MARGIN_S

    def _forget(self, now_s: float) -> None:
        longest_s = max(self._limits.window_s, self._limits.identical_s, self._limits.same_contract_s)
        while self._sent and self._sent[0][0] + longest_s + MARGIN_S <= now_s:
            self._sent.popleft()


class Lines:
    """The market data lines in use. Each quote stream and each stream of real-time bars takes one."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken: set[int] = set()

    def __len__(self) -> int:
        return len(self._taken)

    def take(self, request_id: int, symbol: str) -> None:
        """Give a request a line. Raises VenueError, naming limit and remedy, where none is left."""
        if request_id not in self._taken and len(self._taken) >= self._limit:
            raise VenueError(
                f"no market data line is left for {symbol}: all {self._limit} of market_data_lines are in"
                " use; subscribe to less, or buy quote boosters and raise [feed] market_data_lines"
            )
        self._taken.add(request_id)

    def free(self, request_id: int) -> None:
        """Take the line back; harmless where the request has none."""
        self._taken.discard(request_id)

    def clear(self) -> None:
        """Take all lines back: the session has ended."""
        self._taken.clear()
