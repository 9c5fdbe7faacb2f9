"""Frame messages and greet clients: what lies below the fields of the TWS API.

A frame is a big-endian 32 bit length and as many bytes; the bytes are fields, each ended by a NUL. A client
begins with the four bytes `API` NUL and one frame that names the server versions it knows, `v100..178`,
maybe with options after a blank. The server answers with one frame of two fields, its version and its time,
and says nothing more before startApi: the official client loses what comes in the same packet as that
answer.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

LOWEST_VERSION = 100  # the first with framed messages
HIGHEST_VERSION = 178  # from 201 the protocol is protobuf; clients that know 178 know all that orders need
GREETING = b"API\0"
FRAME_LIMIT_BYTES = 1 << 20  # a placeOrder has about 1 kB; more than this is no client
_LENGTH = struct.Struct(">I")
_VERSIONS = re.compile(rb"v(\d+)(?:\.\.(\d+))?(?: (.*))?", re.DOTALL)


class ProtocolError(Exception):
    """What arrived is not the TWS API: the connection is closed, as TWS does."""


@dataclass(frozen=True, slots=True)
class Greeting:
    """The versions that a client offers."""

    lowest: int
    highest: int
    options: str = ""


def frame(body: bytes) -> bytes:
    """Return a body with its length in front."""
    return _LENGTH.pack(len(body)) + body


def text(value: object) -> str:
    """Return one field as TWS writes it: true is 1, nothing is empty."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    return str(value)


def encode(fields: list[object]) -> bytes:
    """Return the frame of one message. Characters beyond ASCII become escapes, as since version 153."""
    joined = "".join(text(field) + "\0" for field in fields)
    return frame(joined.encode("ascii", errors="backslashreplace"))


def decode(body: bytes) -> list[str]:
    """Return the fields of a frame's body. Raises ProtocolError for a body that does not end with NUL."""
    if not body.endswith(b"\0"):
        raise ProtocolError("a message must end with NUL")
    return body.decode("utf-8", errors="replace").split("\0")[:-1]


def greeting(body: bytes) -> Greeting:
    """Return what a client offers. Raises ProtocolError."""
    found = _VERSIONS.fullmatch(body)
    if found is None:
        raise ProtocolError(f"not a greeting: {body[:40]!r}")
    lowest = int(found[1])
    return Greeting(lowest, int(found[2] or lowest), (found[3] or b"").decode("ascii", errors="replace"))


def negotiated(offer: Greeting, highest: int = HIGHEST_VERSION) -> int | None:
    """Return the version both know, None where there is none. The client checks its own lowest."""
    version = min(offer.highest, highest)
    return version if version >= LOWEST_VERSION else None


class Frames:
    """Cuts what arrives into frames, in whatever pieces it comes. One for each connection.

    The greeting is the first body that comes out.
    """

    def __init__(self) -> None:
        self._data = bytearray()
        self._greeted = False

    def feed(self, data: bytes) -> list[bytes]:
        """Return the bodies that are complete now, the greeting's first. Raises ProtocolError."""
        self._data += data
        bodies: list[bytes] = []
        if not self._greeted:
            if len(self._data) < len(GREETING):
                return bodies
            if not self._data.startswith(GREETING):
                raise ProtocolError("a client begins with API and NUL")
            del self._data[: len(GREETING)]
            self._greeted = True
        while len(self._data) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._data)
            if length > FRAME_LIMIT_BYTES:
                raise ProtocolError(f"a frame of {length} bytes")
            if len(self._data) < _LENGTH.size + length:
                break
            bodies.append(bytes(self._data[_LENGTH.size : _LENGTH.size + length]))
            del self._data[: _LENGTH.size + length]
        return bodies
