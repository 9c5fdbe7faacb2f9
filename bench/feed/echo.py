"""The floor: what comes on one socket leaves on another, through asyncio and nothing else.

    python -m feed.echo PORT_OF_STREAM PORT_OF_TAP [--through-child]

With --through-child each chunk also goes to a child process and back over a socket pair, as ticks and orders
go to the engine process and back.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys

CHUNK = 65_536


class Onward(asyncio.Protocol):
    """Writes what comes to another transport."""

    def __init__(self) -> None:
        self.target: asyncio.Transport | None = None
        self.lost = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        """Write it on."""
        if self.target is not None:
            self.target.write(data)

    def connection_lost(self, _: Exception | None) -> None:
        """Take note."""
        self.lost.set()


def child(connection: socket.socket) -> None:
    """Send back what comes, until the other end closes."""
    while chunk := connection.recv(CHUNK):
        connection.sendall(chunk)


async def run(stream_port: int, tap_port: int, theirs: socket.socket | None) -> None:
    """Connect both and stay."""
    loop = asyncio.get_running_loop()
    stream, tap = Onward(), Onward()
    await loop.create_connection(lambda: stream, "127.0.0.1", stream_port)
    tap_transport, _ = await loop.create_connection(lambda: tap, "127.0.0.1", tap_port)
    if theirs is None:
        stream.target = tap_transport
    else:
        back = Onward()
        pair, _ = await loop.create_connection(lambda: back, sock=theirs)
        stream.target, back.target = pair, tap_transport
    print("ready", flush=True)
    await stream.lost.wait()


def main() -> None:
    """Run until the stream is closed."""
    theirs = None
    if "--through-child" in sys.argv:
        theirs, own = socket.socketpair()
        if os.fork() == 0:
            theirs.close()
            child(own)
            os._exit(0)
        own.close()
    asyncio.run(run(int(sys.argv[1]), int(sys.argv[2]), theirs))


if __name__ == "__main__":
    main()
