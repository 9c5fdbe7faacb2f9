"""A WebSocket server that says whatever it is given, byte by byte: on the loop of the feed to be spoiled."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import struct
from random import Random

from livetrader_venues.closing import close_port

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def text_frame(payload: bytes, opcode: int = 1, first: int = 0x80) -> bytes:
    """Return a frame of a server; `first` has the bits beside the opcode."""
    size = len(payload)
    if size < 126:
        return struct.pack(">BB", first | opcode, size) + payload
    if size < 65_536:
        return struct.pack(">BBH", first | opcode, 126, size) + payload
    return struct.pack(">BBQ", first | opcode, 127, size) + payload


def spoiled_frame(payload: bytes, random: Random) -> bytes:
    """Return bytes that are wrong as a frame, or unusual."""
    way = random.randrange(10)
    if way == 0:
        return text_frame(payload, 2)  # binary
    if way == 1:
        return text_frame(payload, random.choice((3, 5, 7, 11, 13, 15)))  # opcodes that do not exist
    if way == 2:
        return text_frame(payload, 1, 0x80 | random.choice((0x10, 0x20, 0x40, 0x70)))  # reserved bits
    if way == 3:  # in parts, maybe without an end
        cut = random.randrange(len(payload) + 1)
        parts = text_frame(payload[:cut], 1, 0) + text_frame(b"hi", 9)
        return parts + (text_frame(payload[cut:], 0) if random.random() < 0.7 else b"")
    if way == 4:
        return text_frame(payload, 0)  # the end of nothing
    if way == 5:
        return struct.pack(">BBQ", 0x81, 127, random.choice((2**63, 2**40, 5 * 2**20))) + payload
    if way == 6:
        return text_frame(
            struct.pack(">H", random.choice((0, 999, 1000, 1005, 1006, 1012, 4999))) + payload[:150], 8
        )
    if way == 7:
        return text_frame(payload[:125], random.choice((9, 10)))
    if way == 8:
        return struct.pack(">BB", 0x81, 0x80 | min(len(payload), 125)) + b"mask" + payload[:125]  # masked
    return random.randbytes(random.randint(1, 64))


class HostileStream:
    """Serves one client after the other: handshake, login, subscriptions as should be; else silent."""

    def __init__(self) -> None:
        self.port = 0
        self.topics: set[str] = set()
        self._server: asyncio.Server | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def __aenter__(self) -> HostileStream:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        await close_port(self._server)
        if self._writer is not None:
            self._writer.close()
        await self._server.wait_closed()

    async def say(self, data: bytes) -> None:
        """Write bytes to the client of now; goes nowhere where there is none."""
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(data)
            try:
                await self._writer.drain()
            except ConnectionError:
                self._writer = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            lines = [line.split(b":", 1) for line in head.split(b"\r\n") if b":" in line]
            key = next(value.strip() for name, value in lines if name.lower() == b"sec-websocket-key")
            accept = base64.b64encode(hashlib.sha1(key + _GUID).digest())
            writer.write(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
            )
            self._writer, self.topics = writer, set()
            self._tell("connected", ["Connected Successfully"])
            while True:
                await self._hear(reader)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()  # of a client in the middle of its handshake, too, when the server ends

    async def _hear(self, reader: asyncio.StreamReader) -> None:
        first, size = await reader.readexactly(2)
        size &= 127
        if size == 126:
            size = struct.unpack(">H", await reader.readexactly(2))[0]
        elif size == 127:
            size = struct.unpack(">Q", await reader.readexactly(8))[0]
        mask = await reader.readexactly(4)
        payload = bytes(byte ^ mask[at & 3] for at, byte in enumerate(await reader.readexactly(size)))
        if first & 15 == 9 and self._writer is not None:
            self._writer.write(text_frame(payload, 10))
        elif first & 15 == 1:
            word = json.loads(payload)
            names = [name.strip() for name in word["params"].split(",")]
            if word["action"] == "auth":
                self._tell("auth_success", ["authenticated"])
            else:
                done = self.topics.update if word["action"] == "subscribe" else self.topics.difference_update
                done(names)
                self._tell("success", [f"{word['action']}d to: {name}" for name in names])

    def _tell(self, status: str, messages: list[str]) -> None:
        words = [{"ev": "status", "status": status, "message": message} for message in messages]
        assert self._writer is not None
        self._writer.write(text_frame(json.dumps(words).encode()))
