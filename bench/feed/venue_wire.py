"""The two ends of a tick's way, in this process: a Polygon stream to write to, and a tapped wire to TWS.

Threads with blocking sockets, so that what is taken down is when the bytes came, not when a loop looked.
"""

from __future__ import annotations

import json
import queue
import socket
import struct
import threading
import time
from contextlib import suppress

from feed.frames import server_frame
from feed.sender import Gone, Peer

PLACE_ORDER = b"3\0"  # the first field of that message
GREETING = b"API\0"
CHUNK = 65_536


class Stream:
    """A Polygon stream for one client after the other. `trade` writes one frame to the client of now.

    `wanted` are the topics that make the client ready; None: frames only, without any words before.
    """

    def __init__(self, wanted: set[str] | None) -> None:
        self._wanted = wanted
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.ready = threading.Event()
        self._peer: Peer | None = None
        self._count = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def trade(self, ticker: str, cents: int) -> int:
        """Send one trade; return when (monotonic nanoseconds), taken just before."""
        self._count += 1
        event = {
            "ev": "T", "sym": ticker, "x": 11, "i": str(self._count), "z": 2, "p": cents / 100, "s": 100,
            "c": [], "t": time.time_ns() // 1_000_000, "q": self._count,
        }  # fmt: skip
        return self._send(event)

    def quote(self, ticker: str, cents: int) -> None:
        """Send one quote: a stock whose quotes are silent is stale, and takes no orders."""
        event = {
            "ev": "Q", "sym": ticker, "bx": 11, "bp": (cents - 1) / 100, "bs": 1,
            "ax": 11, "ap": (cents + 1) / 100, "as": 1, "c": 0, "z": 3,
            "t": time.time_ns() // 1_000_000, "q": self._count,
        }  # fmt: skip
        self._send(event)

    def close(self) -> None:
        """Take no more clients."""
        self._listener.close()

    def _send(self, event: dict[str, object]) -> int:
        assert self._peer is not None
        frame = server_frame(json.dumps([event]).encode())
        sent_ns = time.monotonic_ns()
        self._peer.socket.sendall(frame)
        return sent_ns

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                with connection, suppress(Gone, OSError):
                    self._peer = Peer(connection)
                    if self._wanted is not None:
                        self._peer.shake_hands()
                        self._peer.until_subscribed(self._wanted)
                    self.ready.set()
                    while True:
                        self._peer.stay(60.0)


class Tap:
    """Between the daemon and TWS: passes everything on, and takes down when an order came from the daemon.

    Without `target` it only listens, and every chunk counts as an order.
    """

    def __init__(self, target: int | None) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.orders: queue.SimpleQueue[int] = queue.SimpleQueue()
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Take no more clients."""
        self._listener.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                ours, _ = self._listener.accept()
                ours.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if self._target is None:
                    threading.Thread(target=self._listen, args=(ours,), daemon=True).start()
                    continue
                theirs = socket.create_connection(("127.0.0.1", self._target))
                theirs.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._pass_on, args=(ours, theirs), daemon=True).start()
                threading.Thread(target=_pump, args=(theirs, ours), daemon=True).start()

    def _listen(self, ours: socket.socket) -> None:
        with ours, suppress(OSError):
            while ours.recv(CHUNK):
                self.orders.put(time.monotonic_ns())

    def _pass_on(self, ours: socket.socket, theirs: socket.socket) -> None:
        rest, greeted = bytearray(), False
        with ours, theirs, suppress(OSError):
            while chunk := ours.recv(CHUNK):
                came_ns = time.monotonic_ns()
                theirs.sendall(chunk)
                rest += chunk
                if not greeted and rest.startswith(GREETING):
                    del rest[: len(GREETING)]
                    greeted = True
                while len(rest) >= 4 and len(rest) >= 4 + (size := struct.unpack_from(">I", rest)[0]):
                    if rest[4 : 4 + len(PLACE_ORDER)] == PLACE_ORDER:
                        self.orders.put(came_ns)
                    del rest[: 4 + size]


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(CHUNK):
            target.sendall(chunk)
