"""The library's Client and Decoder with their traps closed.

    the library                                          here
    ---------------------------------------------------  ------------------------------------------------
    logs what it cannot decode and goes on                the session is suspect
    buffers whatever length a frame claims to have        a frame is at most FRAME_LIMIT long
    queues what is over the message limit, and forgets    nothing is queued: the session keeps the limit
    the queue when the socket dies
    asks the thread for its event loop                    the running loop
    takes NaN for a quantity                              a number is a number, or the session is suspect

The subclasses are made when a session is, because which library it is, is known only then.
"""

from __future__ import annotations

import asyncio
import logging
import struct
from collections.abc import Callable, Sequence
from math import isnan
from typing import Any, Final, Protocol

from livetrader_plugins.ibkr.library import Library
from livetrader_plugins.ibkr.receiver import Receiver

FRAME_LIMIT: Final = 16 * 1024 * 1024  # bytes; the longest real one, a scanner's parameters, is under 2 MB
_LENGTH: Final = struct.Struct(">I")


class DecodeError(Exception):
    """A message that cannot be what TWS sent. The session is suspect from here on."""


class WireClient(Protocol):
    """What the session uses of the library's Client, with what the subclass adds."""

    connState: int
    conn: Any  # the library's Connection, an asyncio.Protocol with `transport`

    async def dial(self, host: str, port: int, client_id: int) -> None:
        """Open the socket and begin the handshake; answers come through the receiver."""
        ...

    def isReady(self) -> bool:
        """Whether accounts and the next order id have come."""
        ...

    def getAccounts(self) -> list[str]:
        """Return the accounts of this login."""
        ...

    def serverVersion(self) -> int:
        """Return the negotiated version."""
        ...

    def disconnect(self) -> None:
        """Close the socket."""
        ...


def make_client(
    library: Library, receiver: Receiver, suspect: Callable[[str], None], lost: Callable[[str], None]
) -> WireClient:
    """Return a client over a receiver. `suspect` hears why it cannot be trusted, `lost` of the end."""
    decoder_type: Any = _decoder_type(library)
    silent = logging.getLogger(__name__)  # what the library would log, the session reports in our words
    silent.setLevel(logging.CRITICAL)

    class Client(library.client):  # type: ignore[misc, name-defined]  # known only when the library is loaded
        """The library's Client, without its throttle and with frames cut by us."""

        def __init__(self) -> None:
            super().__init__(receiver)
            self._logger = silent
            self.decoder = decoder_type(receiver, 0)
            self._bytes = bytearray()

        async def dial(self, host: str, port: int, client_id: int) -> None:
            self.host, self.port, self.clientId = host, port, client_id
            self.connState = self.CONNECTING
            loop = asyncio.get_running_loop()
            self.conn.reset()
            self.conn.transport, _ = await loop.create_connection(lambda: self.conn, host, port)
            version = b"v%d..%d" % (self.MinClientVersion, self.MaxClientVersion)
            self.conn.sendMsg(b"API\0" + self._prefix(version))

        def sendMsg(self, msg: str) -> None:
            self.conn.sendMsg(self._prefix(msg.encode()))

        def _onSocketHasData(self, data: bytes) -> None:
            try:
                for frame in _frames(self._bytes, data):
                    if self.connState == self.DISCONNECTED:
                        return  # given up, perhaps by the frame before this one
                    super()._onSocketHasData(frame)
            except Exception as error:  # noqa: BLE001 — boundary: whatever a message broke, the session ends
                suspect(f"{error}" if isinstance(error, DecodeError) else f"{type(error).__name__}: {error}")

        def _onSocketDisconnected(self, msg: str) -> None:
            self.reset()
            lost(msg)

    client: WireClient = Client()
    return client


def _frames(buffer: bytearray, data: bytes) -> list[bytes]:
    """Cut what has arrived into whole frames, length included; the rest stays in the buffer."""
    buffer += data
    frames: list[bytes] = []
    start = 0
    while len(buffer) - start >= _LENGTH.size:
        (length,) = _LENGTH.unpack_from(buffer, start)
        if not 0 < length <= FRAME_LIMIT:
            raise DecodeError(f"a message claims to have {length} bytes")
        end = start + _LENGTH.size + length
        if len(buffer) < end:
            break
        frames.append(bytes(buffer[start:end]))
        start = end
    del buffer[:start]
    return frames


def _decoder_type(library: Library) -> type:
    class Decoder(library.decoder):  # type: ignore[misc, name-defined]  # known only when the library is loaded
        """The library's Decoder that lets nothing pass in silence."""

        def interpret(self, fields: Sequence[str]) -> None:
            try:
                handler = self.handlers.get(int(fields[0]))
                if handler is not None:  # a message that the library does not know is none that was asked for
                    handler(fields)
            except DecodeError:
                raise
            except Exception as error:
                raise DecodeError(f"a message cannot be read ({error!r}): {_shown(fields)}") from error

        def wrap(
            self,
            methodName: str,
            types: Sequence[type],
            skip: int = 2,
        ) -> Callable[[Sequence[str]], None]:
            def handler(fields: Sequence[str]) -> None:
                method = getattr(self.wrapper, methodName)
                values = fields[skip : skip + len(types)]
                if len(values) < len(types):
                    raise DecodeError(f"a {methodName} is short: {_shown(fields)}")
                method(*(_parsed(kind, text) for kind, text in zip(types, values, strict=True)))

            return handler

    return Decoder


def _parsed(kind: type, text: str) -> object:
    if kind is str:
        return text
    if kind is int:
        return int(text or 0)
    if kind is bool:
        return bool(int(text or 0))
    number = float(text or 0)
    if isnan(number):
        raise DecodeError("a number is NaN")
    return number


def _shown(fields: Sequence[str]) -> str:
    return ",".join(fields)[:200]
