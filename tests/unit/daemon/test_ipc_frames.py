"""Frames between supervisor and engine process."""

from __future__ import annotations

import struct
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livetrader.ipc.frames import (
    MAX_FRAME_BYTES,
    MAX_MESSAGES,
    FrameError,
    FrameSplitter,
    decode_from_engine,
    decode_to_engine,
    encode,
)
from livetrader.ipc.messages import BucketLevel, StartEngine, StepCompleted, TrainingReported, TrainingState
from livetrader.store.options import Credentials, StoreOptions
from livetrader_engine.commands import SubmitOrder
from livetrader_engine.data.bars import PriceScale, QuoteBar, Tick, TradeBar
from livetrader_engine.events import (
    AccountLoaded,
    MarketDataArrived,
    OrderEventArrived,
    PositionRecord,
    TimePulse,
)
from livetrader_engine.orders.order import ExecutionId, Fill, OrderId, OrderSpec, OrderType
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.symbols import SecurityType, Symbol

SPY = Symbol.create("SPY", "SPY", SecurityType.EQUITY, "usa")
HEADER = struct.Struct(">I")


def bodies(stream: bytes) -> list[bytes]:
    return list(FrameSplitter().feed(stream))


def test_half_a_character_travels_as_the_sign_for_none() -> None:
    spec = OrderSpec(OrderId(1), SPY, OrderType.MARKET, Decimal("-0.10"), 1, Decimal("2.50"), tag="a\ud83d")
    whole = msgspec.structs.replace(spec, tag="a\ufffd")
    (body,) = bodies(encode([TimePulse(3), SubmitOrder(spec)]))
    (expected,) = bodies(encode([TimePulse(3), SubmitOrder(whole)]))
    assert body == expected


def test_market_data_arrives_as_it_was_sent() -> None:
    scale = PriceScale(Decimal("0.0001"), Decimal("0.5"))
    trade = TradeBar(SPY, 1, 2, 1.0, 2.0, 0.5, 1.5, 100.0, True, scale)
    quote = QuoteBar(SPY, 1, 2, 1.0, 1.0, 1.0, 1.0, 5.0, 2.0, 2.0, 2.0, 2.0, 6.0)
    tick = Tick(SPY, 2, price=1.25, quantity=3.0)
    (body,) = bodies(encode([MarketDataArrived(2, 7, (trade, quote, tick)), TimePulse(3)]))
    market, pulse = decode_to_engine(body)
    assert isinstance(market, MarketDataArrived)
    assert market.sequence == 7
    got_trade, got_quote, got_tick = market.points
    assert got_trade.symbol is SPY
    assert isinstance(got_trade, TradeBar)
    assert (got_trade.close, got_trade.fill_forward, got_trade.scale) == (1.5, True, scale)
    assert isinstance(got_quote, QuoteBar)
    assert (got_quote.bid_size, got_quote.ask_size) == (5.0, 6.0)
    assert isinstance(got_tick, Tick)
    assert got_tick.price == 1.25
    assert pulse == TimePulse(3)


def test_orders_and_accounts_keep_their_last_digit() -> None:
    fill = Fill(ExecutionId("x"), Decimal("-1.10"), Decimal("3.1400"), 5, Decimal("0.10"))
    event = OrderEventArrived(OrderId(3), OrderStatus.FILLED, 5, fill)
    account = AccountLoaded(1, {"USD": Decimal("1.50")}, (PositionRecord(SPY, Decimal(2), Decimal("0.100")),))
    store = StoreOptions("o", "p", 5, None, {"anon": True, "port": 1})
    start = StartEngine(
        1, "a.py", None, {"k": "v"}, "d", store, "s", account, BucketLevel(1.0, 2), {"nice": 1.0}
    )
    start = msgspec.structs.replace(start, credentials=Credentials({"AWS_PROFILE": "x"}))
    (body,) = bodies(encode([event, start]))
    assert decode_to_engine(body) == [event, start]
    assert str(decode_to_engine(body)[0].fill.price) == "3.1400"  # type: ignore[union-attr]  # it is ours

    spec = OrderSpec(OrderId(1), SPY, OrderType.MARKET, Decimal("-0.10"), 1, Decimal("2.50"))
    report = TrainingReported(1, 1, "train", TrainingState.READY, "", BucketLevel(1.0, 2), 3.0)
    messages = [SubmitOrder(spec), StepCompleted(1, 2), report]
    (body,) = bodies(encode(messages))
    assert decode_from_engine(body) == messages


@given(st.lists(st.integers(0, 300), max_size=12), st.integers(1, 64))
def test_frames_survive_any_cutting_of_the_stream(sizes: list[int], step: int) -> None:
    sent = [bytes([index % 256]) * size for index, size in enumerate(sizes)]
    stream = b"".join(HEADER.pack(len(body)) + body for body in sent)
    splitter = FrameSplitter()
    got = [
        body for start in range(0, len(stream), step) for body in splitter.feed(stream[start : start + step])
    ]
    assert got == sent
    assert not splitter.unfinished


def test_a_stream_that_ends_inside_a_frame_is_unfinished() -> None:
    splitter = FrameSplitter()
    assert list(splitter.feed(encode([TimePulse(1)])[:-1])) == []
    assert splitter.unfinished


def test_an_oversized_frame_is_refused_before_it_is_read() -> None:
    with pytest.raises(FrameError, match="announces"):
        bodies(HEADER.pack(MAX_FRAME_BYTES + 1))


def test_too_much_for_one_frame_is_refused_by_the_sender() -> None:
    with pytest.raises(FrameError, match="messages do not fit"):
        encode([TimePulse(1)] * (MAX_MESSAGES + 1))


@pytest.mark.parametrize(
    "body",
    [b"", b"\xc1", b"garbage", b"\x91\x81\xa4type\xa4nope", b"\x01", b"\x91\x82\xa1x" + b"\x91" * 10_000],
)
def test_a_corrupt_frame_names_the_side_it_came_from(body: bytes) -> None:
    with pytest.raises(FrameError, match="from the engine process is corrupt"):
        decode_from_engine(body)
    with pytest.raises(FrameError, match="from the supervisor is corrupt"):
        decode_to_engine(body)


@given(st.binary(max_size=200))
def test_no_bytes_make_the_decoder_raise_anything_else(body: bytes) -> None:
    try:
        decode_from_engine(body)
    except FrameError:
        return
