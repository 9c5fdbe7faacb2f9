"""A line through picows: frames are handed on as they come, small ones some together.

What picows leaves to its user is done here: answering a close frame, and joining the parts of a message.
TLS is verified with the system's certificates. Redirects are refused: the key would go where they point.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final, cast

from picows import (
    WSCloseCode,
    WSError,
    WSFrame,
    WSHandshakeError,
    WSListener,
    WSMsgType,
    WSTransport,
    ws_connect,
)

from livetrader_engine.spi import VenueError
from livetrader_plugins.polygon import words
from livetrader_plugins.polygon.line import Address, Ears, Spawn
from livetrader_plugins.polygon.protocol import FRAME_LIMIT, auth_request, topics_request

READ_BYTES: Final = 512 * 1024  # at most, in one turn of the loop: 4,500 events, some four milliseconds
BUFFER_BYTES: Final = 2 * READ_BYTES  # of picows to begin with; only a frame that is larger makes it grow
SMALL_BYTES: Final = 8 * 1024  # a frame below is small: what it costs by itself is more than joining it
PART_BYTES: Final = 16 * 1024  # of small frames that are handed on together: 140 events, still in the cache
CONTROL_BYTES: Final = 125  # of a ping, a pong or a close at most: picows takes no larger ones
NO_CODE: Final = 1005  # a close frame that names no code
_TEXT: Final = WSMsgType.TEXT
_logger: Final = logging.getLogger("livetrader.polygon.picows")
_logger.setLevel(logging.CRITICAL)  # what it has to say, we say ourselves


class Sips(asyncio.BufferedProtocol):
    """Has a protocol read at most READ_BYTES in a turn of the loop.

    After a pause megabytes wait in the socket: read at once they would hold the loop up. Read in many small
    parts, each part opens the window a little, and the kernel works for the next one while events are taken
    in: with 128 kB in a turn an event costs a tenth more. asyncio reads TLS in parts of 256 kB by itself.
    """

    def __init__(self, reader: asyncio.BufferedProtocol) -> None:
        self._reader = reader

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where the next read goes."""
        return memoryview(self._reader.get_buffer(sizehint))[:READ_BYTES]

    def buffer_updated(self, nbytes: int) -> None:
        """Know that so much was read."""
        self._reader.buffer_updated(nbytes)

    def eof_received(self) -> bool | None:
        """Know that nothing more comes."""
        return self._reader.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Know that it has ended."""
        self._reader.connection_lost(exc)

    def pause_writing(self) -> None:
        """Know that what was sent waits."""
        self._reader.pause_writing()

    def resume_writing(self) -> None:
        """Know that it is on its way."""
        self._reader.resume_writing()


class PicowsLine(WSListener):
    """One connection. Mutable state: small frames that were read and not handed on yet, and how it ended."""

    def __init__(self, ears: Ears, spawn: Spawn) -> None:
        self._ears = ears
        self._spawn = spawn
        self._small: list[bytes] = []
        self._size = 0  # of the small frames
        self._part = bytearray()  # of a message that comes in several frames
        self._transport: WSTransport | None = None
        self._host = ""
        self._why = ""
        self._closed = False  # by us: nobody is told any more

    async def open(self, address: Address, timeout_s: float) -> None:
        """Connect and send the login. Raises VenueError with the remedy."""
        self._host = address.host
        try:
            async with asyncio.timeout(timeout_s):
                transport, _ = await ws_connect(
                    lambda: self, address.url, max_frame_size=FRAME_LIMIT, max_redirects=0,
                    read_buffer_init_size=BUFFER_BYTES, websocket_handshake_timeout=None, logger_name=_logger,
                )  # fmt: skip
        except TimeoutError as error:
            raise VenueError(f"{address.url} did not answer within {timeout_s:g} s") from error
        except WSHandshakeError as error:
            raise VenueError(f"{address.url} is no stream of Polygon's: {error}; look at host") from error
        except (OSError, WSError) as error:
            raise VenueError(
                f"{address.url} cannot be reached: {error}; look at host, tls, and the way to the internet"
            ) from error
        transport.send(_TEXT, auth_request(address.key))
        self._spawn("polygon line end", self._end(transport))

    def send(self, action: str, topics: list[str]) -> None:
        """Subscribe to topics, or unsubscribe."""
        if self._transport is not None:
            self._transport.send(_TEXT, topics_request(action, topics))

    def ping(self) -> None:
        """Send a ping."""
        if self._transport is not None:
            self._transport.send_ping()

    def close(self) -> None:
        """End it at once, and say nothing more; idempotent."""
        self._closed = True
        if self._transport is not None:
            self._transport.send_close(WSCloseCode.OK)
            self._transport.disconnect(False)
            self._transport = None

    # ---- what picows calls

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Keep the transport, and read a little at a time."""
        self._transport = transport
        socket = transport.underlying_transport
        socket.set_protocol(Sips(cast(asyncio.BufferedProtocol, socket.get_protocol())))

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Hand frames on, in order; say when the read has no more of them.

        What kind a frame is, is asked of short ones only, and small ones are put aside here: of a frame of
        ten events the two would cost a thirtieth.
        """
        size = frame.payload_size
        if not frame.fin or self._part or (size <= CONTROL_BYTES and frame.msg_type is not _TEXT):
            self._other(transport, frame)
        elif size < SMALL_BYTES:
            self._small.append(frame.get_payload_as_bytes())
            self._size += size
            if self._size >= PART_BYTES:
                self._flush()
        else:
            if self._small:
                self._flush()
            if not self._closed:
                self._ears.frames([frame.get_payload_as_bytes()])
        if frame.last_in_buffer:
            self._flush()
            if not self._closed:
                self._ears.turn()

    def _flush(self) -> None:
        """Hand on the small frames."""
        frames, self._small, self._size = self._small, [], 0
        if frames and not self._closed:
            self._ears.frames(frames)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """Hand on what came before the end."""
        self._transport = None
        self._flush()
        if not self._closed:
            self._ears.turn()

    async def _end(self, transport: WSTransport) -> None:
        """Say that it has ended, once, behind what came before; with what picows could not read."""
        broken = ""
        try:
            await transport.wait_disconnected()
        except WSError as error:
            broken = f": {error}"
        except Exception as error:  # noqa: BLE001 — boundary: what a callback of ours raised; picows kept it
            said = {"message": "frames of Polygon's could not be taken", "exception": error}
            asyncio.get_running_loop().call_exception_handler(said)
            broken = f": {error!r}"
        if not self._closed:
            self._closed = True
            self._ears.ended(self._why or f"the connection to {self._host} broke off{broken}")

    def _other(self, transport: WSTransport, frame: WSFrame) -> None:
        kind = frame.msg_type
        if kind is WSMsgType.PONG:
            self._flush()
            if not self._closed:
                self._ears.turn()
                self._ears.alive()
        elif kind is WSMsgType.CLOSE:
            said = frame.get_payload_as_bytes()  # not every code has a name at picows
            code = int.from_bytes(said[:2], "big") if len(said) > 1 else NO_CODE
            self._why = words.closed(self._host, code, said[2:].decode("utf-8", "replace"))
            transport.send_close(WSCloseCode.OK)
            transport.disconnect()
        elif kind is not WSMsgType.PING:  # picows answers those itself
            self._take_part(transport, frame)

    def _take_part(self, transport: WSTransport, frame: WSFrame) -> None:
        """Take a binary message, or a part of one that comes in several frames."""
        self._part += frame.get_payload_as_bytes()
        if len(self._part) > FRAME_LIMIT:
            self._why = f"{self._host} sent a message of more than {FRAME_LIMIT} bytes"
            transport.send_close(WSCloseCode.MESSAGE_TOO_BIG)
            transport.disconnect(False)
        elif frame.fin:
            self._small.append(bytes(self._part))
            self._size += len(self._part)
            self._part.clear()
