"""Frames, greetings and layouts: what is written is known from IB's documentation, not from our code."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livetrader_venues.tws import layouts, wire
from livetrader_venues.tws.requests import parsed
from livetrader_venues.tws.wire import Frames, Greeting, ProtocolError

HELLO = b"API\0\x00\x00\x00\x09v100..176"


def test_a_message_is_its_length_and_fields_ended_by_nul() -> None:
    assert wire.encode([49, 1, True, None, "é"]) == b"\x00\x00\x00\x0d49\x001\x001\x00\x00\\xe9\x00"
    assert wire.decode(b"71\x002\x00\x00") == ["71", "2", ""]


@given(st.lists(st.integers(0, 40), max_size=12))
def test_frames_come_out_whole_in_whatever_pieces_they_come(cuts: list[int]) -> None:
    data = HELLO + wire.frame(b"a\0") + wire.frame(b"") + wire.frame(b"b\0c\0")
    frames, bodies, at = Frames(), [], 0
    for cut in sorted({min(cut, len(data)) for cut in cuts} | {len(data)}):
        bodies += frames.feed(data[at:cut])
        at = cut
    assert bodies == [b"v100..176", b"a\0", b"", b"b\0c\0"]


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1", b"API\0\xff\xff\xff\xff", b"\0\0\0\0"])
def test_what_is_no_client_is_refused(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        Frames().feed(data)


@pytest.mark.parametrize(
    ("said", "highest", "version"),
    [
        (b"v100..176", 178, 176),
        (b"v157..226", 178, 178),
        (b"v157..178 +PACEAPI", 163, 163),
        (b"v100..178", 100, 100),
        (b"v176", 178, 176),
        (b"v66..99", 178, None),
    ],
)
def test_the_version_is_the_highest_that_both_know(said: bytes, highest: int, version: int | None) -> None:
    assert wire.negotiated(wire.greeting(said), highest) == version


def test_a_greeting_may_have_options() -> None:
    assert wire.greeting(b"v100..176 +PACEAPI") == Greeting(100, 176, "+PACEAPI")
    with pytest.raises(ProtocolError):
        wire.greeting(b"hello")


def test_a_layout_has_the_fields_of_its_version() -> None:
    layout = "first old<120 new>=120 @group"
    assert [part.name for part in layouts.parts(layout, 119)] == ["first", "old", "group"]
    assert [part.name for part in layouts.parts(layout, 120)] == ["first", "new", "group"]
    with pytest.raises(ValueError, match="not a part"):
        layouts.parts("first, second", 120)


def test_a_cancel_has_a_time_since_version_169() -> None:
    assert parsed(["4", "1", "17"], 168).values.whole("orderId") == 17
    assert parsed(["4", "1", "17", ""], 169).request_id == 17
    with pytest.raises(ProtocolError):
        parsed(["4", "1", "17"], 169)
    with pytest.raises(ProtocolError):
        parsed(["4", "1", "17", "", ""], 169)
