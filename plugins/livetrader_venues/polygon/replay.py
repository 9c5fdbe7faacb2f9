"""Frames that are encoded before they are needed, so that writing them costs next to nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from livetrader_venues.polygon.events import Event, event_of, joined
from livetrader_venues.stockmarket.tape import Tick
from livetrader_venues.web import websocket

CHUNK = 64 * 1024  # bytes written at once


@dataclass(frozen=True, slots=True)
class Replay:
    """A stream of whole WebSocket frames."""

    frames: tuple[bytes, ...]

    @classmethod
    def of(cls, ticks: Iterable[Tick], *, events_per_frame: int = 1) -> Replay:
        """Encode ticks, so many events in a frame."""
        return cls(tuple(_frames((event_of(tick) for tick in ticks), events_per_frame)))

    @classmethod
    def texts(cls, texts: Iterable[bytes]) -> Replay:
        """Take texts of frames as they are, right or wrong."""
        return cls(tuple(websocket.frame(text) for text in texts))

    def chunks(self, size: int = CHUNK) -> Iterator[bytes]:
        """Yield the frames joined to about so many bytes."""
        waiting: list[bytes] = []
        length = 0
        for each in self.frames:
            waiting.append(each)
            length += len(each)
            if length >= size:
                yield b"".join(waiting)
                waiting.clear()
                length = 0
        if waiting:
            yield b"".join(waiting)


def _frames(events: Iterable[Event], per_frame: int) -> Iterator[bytes]:
    waiting: list[Event] = []
    for event in events:
        waiting.append(event)
        if len(waiting) == per_frame:
            yield websocket.frame(joined(waiting))
            waiting.clear()
    if waiting:
        yield websocket.frame(joined(waiting))
