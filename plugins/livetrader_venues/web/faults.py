"""What goes wrong: rules that strike what a peer says, what it is asked, and its REST answers.

    Fault(Kind.DELAY, on="T", ticker="AAPL", skip=3, count=2, by_s=1.5)
    Fault(Kind.STATUS, on="rest:/v2/aggs", code=429, retry_after_s=2)

`on` is the name of an event that is said over a WebSocket ("T", "Q", "A", "AM", "V", "status", or "*" for all
but status), of what is asked there ("connect", "auth", "subscribe", "unsubscribe"), or "rest" for requests,
"rest:/path" for those whose path begins so. All times are of the peer's clock. Chance comes from the random
source that was passed in, so a seed repeats a run.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from random import Random


class Kind(Enum):
    """What a fault does."""

    MUTE = "mute"  # it never arrives; a muted request is never answered
    DELAY = "delay"  # it arrives `by_s` later, others overtake it
    STALL = "stall"  # it and everything after it on this connection waits `by_s`
    DUPLICATE = "duplicate"  # it arrives twice
    REORDER = "reorder"  # it arrives after the next one
    TRUNCATE = "truncate"  # half of it arrives, then the connection is reset
    GARBAGE = "garbage"  # bad JSON in its place
    BINARY = "binary"  # a binary frame in its place
    NAN = "nan"  # its first price is NaN
    UNKNOWN = "unknown"  # an event of a kind that nobody knows in its place
    SPIKE = "spike"  # its prices are multiplied with `factor`
    CLOSE = "close"  # the connection ends in its place with `code`; 1006 is a reset
    REFUSE = "refuse"  # the request is answered with an error that says `text`
    STATUS = "status"  # REST: HTTP status `code`, with Retry-After where `retry_after_s` is said
    EMPTY = "empty"  # REST: an answer without results
    LAG = "lag"  # REST: what was traded in the last `by_s` is not there yet


SAID = frozenset(
    {
        Kind.MUTE,
        Kind.DELAY,
        Kind.STALL,
        Kind.DUPLICATE,
        Kind.REORDER,
        Kind.TRUNCATE,
        Kind.GARBAGE,
        Kind.BINARY,
        Kind.NAN,
        Kind.UNKNOWN,
        Kind.SPIKE,
        Kind.CLOSE,
    }
)
ASKED = frozenset({Kind.MUTE, Kind.CLOSE, Kind.REFUSE, Kind.DELAY})
REST = frozenset(
    {
        Kind.MUTE,
        Kind.DELAY,
        Kind.STATUS,
        Kind.GARBAGE,
        Kind.TRUNCATE,
        Kind.EMPTY,
        Kind.LAG,
        Kind.CLOSE,
    }
)
EVENTS = frozenset({"T", "Q", "A", "AM", "V", "status", "*"})
ACTIONS = frozenset({"connect", "auth", "subscribe", "unsubscribe"})


class FaultError(Exception):
    """A fault cannot strike where it is said to."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One rule. It lets `skip` matching things pass, then strikes `count` of them; a count of 0 has no end.

    Raises FaultError for a kind that cannot strike there.
    """

    kind: Kind
    on: str = "*"
    ticker: str | None = None
    skip: int = 0
    count: int = 1
    probability: float = 1.0
    by_s: float = 0.0
    code: int = 1006
    retry_after_s: float | None = None
    factor: float = 10.0
    text: str = ""

    def __post_init__(self) -> None:
        kinds = SAID if self.on in EVENTS else ASKED if self.on in ACTIONS else REST
        if kinds is REST and self.on != "rest" and not self.on.startswith("rest:/"):
            known = ", ".join(sorted(EVENTS | ACTIONS))
            raise FaultError(f"nothing is named {self.on!r}; faults strike {known}, rest or rest:/path")
        if self.kind not in kinds:
            can = ", ".join(sorted(kind.value for kind in kinds))
            raise FaultError(f"{self.kind.value} cannot strike {self.on!r}; there can be {can}")


@dataclass(slots=True)
class _Armed:
    fault: Fault
    seen: int = 0
    struck: int = 0


# Rough weather for the events of a stream: each kind and how many of them go wrong that way, in proportion.
WEATHER: tuple[tuple[Fault, float], ...] = (
    (Fault(Kind.MUTE, count=0), 0.1),
    (Fault(Kind.DELAY, count=0, by_s=0.2), 1.0),
    (Fault(Kind.STALL, count=0, by_s=0.5), 0.05),
    (Fault(Kind.DUPLICATE, count=0), 1.0),
    (Fault(Kind.REORDER, count=0), 1.0),
    (Fault(Kind.TRUNCATE, count=0), 0.005),
    (Fault(Kind.GARBAGE, count=0), 0.02),
    (Fault(Kind.BINARY, count=0), 0.02),
    (Fault(Kind.NAN, count=0), 0.05),
    (Fault(Kind.UNKNOWN, count=0), 0.05),
    (Fault(Kind.CLOSE, count=0, code=1006), 0.005),
    (Fault(Kind.CLOSE, count=0, code=1000), 0.005),
    (Fault(Kind.CLOSE, count=0, code=1012), 0.005),
)


class Faults:
    """The faults that are armed. It owns their counts."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._armed: list[_Armed] = []
        self.struck = 0

    def __bool__(self) -> bool:
        return bool(self._armed)

    def add(self, fault: Fault) -> None:
        """Arm a fault."""
        self._armed.append(_Armed(fault))

    def clear(self) -> None:
        """Forget all faults."""
        self._armed.clear()

    def strike(self, name: str, detail: str = "") -> Fault | None:
        """Return the first fault that strikes a thing of this name, None mostly. `detail` is the ticker, or
        the path of a request.
        """
        for armed in self._armed:
            fault = armed.fault
            if not _matches(fault, name, detail):
                continue
            if fault.probability < 1.0 and self._random.random() >= fault.probability:
                continue
            armed.seen += 1
            if armed.seen <= fault.skip:
                continue
            armed.struck += 1
            self.struck += 1
            if fault.count and armed.struck >= fault.count:
                self._armed.remove(armed)
            return fault
        return None


def _matches(fault: Fault, name: str, detail: str) -> bool:
    if name == "rest":
        return fault.on == "rest" or (fault.on.startswith("rest:") and detail.startswith(fault.on[5:]))
    if fault.ticker is not None and fault.ticker != detail:
        return False
    return fault.on == name or (fault.on == "*" and name in EVENTS and name != "status")
