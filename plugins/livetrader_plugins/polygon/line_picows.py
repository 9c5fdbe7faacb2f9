"""A line through picows: the frames of one read of the socket are handed on together.

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

READ_BYTES: Final = 256 * 1024  # of the buffer to begin with; it grows with what waits in the socket
TURN_BYTES: Final = 128 * 1024  # handed on in one turn of the loop: a thousand events, a millisecond or two
NO_CODE: Final = 1005  # a close frame that names no code
_TEXT: Final = WSMsgType.TEXT
_logger: Final = logging.getLogger("livetrader.polygon.picows")
_logger.setLevel(logging.CRITICAL)  # what it has to say, we say ourselves


class PicowsLine(WSListener):
    """One connection. Mutable state: frames that were read and not handed on yet, and how it ended.

    After a pause a read may bring megabytes. They are handed on in parts, one a turn of the loop, so that
    others have their turns; meanwhile nothing more is read.
    """

    def __init__(self, ears: Ears, spawn: Spawn) -> None:
        self._ears = ears
        self._spawn = spawn
        self._frames: list[bytes] = []
        self._hands_on = False  # the next turn of the loop does
        self._is_paused = False
        self._lives = False  # a pong came
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
                    read_buffer_init_size=READ_BYTES, websocket_handshake_timeout=None, logger_name=_logger,
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
        """Keep the transport."""
        self._transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Collect frames; hand them on at the end of the read."""
        if frame.msg_type is _TEXT and frame.fin:
            self._frames.append(frame.get_payload_as_bytes())
        else:
            self._other(transport, frame)
        if frame.last_in_buffer and not self._hands_on:
            self._hand_on()

    def _hand_on(self) -> None:
        """Hand on what one turn of the loop can take."""
        self._hands_on = False
        frames, size, count = self._frames, 0, 0
        while count < len(frames) and size < TURN_BYTES:
            size += len(frames[count])
            count += 1
        self._frames = frames[count:]
        if count and not self._closed:
            self._ears.frames(frames if count == len(frames) else frames[:count])
        if self._frames and not self._closed:
            self._hands_on = True
            self._pause(True)
            asyncio.get_running_loop().call_soon(self._hand_on)
            return
        self._pause(False)
        if self._lives and not self._closed:
            self._lives = False
            self._ears.alive()

    def _pause(self, is_paused: bool) -> None:
        """Read nothing until what was read is handed on, or go on reading."""
        if self._transport is None or self._is_paused is is_paused:
            return
        self._is_paused = is_paused
        reader = cast(asyncio.ReadTransport, self._transport.underlying_transport)
        if is_paused:
            reader.pause_reading()
        else:
            reader.resume_reading()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """Hand on what came before the end."""
        self._transport = None
        frames, self._frames = self._frames, []
        if frames and not self._closed:
            self._ears.frames(frames)

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
            self._lives = True  # told behind the frames that came before it
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
            self._frames.append(bytes(self._part))
            self._part.clear()
