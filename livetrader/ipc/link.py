"""The supervisor's end of the socket to one engine process. Never blocks, whatever the other end does.

Sending: messages wait on lanes (see lanes.py) and leave as frames, control first, orders next, data last.
While the socket takes nothing the data lane conflates and the order lane grows to its bound.
Receiving: at most READ_CHUNK bytes per turn of the loop, so that a flood cannot starve anybody; while
`paused` nothing is read, and the engine process waits in its own send.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from livetrader.ipc.frames import MAX_MESSAGES, FrameError, FrameSplitter, decode_from_engine, encode
from livetrader.ipc.lanes import LaneOverflowError, Lanes, depths_of
from livetrader.ipc.messages import FromEngine, LaneDepths, ToEngine
from livetrader_engine.events import AccountLoaded, OrderEventArrived

READ_CHUNK: Final = 16 * 1024  # bytes per turn of the loop: 100 orders, decoded in a fraction of 1 ms
DATA_PER_FRAME: Final = 64  # data messages per frame: later news of orders waits for no more than these


class Link:
    """One per engine process; owned by its EngineProcess. All methods belong to the loop's thread.

    `received(message)` is called for every message, `ended(reason)` once, when the other end has closed,
    broke the protocol, or left its order lane to overflow. It does not know what messages mean.
    """

    def __init__(
        self, own: socket.socket, received: Callable[[FromEngine], None], ended: Callable[[str], None]
    ) -> None:
        self._socket = own
        self._socket.setblocking(False)
        self._loop = asyncio.get_running_loop()
        self._received = received
        self._ended = ended
        self._lanes = Lanes()
        self._splitter = FrameSplitter()
        self._rest = memoryview(b"")  # of the frame that is being sent
        self._held = 0
        self._writing = False
        self._deaf = False  # the other end takes nothing any more
        self.closed = False
        self.paused = False
        self.order_messages = 0  # sent so far; the router looks whether it moved
        self._loop.add_reader(self._socket, self._readable)

    @property
    def conflated(self) -> int:
        """How many points were dropped for newer ones on this side."""
        return self._lanes.conflated

    @property
    def waiting(self) -> LaneDepths:
        """How much waits on this side, because the socket does not take it."""
        return depths_of(self._lanes)

    def send(self, message: ToEngine) -> None:
        """Hand a message over; returns at once. After the end of the link it goes nowhere."""
        if self.closed or self._deaf:
            return
        if isinstance(message, OrderEventArrived | AccountLoaded):
            self.order_messages += 1
        try:
            self._lanes.push(message)
        except LaneOverflowError as error:
            self._end(str(error))
            return
        self._write()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Hold what is sent inside, so that it leaves in one frame and arrives as one instant."""
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1
            self._write()

    def pause(self) -> None:
        """Stop reading: whoever handles the messages is behind."""
        if not self.paused and not self.closed:
            self.paused = True
            self._loop.remove_reader(self._socket)

    def resume(self) -> None:
        """Read again."""
        if self.paused and not self.closed:
            self.paused = False
            self._loop.add_reader(self._socket, self._readable)

    def close(self) -> None:
        """Close this end; idempotent. `ended` is not called."""
        if self.closed:
            return
        self.closed = True
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._socket.close()

    def _end(self, reason: str) -> None:
        if not self.closed:
            self.close()
            self._ended(reason)

    def _readable(self) -> None:
        try:
            chunk = self._socket.recv(READ_CHUNK)
        except BlockingIOError:
            return
        except OSError as error:
            self._end(f"the link broke: {error}")
            return
        if not chunk:
            cut = " inside a frame" if self._splitter.unfinished else ""
            self._end(f"the engine process closed the link{cut}")
            return
        try:
            for body in self._splitter.feed(chunk):
                for message in decode_from_engine(body):
                    if self.closed:
                        return
                    self._received(message)
        except FrameError as error:
            self._end(str(error))

    def _write(self) -> None:
        if self.closed or self._writing or self._held or self._deaf:
            return
        try:
            while self._rest or len(self._lanes):
                if not self._rest:
                    self._rest = memoryview(encode(self._lanes.take(MAX_MESSAGES, DATA_PER_FRAME)))
                sent = self._socket.send(self._rest)
                self._rest = self._rest[sent:]
        except BlockingIOError:
            self._writing = True
            self._loop.add_writer(self._socket, self._writable)
        except OSError:
            # The other end is gone. What it said last may still wait to be read, so only sending is over;
            # reading comes to the end by itself.
            self._deaf = True
        except FrameError as error:
            self._end(str(error))

    def _writable(self) -> None:
        self._writing = False
        self._loop.remove_writer(self._socket)
        self._write()
