"""Frames and what they say: what cannot be read is counted, and it is known whose it was."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from livetrader_plugins.polygon.protocol import (
    Event,
    FrameDecoder,
    Lost,
    MinuteBar,
    Quote,
    SecondBar,
    Status,
    Trade,
    Value,
)

# As Polygon's reference shows them, fields that are not used included.
TRADE = {"ev": "T", "sym": "MSFT", "x": 4, "i": "12345", "z": 3, "p": 114.125, "s": 100, "c": [0, 12],
         "t": 1536036818784, "q": 3681328}  # fmt: skip
QUOTE = {"ev": "Q", "sym": "MSFT", "bx": 4, "bp": 114.125, "bs": 100, "ax": 7, "ap": 114.128, "as": 160,
         "c": 0, "i": [604], "t": 1536036818784, "q": 50385480, "z": 3}  # fmt: skip
SECOND = {"ev": "A", "sym": "SPCE", "v": 200, "av": 8642007, "op": 25.66, "vw": 25.3981, "o": 25.39,
          "c": 25.4, "h": 25.41, "l": 25.38, "a": 25.3714, "z": 50,
          "s": 1610144868000, "e": 1610144869000}  # fmt: skip
MINUTE = {**SECOND, "ev": "AM", "e": 1610144928000}
VALUE = {"ev": "V", "val": 3988.5, "T": "I:SPX", "t": 1678220098130}
STATUS = {"ev": "status", "status": "success", "message": "subscribed to: T.MSFT"}
KINDS = (TRADE, QUOTE, SECOND, MINUTE, VALUE, STATUS)


def frame(*events: dict[str, Any]) -> bytes:
    return json.dumps(events).encode()


def read(*frames: bytes) -> tuple[list[Event], FrameDecoder]:
    decoder = FrameDecoder()
    return decoder.decode(frames), decoder


def test_every_kind_of_event_is_read_as_polygon_documents_it() -> None:
    events, decoder = read(frame(*KINDS))
    trade, quote, second, minute, value, status = events
    assert isinstance(trade, Trade) and (trade.sym, trade.p, trade.s) == ("MSFT", 114.125, 100)
    assert (trade.t, trade.q, trade.c) == (1536036818784, 3681328, (0, 12))
    assert isinstance(quote, Quote)
    assert (quote.bp, quote.bs, quote.ap, quote.ask_size) == (114.125, 100, 114.128, 160)
    assert isinstance(second, SecondBar)
    assert (second.o, second.h, second.l, second.c) == (25.39, 25.41, 25.38, 25.4)
    assert isinstance(minute, MinuteBar)
    assert (minute.v, minute.s, minute.e) == (200, 1610144868000, 1610144928000)
    assert isinstance(value, Value) and (value.sym, value.val) == ("I:SPX", 3988.5)
    assert isinstance(status, Status) and status.message == "subscribed to: T.MSFT"
    assert not decoder.refused and not decoder.take_lost()


@given(st.lists(st.lists(st.sampled_from(KINDS), min_size=1, max_size=4), min_size=1, max_size=6))
def test_frames_read_together_say_what_they_say_one_by_one(groups: list[list[dict[str, Any]]]) -> None:
    frames = [frame(*events) for events in groups]
    together, _ = read(*frames)
    apart = [event for each in frames for event in read(each)[0]]
    assert msgspec.to_builtins(together) == msgspec.to_builtins(apart)
    assert len(together) == sum(len(events) for events in groups)


def test_one_bad_frame_loses_no_neighbour_and_is_everybodys_loss() -> None:
    events, decoder = read(frame(TRADE), b'[{"ev":"T","sym":"AAP', frame(QUOTE))
    assert [type(event) for event in events] == [Trade, Quote]
    assert decoder.refused == {"not a JSON array": 1}
    assert decoder.take_lost() == [Lost("", 0)]
    assert decoder.take_lost() == []


def test_one_bad_event_loses_no_neighbour_and_it_is_known_whose_it_was() -> None:
    bad = {**TRADE, "p": "a lot"}
    events, decoder = read(frame(TRADE, bad, QUOTE))
    assert [type(event) for event in events] == [Trade, Quote]
    assert decoder.refused == {"a field is missing or no number": 1}
    assert decoder.take_lost() == [Lost("MSFT", 1536036818784)]


def test_not_a_number_is_told_apart_from_a_broken_frame() -> None:
    broken = frame(TRADE, QUOTE).replace(b'"p": 114.125', b'"p": NaN')
    events, decoder = read(broken)
    assert [type(event) for event in events] == [Quote]
    assert decoder.take_lost() == [Lost("MSFT", 1536036818784)]


def test_a_kind_of_event_that_nobody_asked_for_is_counted_and_nothing_is_lost() -> None:
    events, decoder = read(frame({"ev": "LULD", "T": "MSFT", "h": 1}, TRADE))
    assert [type(event) for event in events] == [Trade]
    assert decoder.refused == {"unknown kind of event": 1}
    assert decoder.take_lost() == []


def test_losses_that_nobody_looks_at_stay_few() -> None:
    bad = {**TRADE, "p": None}
    _, decoder = read(*[frame(*[bad] * 50)] * 10)
    assert decoder.refused.total() == 500
    assert decoder.take_lost()[0] == Lost("", 0)


@given(st.binary(max_size=80), st.integers(min_value=0), st.integers(min_value=0))
def test_whatever_comes_is_read_or_counted(noise: bytes, start: int, end: int) -> None:
    whole = frame(*KINDS)
    start, end = sorted((start % len(whole), end % len(whole)))
    for each in (noise, whole[:start] + noise + whole[end:], whole[start:end]):
        events, decoder = read(frame(TRADE), each)
        assert isinstance(events[0], Trade)  # its neighbour is there, whatever it was
        assert all(isinstance(event, Event) for event in events)
        assert len(events) > 1 or decoder.refused or each.strip() in (b"[]",)
