"""Polygon's stream in words of ours: frames are JSON arrays of events, each told apart by `ev`.

Rule 1: only the fields that are used have a type; the rest of an event is skipped, or read and not looked at.
Rule 2: the frames of one loop turn are decoded together; where that fails, one by one, then event by event,
so that only what cannot be read is lost, and counted by why.
Rule 3: nothing is believed but the JSON types: whether a price is one is for the quality gate to say.

Times are Unix milliseconds, as Polygon's stream has them. Pure. Source: Polygon's WebSocket reference,
stocks, options and indices (August 2026).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec

FRAME_LIMIT: Final = 4 * 1024 * 1024  # bytes of one message; Polygon's largest are some hundred kilobytes
REQUEST_TOPICS: Final = 500  # topics in one request: some kilobytes, far from any limit seen
KEPT_BYTES: Final = 200  # of what could not be read, to show
LOST_LIMIT: Final = 100  # events; more are everybody's
LATEST_MS: Final = 1 << 53  # a time beyond it is none
_DATA_KINDS: Final = frozenset({"T", "Q", "A", "AM", "V"})
_NO_NUMBER: Final = re.compile(rb":\s*-?(?:NaN|Infinity)\b")  # some write them, JSON has none


class Trade(msgspec.Struct, tag_field="ev", tag="T", gc=False, kw_only=True):
    """A trade: `c` its conditions, `t` the time of the tape, `q` its number in the tape. Others are not used.

    The fields are in the order of the wire, and short ones that nobody uses are among them: so each is found
    at once. Small whole sizes are objects that the interpreter has already, and floats are compared quickest.
    """

    sym: str
    x: Any = 0
    z: Any = 0
    p: float
    s: int | float = 0
    c: tuple[int, ...] = ()
    t: float
    q: int = 0


class Quote(msgspec.Struct, tag_field="ev", tag="Q", gc=False, kw_only=True):
    """The best bid and ask of all exchanges; a side that is not there is zero. Fields as those of a trade."""

    sym: str
    bx: Any = 0
    bp: float = 0.0
    bs: int | float = 0
    ax: Any = 0
    ap: float = 0.0
    ask_size: int | float = msgspec.field(default=0, name="as")
    c: Any = 0
    t: float
    q: int = 0


class Aggregate(msgspec.Struct, gc=False):
    """What was traded from `s` to `e`, as both kinds of bars say it."""

    sym: str
    o: float
    h: float
    l: float  # noqa: E741 — Polygon's name
    c: float
    s: int
    e: int
    v: float = 0.0


class SecondBar(Aggregate, tag_field="ev", tag="A", gc=False):
    """What was traded in one second."""


class MinuteBar(Aggregate, tag_field="ev", tag="AM", gc=False):
    """What was traded in one minute."""


class Value(msgspec.Struct, tag_field="ev", tag="V", gc=False):
    """The value of an index; Polygon calls its ticker `T`."""

    sym: str = msgspec.field(name="T")
    val: float
    t: int


class Status(msgspec.Struct, tag_field="ev", tag="status"):
    """What Polygon says about the connection and what was asked for."""

    status: str = ""
    message: str = ""
    sym: str = ""  # none: so that every event has one


Event = Trade | Quote | SecondBar | MinuteBar | Value | Status


class Lost(NamedTuple):
    """Market data that could not be read: a bar lacks it. "" where it is not known whose, 0: of when."""

    ticker: str
    time_ms: int


class FrameDecoder:
    """Reads frames. Mutable state: what could not be read, counted by reason, the newest of it, and whose.

    `text`: the newest frames in one, which can be read again; b"" where they were not read as one.
    """

    def __init__(self) -> None:
        self.text = b""
        self.refused: Counter[str] = Counter()
        self.sample = ""
        self.lost: list[Lost] = []  # since somebody looked, at most LOST_LIMIT
        self._frame = msgspec.json.Decoder(list[Event])
        self._event = msgspec.json.Decoder(Event)
        self._parts = msgspec.json.Decoder(list[msgspec.Raw])
        self._any = msgspec.json.Decoder()

    def decode(self, frames: Sequence[bytes]) -> list[Event]:
        """Return the events of frames, in order; what cannot be read is left out and counted."""
        # Brackets off, joined, brackets on: a frame that has others in their place loses nothing by it.
        text = frames[0] if len(frames) == 1 else b"[%b]" % b",".join([frame[1:-1] for frame in frames])
        try:
            events = self._frame.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self.text = b""
            return [event for frame in frames for event in self._one_frame(frame)]
        self.text = text
        return events

    def _one_frame(self, frame: bytes) -> list[Event]:
        try:
            return self._frame.decode(frame)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return self._one_by_one(frame)

    def _one_by_one(self, frame: bytes) -> list[Event]:
        parts = self._parts_of(frame)
        if parts is None:
            self._refuse("not a JSON array", frame)
            self._lose(Lost("", 0))
            return []
        events: list[Event] = []
        for part in parts:
            try:
                events.append(self._event.decode(part))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                self._refuse_event(part)
        return events

    def _parts_of(self, frame: bytes) -> list[msgspec.Raw] | None:
        for text in (frame, _NO_NUMBER.sub(b":null", frame)):
            try:
                return self._parts.decode(text)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                continue
        return None

    def _refuse_event(self, part: msgspec.Raw) -> None:
        """Count an event that is none of ours, and tell whose it is where a bar lacks it."""
        try:
            found = self._any.decode(part)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            found = None
        if not isinstance(found, dict):
            self._refuse("not an event", part)
            self._lose(Lost("", 0))
            return
        kind = found.get("ev")
        if not isinstance(kind, str) or kind not in _DATA_KINDS:
            self._refuse("not a status" if kind == "status" else "unknown kind of event", part)
            return
        self._refuse("a field is missing or no number", part)
        ticker, time_ms = found.get("T" if kind == "V" else "sym"), found.get("t", found.get("s"))
        if not (isinstance(time_ms, int) and 0 < time_ms < LATEST_MS):
            time_ms = 0
        self._lose(Lost(ticker if isinstance(ticker, str) else "", time_ms))

    def take_lost(self) -> list[Lost]:
        """Return what was lost since the last call."""
        lost, self.lost = self.lost, []
        return lost

    def _lose(self, lost: Lost) -> None:
        if len(self.lost) < LOST_LIMIT:
            self.lost.append(lost)
        else:
            self.lost[:] = [Lost("", 0)]  # it is everybody's

    def _refuse(self, why: str, raw: bytes | msgspec.Raw) -> None:
        self.refused[why] += 1
        self.sample = bytes(raw)[:KEPT_BYTES].decode("utf-8", "backslashreplace")


def auth_request(key: str) -> bytes:
    """Return the request that logs in."""
    return msgspec.json.encode({"action": "auth", "params": key})


def topics_request(action: str, topics: Sequence[str]) -> bytes:
    """Return the request that subscribes to topics (`T.AAPL`), or unsubscribes from them."""
    return msgspec.json.encode({"action": action, "params": ",".join(topics)})
