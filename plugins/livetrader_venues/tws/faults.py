"""What goes wrong with messages: rules that strike a request or a message by name, scripted or by chance.

Names are those of `requests.REQUESTS` (what clients ask) and of `replies.NUMBERS` (what TWS says); `*` is
every message that TWS says, never a request. Chance comes from the random source that was passed in, so a
seed repeats a run.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from random import Random  # noqa: TID251 — only the type; a seeded one is passed in


class Kind(Enum):
    """What a rule does to a message."""

    MUTE = "mute"  # it never arrives; muted requests are never seen by TWS
    DELAY = "delay"  # it arrives later, others overtake it
    STALL = "stall"  # it and everything after it waits: a frozen gateway
    DUPLICATE = "duplicate"
    REORDER = "reorder"  # it arrives after the next one
    SHORTEN = "shorten"  # its last field is missing
    TRUNCATE = "truncate"  # half of its frame arrives, then the connection ends
    CLOSE = "close"  # the connection ends in its place
    ERROR = "error"  # an error arrives in its place


ONLY_FOR_REPLIES = frozenset({Kind.SHORTEN, Kind.TRUNCATE, Kind.STALL, Kind.REORDER})


@dataclass(frozen=True, slots=True)
class Rule:
    """One fault. It lets `skip` matching messages pass, then strikes `count` of them; a count of 0 has no
    end.
    """

    kind: Kind
    message: str
    client_id: int | None = None
    skip: int = 0
    count: int = 1
    by_ns: int = 0
    probability: float = 1.0
    code: int = 0
    text: str = ""


@dataclass(slots=True)
class _Armed:
    rule: Rule
    seen: int = 0
    struck: int = 0


class Faults:
    """The rules that are armed. The switchboard asks them about every message."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._armed: list[_Armed] = []

    def add(self, rule: Rule) -> None:
        """Arm a rule."""
        self._armed.append(_Armed(rule))

    def clear(self) -> None:
        """Forget all rules."""
        self._armed.clear()

    def strike(self, name: str, client_id: int | None, *, is_request: bool = False) -> Rule | None:
        """Return the first rule that strikes this message, None mostly."""
        for armed in self._armed:
            rule = armed.rule
            if rule.message != name and (is_request or rule.message != "*"):
                continue
            if rule.client_id is not None and rule.client_id != client_id:
                continue
            if rule.probability < 1.0 and self._random.random() >= rule.probability:
                continue
            armed.seen += 1
            if armed.seen <= rule.skip:
                continue
            armed.struck += 1
            if rule.count and armed.struck >= rule.count:
                self._armed.remove(armed)
            return rule
        return None
