"""Frames as Polygon sends them, encoded before anything is measured: trades and quotes, half and half.

Prices walk a cent at a time, quotes lie around them, ids and sequence numbers go up: nothing in them gives a
gate a reason to stop it. Times are stamped in anew before each sending, so that they are of this instant.
"""

from __future__ import annotations

import struct
from random import Random
from typing import NamedTuple

import msgspec
import numpy as np

TIME_DIGITS = 13  # milliseconds since 1970
PLACEHOLDER = 1_000_000_000_000  # of as many digits
MARKER = "ZZZZ"  # the last event's symbol: who has it has everything before
SPAN_MS = 400  # of market time that one sending at full speed covers
FIRST_PRICE_CENTS = 10_000
BLOCK_BYTES = 128 * 1024  # written at once


def tickers(count: int) -> list[str]:
    """Return names of four letters that are no others' beginnings."""
    letters = "ABCDEFGHJKLMNPRSTUVW"
    return [
        f"{letters[number // 400 % 20]}{letters[number // 20 % 20]}{letters[number % 20]}X"
        for number in range(count)
    ]


def topics(count: int) -> list[str]:
    """Return what is subscribed to."""
    names = [*tickers(count), MARKER]
    return [f"T.{name}" for name in names] + [f"Q.{name}" for name in names]


def server_frame(payload: bytes, opcode: int = 1) -> bytes:
    """Return a WebSocket frame of a server: not masked."""
    size = len(payload)
    if size < 126:
        head = struct.pack(">BB", 0x80 | opcode, size)
    elif size < 65_536:
        head = struct.pack(">BBH", 0x80 | opcode, 126, size)
    else:
        head = struct.pack(">BBQ", 0x80 | opcode, 127, size)
    return head + payload


class Market:
    """A seeded market: one event after the other, of symbols drawn evenly. Owns the state of its symbols."""

    def __init__(self, symbols: int, seed: int) -> None:
        self._random = Random(seed)
        self._names = tickers(symbols)
        self._cents = dict.fromkeys([*self._names, MARKER], FIRST_PRICE_CENTS)
        self._count = 0

    def event(self) -> dict[str, object]:
        """Return the next trade or quote."""
        random = self._random
        name = self._names[int(random.random() * len(self._names))]
        return self._trade(name) if random.random() < 0.5 else self._quote(name)

    def marker(self) -> dict[str, object]:
        """Return the last trade."""
        return self._trade(MARKER)

    def _trade(self, name: str) -> dict[str, object]:
        random = self._random
        self._count += 1
        cents = self._cents[name] = self._cents[name] + int(random.random() * 3) - 1
        size = int(random.random() * 400) + 1
        conditions = [37] if size < 100 else [] if random.random() < 0.5 else [14, 41]
        made: dict[str, object] = {
            "ev": "T", "sym": name, "x": 11, "i": str(50_000 + self._count), "z": 3, "p": cents / 100,
            "s": size, "c": conditions, "t": PLACEHOLDER, "q": 1_000_000 + self._count,
        }  # fmt: skip
        return made

    def _quote(self, name: str) -> dict[str, object]:
        random = self._random
        self._count += 1
        cents = self._cents[name]
        return {
            "ev": "Q", "sym": name, "bx": 11, "bp": (cents - 1) / 100, "bs": int(random.random() * 9) + 1,
            "ax": 12, "ap": (cents + 1) / 100, "as": int(random.random() * 9) + 1, "c": 1, "i": [604],
            "t": PLACEHOLDER, "q": 1_000_000 + self._count, "z": 3,
        }  # fmt: skip


class Sending(NamedTuple):
    """All frames of one sending in a row, where in them times stand, and where blocks of whole frames end."""

    data: np.ndarray  # type: ignore[type-arg]  # of bytes
    times: np.ndarray  # type: ignore[type-arg]  # offsets
    starts: list[int]  # of each frame
    ends: list[int]
    events: int
    frames: int

    def stamp(self, begin_ms: int, span_ms: int = SPAN_MS) -> None:
        """Write times into the frames: from an instant on, ascending."""
        steps = np.arange(self.events, dtype=np.int64) * span_ms // self.events
        left = begin_ms + steps
        for digit in range(TIME_DIGITS - 1, -1, -1):
            self.data[self.times + digit] = left % 10 + ord("0")
            left //= 10


def prepare(events: int, per_frame: int, symbols: int, seed: int) -> Sending:
    """Encode this many events, the marker last, so many in each frame."""
    market = Market(symbols, seed)
    made = [market.event() for _ in range(events - 1)] + [market.marker()]
    encode = msgspec.json.Encoder().encode
    frames = [server_frame(encode(made[at : at + per_frame])) for at in range(0, events, per_frame)]
    data = np.frombuffer(bytearray(b"".join(frames)), dtype=np.uint8)
    needle = str(PLACEHOLDER).encode()
    raw = data.tobytes()
    times, at = [], raw.find(needle)
    while at >= 0:
        times.append(at)
        at = raw.find(needle, at + TIME_DIGITS)
    assert len(times) == events, "a time stands where none should"
    starts, ends, at = [], [], 0
    for frame in frames:
        starts.append(at)
        at += len(frame)
        if at - (ends[-1] if ends else 0) >= BLOCK_BYTES:
            ends.append(at)
    return Sending(data, np.array(times, dtype=np.int64), starts, [*ends, at], events, len(frames))
