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
        self._turn = threading.Condition()
        self._urgent = 0  # 1 while a beat wants its turn; written by the thread of the beats only

    def send(self, message: FromEngine) -> None:
        """Send one message. Raises BrokenPipeError when the supervisor is gone."""
        frame = encode([message])
        with self._turn:
            # A lock is not fair: a flooding algorithm would take it again before a beat ever gets it.
            while self._urgent:
                self._turn.wait()
            self._socket.sendall(frame)

    def send_urgent(self, message: FromEngine) -> None:
        """Send one message before everything that has not been sent yet. For the one thread of the beats."""
        frame = encode([message])
        self._urgent = 1
        try:
            with self._turn:
                self._socket.sendall(frame)
        finally:
            with self._turn:
                self._urgent = 0
                self._turn.notify_all()
