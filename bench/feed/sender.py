"""A WebSocket server that costs next to nothing: frames encoded before, written in large blocks.

    python -m feed.sender --events 300000 --per-frame 1 --symbols 500 --seed 7

Prints its port, then serves one client after the other until its input ends: the words of the Polygon stream
(connected, auth, subscribe), and once every topic is subscribed to, all frames. For each client it prints
when it began to send (CLOCK_MONOTONIC, which processes share), as one JSON line. It answers pings.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import select
import socket
import struct
import sys
import time
from itertools import pairwise

from feed.frames import Sending, prepare, server_frame, topics

QUIET_S = 0.3  # after the last subscription: the client is through with its own work
MINUTE_NS = 60_000_000_000
PACE_S = 0.002  # between two writes at a pace
PATIENCE_S = 60.0  # for a client that says nothing
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Gone(Exception):
    """The client has closed."""


class Peer:
    """One client. Blocking; owns its socket. `topics` are what it is subscribed to."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(PATIENCE_S)
        self.topics: set[str] = set()
        self.ahead_ns: int | None = None  # of its clock, where its key says so: "key+NANOSECONDS"
        self._rest = bytearray()

    def shake_hands(self) -> None:
        """Become a WebSocket, and say so."""
        while b"\r\n\r\n" not in self._rest:
            self._more()
        head, _, rest = bytes(self._rest).partition(b"\r\n\r\n")
        self._rest = bytearray(rest)
        lines = [line.split(b":", 1) for line in head.split(b"\r\n")[1:]]
        key = next(value.strip() for name, value in lines if name.lower() == b"sec-websocket-key")
        accept = base64.b64encode(hashlib.sha1(key + _GUID).digest())
        self.socket.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        self._say("connected", "Connected Successfully")

    def until_subscribed(self, wanted: set[str]) -> None:
        """Answer until all these topics are subscribed to."""
        while not all(topic in self.topics or f"{topic[0]}.*" in self.topics for topic in wanted):
            self._more()
            self._answer()

    def blast(self, sending: Sending) -> int:
        """Send everything; return when it began."""
        begun_ns = time.monotonic_ns()
        data = memoryview(sending.data)
        for at, end in pairwise([0, *sending.ends]):
            self.socket.sendall(data[at:end])
            if select.select([self.socket], [], [], 0)[0]:
                self._more()
                self._answer()
        return begun_ns

    def pour(self, sending: Sending, per_second: int) -> int:
        """Send everything at a pace, what is due every PACE_S; return when it began."""
        begun_ns, sent, data = time.monotonic_ns(), 0, memoryview(sending.data)
        per_frame = sending.events // sending.frames
        while sent < sending.frames:
            due = int((time.monotonic_ns() - begun_ns) / 1e9 * per_second) // per_frame
            due = min(due, sending.frames)
            if due > sent:
                begin = sending.starts[sent]
                end = sending.starts[due] if due < sending.frames else len(data)
                self.socket.sendall(data[begin:end])
                sent = due
            self.stay(PACE_S)
        return begun_ns

    def stay(self, seconds: float) -> None:
        """Answer for a while."""
        until_s = time.monotonic() + seconds
        while (left_s := until_s - time.monotonic()) > 0:
            if select.select([self.socket], [], [], left_s)[0]:
                self._more()
                self._answer()

    def _answer(self) -> None:
        while (frame := self._frame()) is not None:
            opcode, payload = frame
            if opcode == 1:
                self._hear(json.loads(payload))
            elif opcode == 9:
                self.socket.sendall(server_frame(payload, 10))
            elif opcode == 8:
                raise Gone

    def _hear(self, word: dict[str, str]) -> None:
        names = [name.strip() for name in word["params"].split(",")]
        if word["action"] == "auth":
            ahead = word["params"].partition("+")[2]
            self.ahead_ns = int(ahead) if ahead else None
            self._say("auth_success", "authenticated")
        elif word["action"] == "subscribe":
            self.topics.update(names)
            self._say("success", *(f"subscribed to: {name}" for name in names))
        elif word["action"] == "unsubscribe":
            self.topics.difference_update(names)
            self._say("success", *(f"unsubscribed to: {name}" for name in names))

    def _say(self, status: str, *messages: str) -> None:
        words = [{"ev": "status", "status": status, "message": message} for message in messages]
        self.socket.sendall(server_frame(json.dumps(words).encode()))

    def _more(self) -> None:
        chunk = self.socket.recv(65_536)
        if not chunk:
            raise Gone
        self._rest += chunk

    def _frame(self) -> tuple[int, bytes] | None:
        """Return opcode and payload of the next whole frame of the client, None while it is not there."""
        if len(self._rest) < 6:
            return None
        size, at = self._rest[1] & 127, 2
        if size == 126:
            size, at = struct.unpack_from(">H", self._rest, 2)[0], 4
        elif size == 127:
            size, at = struct.unpack_from(">Q", self._rest, 2)[0], 10
        if len(self._rest) < at + 4 + size:
            return None
        mask, masked = self._rest[at : at + 4], self._rest[at + 4 : at + 4 + size]
        payload = bytes(byte ^ mask[number & 3] for number, byte in enumerate(masked))
        opcode = self._rest[0] & 15
        del self._rest[: at + 4 + size]
        return opcode, payload


def serve(listener: socket.socket, sending: Sending, wanted: list[str], per_second: int) -> None:
    """Serve one client after the other; ends with the standard input."""
    while True:
        if sys.stdin in select.select([listener, sys.stdin], [], [])[0]:
            return
        connection, _ = listener.accept()
        with connection:
            peer = Peer(connection)
            try:
                peer.shake_hands()
                peer.until_subscribed(set(wanted))
                peer.stay(QUIET_S)
                if peer.ahead_ns is not None:
                    into_ns = (time.time_ns() + peer.ahead_ns) % MINUTE_NS
                    peer.stay((MINUTE_NS - into_ns) / 1e9 + QUIET_S)
                now_ms = (time.time_ns() + (peer.ahead_ns or 0)) // 1_000_000
                if per_second:
                    sending.stamp(now_ms, sending.events * 1000 // per_second)
                    begun_ns = peer.pour(sending, per_second)
                else:
                    sending.stamp(now_ms)
                    begun_ns = peer.blast(sending)
                print(json.dumps({"begun_ns": begun_ns}), flush=True)
                peer.stay(PATIENCE_S)
            except (Gone, OSError):
                continue


def main() -> None:
    """Encode, listen, serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, required=True)
    parser.add_argument("--per-frame", type=int, required=True)
    parser.add_argument("--symbols", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--per-second", type=int, default=0, help="events; 0: as fast as they are taken")
    options = parser.parse_args()
    sending = prepare(options.events, options.per_frame, options.symbols, options.seed)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(json.dumps({"port": listener.getsockname()[1], "frames": sending.frames,
                          "bytes": len(sending.data)}), flush=True)  # fmt: skip
        serve(listener, sending, topics(options.symbols), options.per_second)


if __name__ == "__main__":
    main()
