"""Frames on the socket between supervisor and engine process: four bytes of length, then msgpack.

A frame carries a list of messages. Those of one frame are handed over together, so that what the sender
held to be one instant (fills at a price and the bar with that price) arrives as one instant.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from livetrader.ipc.messages import FromEngine, ToEngine
from livetrader_engine.wire import decode_hook, encode_hook, writable

MAX_FRAME_BYTES: Final = 16 * 1024 * 1024  # a step of 50,000 bars is 5 MB; more is a mistake or an attack
MAX_MESSAGES: Final = 4096  # messages per frame; a sender with more uses several frames
_HEADER: Final = struct.Struct(">I")

_encoder: Final = msgspec.msgpack.Encoder(enc_hook=encode_hook)
_to_engine: Final = msgspec.msgpack.Decoder(list[ToEngine], dec_hook=decode_hook)
_from_engine: Final = msgspec.msgpack.Decoder(list[FromEngine], dec_hook=decode_hook)


class FrameError(Exception):
    """The other end sent something that is no frame, or is too large. The link cannot be used further."""


def encode(messages: Sequence[ToEngine | FromEngine]) -> bytes:
    """Return the messages as one frame. Raises FrameError where they are too many or too large for one.

    Half a character in a text, as a tag of an algorithm may have it, travels as the sign for none.
    """
    if len(messages) > MAX_MESSAGES:
        raise FrameError(f"{len(messages)} messages do not fit into a frame of {MAX_MESSAGES}")
    try:
        body = _encoder.encode(messages)
    except UnicodeEncodeError:
        plain = msgspec.to_builtins(messages, builtin_types=(bytes,), enc_hook=encode_hook)
        body = _encoder.encode(_writable(plain))
    if len(body) > MAX_FRAME_BYTES:
        raise FrameError(f"a frame of {len(body)} bytes is over the limit of {MAX_FRAME_BYTES}")
    return _HEADER.pack(len(body)) + body


def _writable(value: Any) -> Any:
    """Return plain values with all their texts writable."""
    if isinstance(value, str):
        return writable(value)
    if isinstance(value, dict):
        return {_writable(key): _writable(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_writable(each) for each in value]
    return value


def decode_to_engine(body: bytes) -> list[ToEngine]:
    """Return what the supervisor sent. Raises FrameError for anything that is not of the protocol."""
    try:
        return _to_engine.decode(body)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise FrameError(f"a frame from the supervisor is corrupt: {error}") from error


def decode_from_engine(body: bytes) -> list[FromEngine]:
    """Return what the engine process sent. Raises FrameError for anything that is not of the protocol."""
    try:
        return _from_engine.decode(body)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise FrameError(f"a frame from the engine process is corrupt: {error}") from error


class FrameSplitter:
    """Cuts a stream of bytes into frame bodies. Holds at most one unfinished frame."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Take bytes as they come and yield every body that is complete. Raises FrameError."""
        self._buffer += chunk
        start = 0
        try:
            while len(self._buffer) - start >= _HEADER.size:
                (length,) = _HEADER.unpack_from(self._buffer, start)
                if length > MAX_FRAME_BYTES:
                    raise FrameError(f"a frame announces {length} bytes; the limit is {MAX_FRAME_BYTES}")
                end = start + _HEADER.size + length
                if len(self._buffer) < end:
                    break
                yield bytes(self._buffer[start + _HEADER.size : end])
                start = end
        finally:
            del self._buffer[:start]

    @property
    def unfinished(self) -> bool:
        """Whether the stream stands inside a frame; at its end that means: cut off."""
        return bool(self._buffer)
