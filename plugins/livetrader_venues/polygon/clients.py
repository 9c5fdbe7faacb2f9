"""One client of a WebSocket: what it may see, what it asked for, and what waits to be written to it."""

from __future__ import annotations

from collections.abc import Sequence

from livetrader_venues.polygon.access import Access
from livetrader_venues.polygon.events import Event, joined, status
from livetrader_venues.stockmarket.tape import SECOND_NS
from livetrader_venues.web import websocket
from livetrader_venues.web.faults import Fault, Faults, Kind
from livetrader_venues.web.outbox import Outbox

_GARBAGE = b'[{"ev":"T","sym":"AAPL","p":19'
_UNKNOWN = b'{"ev":"XLU","T":"AAPL","value":[1,{"x":null}],"t":1}'
_PRICES = (b'"p":', b'"bp":', b'"o":', b'"val":')
_SPIKED = (b'"p":', b'"bp":', b'"ap":', b'"o":', b'"c":', b'"h":', b'"l":', b'"val":')


class Client:
    """Owns the subscriptions and the unwritten events of one connection."""

    def __init__(self, number: int, market: str, outbox: Outbox, faults: Faults, per_frame: int) -> None:
        self.number = number
        self.market = market
        self.access: Access | None = None
        self.topics: set[str] = set()
        self.is_frozen = False
        self.is_ended = False
        self._outbox = outbox
        self._faults = faults
        self._per_frame = per_frame
        self._waiting: list[Event] = []
        self._overtaken: list[Event] = []  # they come after the next event
        self._stalled: list[Event] | None = None  # they come when the stall is over

    def wants(self, event: Event) -> bool:
        """Return whether this client subscribed to an event."""
        return f"{event.kind}.{event.ticker}" in self.topics or f"{event.kind}.*" in self.topics

    def say(self, event: Event, now_ns: int) -> None:
        """Say an event, or do to it what a fault says."""
        if self.is_ended:
            return
        if self._stalled is not None:
            self._stalled.append(event)
            return
        fault = self._faults.strike(event.kind, event.ticker) if self._faults else None
        if fault is not None:
            self._spoil(fault, event, now_ns)
            return
        self._queue(event)
        if self._overtaken:
            overtaken, self._overtaken = self._overtaken, []
            for late in overtaken:
                self._queue(late)

    def _queue(self, event: Event) -> None:
        self._waiting.append(event)
        if len(self._waiting) >= self._per_frame:
            self.flush()

    def flush(self) -> None:
        """Write what waits, as one frame."""
        if not self._waiting:
            return
        events, self._waiting = self._waiting, []
        self._write(websocket.frame(joined(events)))

    def _write(self, data: bytes) -> None:
        if not self.is_frozen and not self.is_ended:
            self._outbox.write(self.number, data)

    def tell(self, events: Sequence[Event], now_ns: int) -> None:
        """Write statuses as a frame of their own."""
        self.flush()
        for event in events:
            self.say(event, now_ns)
        self.flush()

    def close(self, code: int, reason: str = "") -> None:
        """End the connection with a close frame; 1006 resets it without one."""
        if self.is_ended:
            return
        self.flush()
        if code != 1006:
            self._write(websocket.close_frame(code, reason))
        self.is_ended = True
        self._outbox.end(self.number, is_reset=code == 1006)

    def freeze(self, is_frozen: bool) -> None:
        """Fall silent with an open socket, or wake up. What was to be said meanwhile is lost."""
        self.is_frozen = is_frozen
        self._outbox.hold(self.number, is_frozen)

    def refuse(self, message: str, now_ns: int) -> None:
        """Say an error."""
        self.tell([status("error", message)], now_ns)

    # ---- faults

    def _spoil(self, fault: Fault, event: Event, now_ns: int) -> None:
        match fault.kind:
            case Kind.MUTE:
                return
            case Kind.DELAY:
                self._outbox.later(now_ns + int(fault.by_s * SECOND_NS), lambda _: self._late(event))
            case Kind.STALL:
                self._stalled = [event]
                self._outbox.later(now_ns + int(fault.by_s * SECOND_NS), self._unstall)
            case Kind.DUPLICATE:
                self._queue(event)
                self._queue(event)
            case Kind.REORDER:
                self._overtaken.append(event)
            case Kind.TRUNCATE:
                self.flush()
                data = websocket.frame(joined([event]))
                self._write(data[: len(data) // 2])
                self.close(1006)
            case Kind.GARBAGE:
                self._alone(websocket.frame(_GARBAGE))
            case Kind.BINARY:
                self._alone(websocket.frame(bytes(range(200, 256)), websocket.BINARY))
            case Kind.NAN:
                self._queue(event._replace(data=_with_nan(event.data)))
            case Kind.SPIKE:
                self._queue(event._replace(data=_spiked(event.data, fault.factor)))
            case Kind.UNKNOWN:
                self._queue(event._replace(data=_UNKNOWN))
            case _:
                self.close(fault.code, fault.text)

    def _alone(self, data: bytes) -> None:
        self.flush()
        self._write(data)

    def _late(self, event: Event) -> None:
        if not self.is_ended:
            self._queue(event)
            self.flush()

    def _unstall(self, now_ns: int) -> None:
        events, self._stalled = self._stalled or [], None
        for event in events:
            if not self.is_ended:
                self._queue(event)
        self.flush()


def _number_after(data: bytes, name: bytes) -> tuple[int, int] | None:
    place = data.find(name)
    if place < 0:
        return None
    begin = place + len(name)
    end = begin
    while end < len(data) and data[end : end + 1] not in (b",", b"}"):
        end += 1
    return begin, end


def _with_nan(data: bytes) -> bytes:
    for name in _PRICES:
        found = _number_after(data, name)
        if found is not None:
            return data[: found[0]] + b"NaN" + data[found[1] :]
    return data


def _spiked(data: bytes, factor: float) -> bytes:
    is_quote = data.startswith(b'{"ev":"Q"')
    for name in _SPIKED:
        found = None if is_quote and name == b'"c":' else _number_after(data, name)
        if found is not None and data[found[0] : found[0] + 1] != b"[":
            price = float(data[found[0] : found[1]]) * factor
            data = data[: found[0]] + repr(round(price, 4)).encode() + data[found[1] :]
    return data
