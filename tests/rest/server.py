"""An HTTP server that says byte for byte what a test wants, to show what clients do with it; and a clock."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from livetrader_engine.spi import Context
from livetrader_engine.testing.host import PluginHost

Say = bytes | Callable[[socket.socket], None]
_keys = itertools.count()  # a key of its own for each server: the pace of a key is shared in a process


def answer(body: bytes | str, status: int = 200, *, length: int | None = None, **headers: str) -> bytes:
    """Return a response; `length` tells another one than it has, -1 tells none."""
    data = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status} Said"]
    if length != -1:
        lines.append(f"Content-Length: {len(data) if length is None else length}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + data


def json_of(value: object, status: int = 200, **headers: str) -> bytes:
    """Return a response with JSON."""
    return answer(msgspec.json.encode(value), status, **headers)


class Scripted:
    """Answers the requests one after the other with what it was given; the last one again and again.

    What ends a response by closing the connection, or does something else with it, is a function of the
    socket. `asked` are the request lines, `heads` the whole heads.
    """

    def __init__(self, *script: Say) -> None:
        self.script = list(script)
        self.asked: list[str] = []
        self.heads: list[str] = []
        self.key = f"secret-key-{next(_keys)}"
        self._server = socket.create_server(("127.0.0.1", 0))
        self._open = True
        self._connections: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.released = threading.Event()  # ends what hangs
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"

    def __enter__(self) -> Scripted:
        self._start(self._accept)
        return self

    def __exit__(self, *caught: object) -> None:
        self._open = False
        self.released.set()
        for connection in [*self._connections, self._server]:
            # what is blocked in recv or accept wakes up with this, not with close
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # it has ended already
            finally:
                connection.close()
        for thread in self._threads:
            thread.join(5)
            assert not thread.is_alive()

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, name="scripted server")
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while self._open:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            self._connections.append(connection)
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        heard = b""
        with connection:
            while self._open:
                try:
                    while b"\r\n\r\n" not in heard:
                        part = connection.recv(65_536)
                        if not part:
                            return
                        heard += part
                    head, _, heard = heard.partition(b"\r\n\r\n")
                    self.heads.append(head.decode())
                    self.asked.append(head.decode().split("\r\n")[0])
                    say = self.script.pop(0) if len(self.script) > 1 else self.script[0]
                    if not isinstance(say, bytes):
                        say(connection)
                        return
                    connection.sendall(say)
                except OSError:
                    return

    def hang(self, connection: socket.socket) -> None:
        """Say nothing at all."""
        self.released.wait(20)

    def drip(self, connection: socket.socket) -> None:
        """Say a byte now and then: each is in time, the whole never is."""
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not self.released.wait(0.02):
            connection.sendall(b" ")


class Time:
    """A monotonic clock that goes on by waiting only."""

    def __init__(self) -> None:
        self.now_s = 1_000.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now_s

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.waits.append(seconds)
        self.now_s += seconds


class Desk:
    """What a plugin gets from a daemon, with the reports it makes."""

    def __init__(self, directory: Path, **changes: Any) -> None:
        self.host = PluginHost("history", directory)
        self.context: Context = msgspec.structs.replace(self.host.context, **changes)

    def reports(self, action: str) -> list[Mapping[str, object]]:
        """Return the fields of the reports with this action."""
        return [fields for name, fields in self.host.records if name == action]
