"""A hostile HTTP server: each request gets an answer as Polygon or Alpha Vantage would give it, spoiled.

It runs in a thread with blocking sockets, one connection at a time or several; it never withholds bytes that
it has announced without closing the connection, so that a client that waits is a client that hangs.
"""

from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from random import Random

STATUSES = (200, 204, 301, 400, 401, 403, 404, 408, 418, 429, 500, 502, 503, 504, 999, 100)
HEADERS = (
    b"Retry-After: 1\r\n", b"Retry-After: 99999999999\r\n", b"Retry-After: nan\r\n", b"Retry-After: -5\r\n",
    b"Retry-After: Mon, 99 Foo 2025 25:61:61 GMT\r\n", b"Retry-After: inf\r\n", b": empty\r\n",
    b"Content-Type: text/html; charset=utf-99\r\n", b"Content-Encoding: gzip\r\n", b"nonsense\r\n",
    b"Content-Encoding: br\r\n", b"Content-Encoding: deflate\r\n", b"Transfer-Encoding: chunked\r\n",
    b"Location: http://127.0.0.1:1/\r\n", b"Set-Cookie: a=\xff\xfe\r\n", b"X: " + b"y" * 9000 + b"\r\n",
)  # fmt: skip


class HostileServer:
    """Answers with what `answer(path)` returns, most often whole. `close` ends it."""

    def __init__(self, answer: Callable[[str], bytes], random: Random) -> None:
        self._answer = answer
        self._random = random
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.answered = 0
        self._open: set[socket.socket] = set()
        self._thread = threading.Thread(target=self._serve, name="hostile server", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        """Close every socket and wait for the thread."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in tuple(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._thread.join(5.0)

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        self._open.add(connection)
        rest = b""
        with connection, suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while chunk := connection.recv(65_536):
                rest += chunk
                if b"\r\n\r\n" not in rest:
                    continue
                line, rest = rest.split(b"\r\n", 1)[0], b""
                data, stays = self._response(self._answer(line.split(b" ")[1].decode()))
                self.answered += 1
                connection.sendall(data)
                if not stays:
                    break
        self._open.discard(connection)

    def _response(self, body: bytes) -> tuple[bytes, bool]:
        """Return what to send, and whether the connection can be used again."""
        random = self._random
        draw = random.random()
        length = b"Content-Length: %d\r\n" % len(body)
        if draw < 0.80:
            return b"HTTP/1.1 200 OK\r\n" + length + b"\r\n" + body, True
        if draw < 0.86:
            status = random.choice(STATUSES)
            more = random.choice(HEADERS) if random.random() < 0.5 else b""
            return (
                b"HTTP/1.1 %d Word\r\n" % status + length + b"Connection: close\r\n" + more + b"\r\n" + body,
                False,
            )
        if draw < 0.89:
            packed = gzip.compress(body, 1)
            if random.random() < 0.5:
                packed = packed[: random.randrange(len(packed))]
            head = b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
            return b"HTTP/1.1 200 OK\r\nConnection: close\r\n" + head + packed, False
        if draw < 0.92:
            cut = random.randrange(len(body) + 1)
            parts = b"%x\r\n%s\r\n" % (cut, body[:cut]) if cut else b""
            parts += random.choice((b"0\r\n\r\n", b"", b"zz\r\n", b"ffffffffffffffff\r\n", b"-1\r\n"))
            head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
            return head + parts, False
        wrong = random.choice((b"-1", b"abc", b"99999999999999999999", b"%d" % (len(body) + 7), b"0", b""))
        head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " + wrong + b"\r\n"
        if draw < 0.97:
            return head + random.choice(HEADERS) + b"\r\n" + body, False
        return self._noise(head + b"\r\n" + body), False

    def _noise(self, data: bytes) -> bytes:
        random = self._random
        way = random.randrange(4)
        if way == 0:
            return b""
        if way == 1:
            return random.randbytes(random.randint(1, 200))
        if way == 2:
            return data[: random.randrange(len(data))]
        at = random.randrange(len(data))
        return data[:at] + random.randbytes(4) + data[at:]
