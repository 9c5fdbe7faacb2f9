"""The server's side of RFC 6455, without extensions."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha1
from typing import NamedTuple

from livetrader_venues.web.http import BadRequest, Request

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
MAX_MESSAGE = 1024 * 1024  # bytes of a client's message: thousands of topics fit
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_FINAL, _MASKED = 0x80, 0x80
_SHORT, _MEDIUM = 126, 127


class Message(NamedTuple):
    """What a client sent, whole."""

    opcode: int
    payload: bytes


def accepted(request: Request) -> bytes:
    """Return the answer to an upgrade. Raises BadRequest where it lacks its key."""
    key = request.headers.get("sec-websocket-key")
    if key is None:
        raise BadRequest("an upgrade without Sec-WebSocket-Key")
    token = b64encode(sha1(key.encode() + _GUID).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + token + b"\r\n\r\n"
    )


def frame(payload: bytes, opcode: int = TEXT) -> bytes:
    """Return one whole frame, unmasked as servers send it."""
    size = len(payload)
    if size < _SHORT:
        return bytes((_FINAL | opcode, size)) + payload
    if size < 0x10000:
        return bytes((_FINAL | opcode, _SHORT)) + size.to_bytes(2, "big") + payload
    return bytes((_FINAL | opcode, _MEDIUM)) + size.to_bytes(8, "big") + payload


def close_frame(code: int, reason: str = "") -> bytes:
    """Return the frame that ends a connection in order."""
    return frame(code.to_bytes(2, "big") + reason.encode(), CLOSE)


class Reader:
    """Puts a client's frames together. It owns the bytes that are not whole yet."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._opcode = 0
        self._parts: list[bytes] = []

    def received(self, data: bytes) -> list[Message]:
        """Return the messages that are whole now. Raises BadRequest for what breaks the protocol."""
        self._buffer += data
        found = []
        while (one := self._frame()) is not None:
            final, opcode, payload = one
            if opcode >= CLOSE:
                found.append(Message(opcode, payload))
                continue
            if opcode != CONTINUATION:
                self._opcode = opcode
            self._parts.append(payload)
            if final:
                found.append(Message(self._opcode, b"".join(self._parts)))
                self._parts.clear()
        return found

    def _frame(self) -> tuple[bool, int, bytes] | None:
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        if not buffer[1] & _MASKED:
            raise BadRequest("a client's frame must be masked")
        size, place = buffer[1] & 0x7F, 2
        if size == _SHORT:
            size, place = int.from_bytes(buffer[2:4], "big"), 4
        elif size == _MEDIUM:
            size, place = int.from_bytes(buffer[2:10], "big"), 10
        if size > MAX_MESSAGE:
            raise BadRequest(f"a message of {size} bytes is too long")
        end = place + 4 + size
        if len(buffer) < end:
            return None
        mask = bytes(buffer[place : place + 4])
        masked = bytes(buffer[place + 4 : end])
        head = buffer[0]
        del buffer[:end]
        return bool(head & _FINAL), head & 0x0F, _unmasked(masked, mask)


def _unmasked(payload: bytes, mask: bytes) -> bytes:
    size = len(payload)
    key = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(size, "big")
