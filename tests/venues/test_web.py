"""HTTP and WebSocket of the vendors' peers, byte by byte."""

from __future__ import annotations

import pytest

from livetrader_venues.web import websocket
from livetrader_venues.web.faults import Fault, FaultError, Kind
from livetrader_venues.web.http import BadRequest, Request
from livetrader_venues.web.lines import Line
from livetrader_venues.web.websocket import Message

UPGRADE = (
    b"GET /stocks HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def masked(payload: bytes, opcode: int = websocket.TEXT, *, final: bool = True) -> bytes:
    """Return a client's frame, masked with the bytes of RFC 6455's example."""
    mask = bytes.fromhex("37fa213d")
    size = len(payload)
    head = bytes(((0x80 if final else 0) | opcode,))
    if size < 126:
        head += bytes((0x80 | size,))
    elif size < 0x10000:
        head += bytes((0x80 | 126,)) + size.to_bytes(2, "big")
    else:
        head += bytes((0x80 | 127,)) + size.to_bytes(8, "big")
    return head + mask + bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))


def test_the_answer_to_an_upgrade_is_that_of_the_standard() -> None:
    (request,) = Line().received(UPGRADE)
    assert isinstance(request, Request)
    assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in websocket.accepted(request)


@pytest.mark.parametrize("size", [0, 5, 125, 126, 65535, 65536])
@pytest.mark.parametrize("step", [1, 1000, 10**6])
def test_messages_come_whole_however_the_bytes_are_cut(size: int, step: int) -> None:
    if step == 1 and size > 1000:
        step = 997
    data = UPGRADE + masked(b"x" * size) + masked(b"hi", websocket.PING)
    line, found = Line(), []
    for place in range(0, len(data), step):
        found += line.received(data[place : place + step])
    assert found[1:] == [Message(websocket.TEXT, b"x" * size), Message(websocket.PING, b"hi")]


def test_a_message_in_parts_is_put_together_around_a_ping() -> None:
    line = Line()
    line.received(UPGRADE)
    parts = masked(b"ab", final=False) + masked(b"?", websocket.PING) + masked(b"cd", websocket.CONTINUATION)
    assert line.received(parts) == [Message(websocket.PING, b"?"), Message(websocket.TEXT, b"abcd")]


def test_several_requests_of_one_connection_are_told_apart() -> None:
    data = b"GET /a?b=1%202 HTTP/1.1\r\nHost: x\r\n\r\nGET /c HTTP/1.1\r\n\r\n"
    one, other = Line().received(data)
    assert isinstance(one, Request)
    assert isinstance(other, Request)
    assert (one.path, one.query, one.headers, other.path) == ("/a", {"b": "1 2"}, {"host": "x"}, "/c")


@pytest.mark.parametrize(
    "data", [b"hello\r\n\r\n", b"x" * 70_000, UPGRADE + b"\x81\x02hi", UPGRADE + b"\x81\xff" + b"\xff" * 12]
)
def test_what_is_no_protocol_is_refused(data: bytes) -> None:
    with pytest.raises(BadRequest):
        Line().received(data)


def test_a_fault_that_cannot_strike_there_is_refused_with_what_could() -> None:
    with pytest.raises(FaultError, match="status cannot strike 'T'; there can be binary"):
        Fault(Kind.STATUS, on="T")
    with pytest.raises(FaultError, match="nothing is named 'Trades'"):
        Fault(Kind.MUTE, on="Trades")
