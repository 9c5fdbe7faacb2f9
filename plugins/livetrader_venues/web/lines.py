"""The bytes of one connection: HTTP until a client asks for a WebSocket, then that."""

from __future__ import annotations

from livetrader_venues.web.http import MAX_HEAD, BadRequest, Request, parsed
from livetrader_venues.web.websocket import Message, Reader

_END = b"\r\n\r\n"


class Line:
    """Turns what a client sent into requests and messages. It owns what is not whole yet."""

    def __init__(self) -> None:
        self.is_websocket = False
        self._buffer = bytearray()
        self._reader = Reader()

    def received(self, data: bytes) -> list[Request | Message]:
        """Return what is whole now. Raises BadRequest for what is neither HTTP nor WebSocket."""
        found: list[Request | Message] = []
        if not self.is_websocket:
            self._buffer += data
            while not self.is_websocket and (end := self._buffer.find(_END)) >= 0:
                request = parsed(bytes(self._buffer[:end]))
                del self._buffer[: end + len(_END)]
                self.is_websocket = request.headers.get("upgrade", "").lower() == "websocket"
                found.append(request)
            if not self.is_websocket and len(self._buffer) > MAX_HEAD:
                raise BadRequest(f"the head of a request is longer than {MAX_HEAD} bytes")
            data = bytes(self._buffer) if self.is_websocket else b""
            if self.is_websocket:
                self._buffer.clear()
        if self.is_websocket:
            found += self._reader.received(data)
        return found
