"""The engine process's sending half of the link: any thread may send; a send waits while the socket is full.

Waiting is the point: an algorithm that floods is slowed to the pace at which the supervisor handles it.
"""

from __future__ import annotations

import socket
import threading

from livetrader.ipc.frames import encode
from livetrader.ipc.messages import FromEngine


class Outbox:
    """Owns the writing side of the socket. Thread-safe. It does not know what messages mean."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._lock = threading.Lock()

    def send(self, message: FromEngine) -> None:
        """Send one message. Raises BrokenPipeError when the supervisor is gone."""
        frame = encode([message])
        with self._lock:
            self._socket.sendall(frame)
