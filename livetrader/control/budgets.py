"""What the control server remembers between requests: rates, confirmations, idempotency keys. All bounded.

Pure but for the clock that is passed in; owned by the loop.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import msgspec

from livetrader.control.operations import OperationView

REQUESTS_PER_S: Final = 20.0
REQUESTS_BURST: Final = 40.0
KILL_REQUESTS_PER_S: Final = 5.0  # halt and liquidate: their own, so that no flood keeps them out
KILL_REQUESTS_BURST: Final = 20.0
FILES_PER_S: Final = 50.0  # of the dashboard: a page is some thirty, and a reload asks for all of them
FILES_BURST: Final = 300.0
FAILURES_PER_S: Final = 1.0  # answers to one peer that was not let in (401, 403); beyond it 429
FAILURES_BURST: Final = 20.0
CALLERS_LIMIT: Final = 1024  # callers remembered; the one idle longest is forgotten

CONFIRM_S: Final = 60.0
CONFIRMATIONS_LIMIT: Final = 64

KEYS_LIMIT: Final = 512
KEY_S: Final = 3600.0  # how long a repeated Idempotency-Key gets the first answer
KEY_CHARACTERS_LIMIT: Final = 128


class RateLimiter:
    """A token bucket per caller. `ask` returns 0 where allowed, else the seconds to wait."""

    def __init__(self, per_s: float, burst: float, monotonic_s: Callable[[], float]) -> None:
        self._per_s = per_s
        self._burst = burst
        self._monotonic_s = monotonic_s
        self._callers: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def ask(self, caller: str) -> float:
        """Take one request from the caller's budget."""
        now = self._monotonic_s()
        level, when = self._callers.pop(caller, (self._burst, now))
        level = min(self._burst, level + (now - when) * self._per_s)
        allowed = level >= 1.0
        self._callers[caller] = (level - 1.0 if allowed else level, now)
        while len(self._callers) > CALLERS_LIMIT:
            self._callers.popitem(last=False)
        return 0.0 if allowed else (1.0 - level) / self._per_s


class _Confirmation(msgspec.Struct):
    who: str
    expires_s: float
    operation: OperationView | None = None


class Confirmations:
    """Confirmation ids: each for one caller, for CONFIRM_S, for one operation."""

    def __init__(self, new_id: Callable[[], str], monotonic_s: Callable[[], float]) -> None:
        self._new_id = new_id
        self._monotonic_s = monotonic_s
        self._asked: OrderedDict[str, _Confirmation] = OrderedDict()

    def ask(self, who: str) -> str:
        """Return a new id for this caller."""
        confirm = self._new_id()
        self._asked[confirm] = _Confirmation(who=who, expires_s=self._monotonic_s() + CONFIRM_S)
        while len(self._asked) > CONFIRMATIONS_LIMIT:
            self._asked.popitem(last=False)
        return confirm

    def valid(self, confirm: str, who: str) -> bool:
        """Return whether this caller was given this id and it has not expired."""
        known = self._asked.get(confirm)
        return known is not None and known.who == who and self._monotonic_s() < known.expires_s

    def used_for(self, confirm: str) -> OperationView | None:
        """Return the operation that this id has already started: a repeat must not start another."""
        known = self._asked.get(confirm)
        return known.operation if known is not None else None

    def use(self, confirm: str, operation: OperationView) -> None:
        """Remember what the id was used for."""
        if confirm in self._asked:
            self._asked[confirm].operation = operation


class Answer(msgspec.Struct, frozen=True):
    """A finished answer: what goes over the wire, and what a repeated request gets again."""

    status: int
    body: bytes
    content_type: str = "application/json"
    cookie: str = ""  # the value of Set-Cookie
    note: str = ""  # for the audit trail


class _Remembered(msgspec.Struct):
    fingerprint: bytes
    expires_s: float
    answer: asyncio.Future[Answer]


class IdempotencyKeys:
    """First answers by caller and key. A repeat that comes while the first is at work waits for it."""

    def __init__(self, monotonic_s: Callable[[], float]) -> None:
        self._monotonic_s = monotonic_s
        self._known: OrderedDict[tuple[str, str], _Remembered] = OrderedDict()

    def claim(self, who: str, key: str, fingerprint: bytes) -> asyncio.Future[Answer] | None:
        """Return the first answer (maybe still to come), or None: this is the first request.

        Raises ValueError where the key came with another request before.
        """
        now = self._monotonic_s()
        known = self._known.get((who, key))
        if known is not None and now < known.expires_s:
            if known.fingerprint != fingerprint:
                raise ValueError(key)
            return known.answer
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._known[who, key] = _Remembered(fingerprint, now + KEY_S, answer)
        if len(self._known) > KEYS_LIMIT:  # of one that is at work a repeat would be a second request
            oldest = next((key for key, each in self._known.items() if each.answer.done()), None)
            if oldest is not None:
                del self._known[oldest]
        return None

    def settle(self, who: str, key: str, answer: Answer | None) -> None:
        """Store the first answer; None forgets the key, so that the request may be tried again."""
        known = self._known.get((who, key))
        if known is None:
            return
        if answer is None:
            del self._known[who, key]
            known.answer.cancel()
        elif not known.answer.done():
            known.answer.set_result(answer)
