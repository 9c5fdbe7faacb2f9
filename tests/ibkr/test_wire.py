"""The wire itself: frames, broken messages, order ids, codes, the message limit, the link."""

from __future__ import annotations

import asyncio
import json
import struct
import threading
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest

from livetrader_engine.orders.order import ClientOrderId
from livetrader_engine.orders.states import CLOSED, OrderStatus
from livetrader_engine.spi import BrokerageEvent, ExecutionReport, FeeReported, PluginError, VenueError
from livetrader_engine.testing.host import PluginHost
from livetrader_plugins.ibkr import identifiers, numbering, throttle, tracked
from livetrader_plugins.ibkr import library as libraries
from livetrader_plugins.ibkr.codes import Meaning, Subject, meaning_of
from livetrader_plugins.ibkr.identifiers import (
    BLOCK,
    FILE_NAME,
    OrderIds,
    execution_name,
    read_reserved,
    write_reserved,
)
from livetrader_plugins.ibkr.link import Farm, LinkState, after
from livetrader_plugins.ibkr.news import News
from livetrader_plugins.ibkr.numbering import OrderNumbers
from livetrader_plugins.ibkr.orderbook import OrderBook
from livetrader_plugins.ibkr.session import Address, TwsSession
from livetrader_plugins.ibkr.throttle import Throttle
from livetrader_plugins.ibkr.wire import FRAME_LIMIT, DecodeError, _frames
from livetrader_venues.tws.switchboard import Send
from tests.ibkr.wires import ACCOUNT, Wire, spec
from tests.venues.peers import library as module_of

MUTATIONS = 800
JUNK = ("", "nan", "inf", "-1", "9" * 4_000, "x", "1e999", "\x00", "2147483648", "0.1.2", "é")


# ---- frames


def test_frames_are_cut_however_the_bytes_arrive() -> None:
    sent = [struct.pack(">I", len(body)) + body for body in (b"a", b"bc\0", bytes(300))]
    stream = b"".join(sent)
    for size in (1, 2, 3, 5, 100, len(stream)):
        buffer, got = bytearray(), []
        for start in range(0, len(stream), size):
            got += _frames(buffer, stream[start : start + size])
        assert got == sent and not buffer


@pytest.mark.parametrize("length", [0, FRAME_LIMIT + 1, 2**32 - 1])
def test_a_frame_of_no_possible_length_is_refused_at_once(length: int) -> None:
    with pytest.raises(DecodeError, match=f"{length} bytes"):
        _frames(bytearray(), struct.pack(">I", length))
    assert _frames(bytearray(), struct.pack(">I", FRAME_LIMIT)) == [], "the longest that may come"


def recorded(library: str) -> tuple[list[bytes], int]:
    """Return the frames of a day with orders, trades and an account, and the server version."""
    wire = Wire(library, 176)
    frames: list[bytes] = []
    take = wire.gateway.take

    def taking() -> list[object]:
        outputs = list(take())
        frames.extend(_frames(bytearray(), b"".join(o.data for o in outputs if isinstance(o, Send))))
        return outputs

    wire.gateway.take = taking  # type: ignore[method-assign,assignment]
    wire.place(spec(limit_price=Decimal(90)))
    wire.do("quote", symbol="SPY", bid=89, ask=90, last=90, size=4)
    wire.do("quote", symbol="SPY", bid=89, ask=90, last=90, size=6)
    wire.do("correct", quantity=5)
    wire.call("reqAllOpenOrders")
    wire.call("reqCompletedOrders", False)
    wire.call("reqPositions")
    wire.call("reqAccountUpdates", True, ACCOUNT)
    return frames, wire.client.serverVersion()


def is_sound(event: BrokerageEvent) -> bool:
    """Whether an event has numbers in it that are numbers."""
    if isinstance(event, ExecutionReport) and event.fill is not None:
        return event.fill.quantity.is_finite() and event.fill.price.is_finite()
    return not isinstance(event, FeeReported) or event.fee.is_finite()


def test_a_broken_message_ends_the_session_or_means_something(library: str, tmp_path: Path) -> None:
    """Thousands of damaged messages: none escapes as an exception, none becomes a number that is none."""
    frames, version = recorded(library)
    assert len(frames) > 40
    chance = Random(7)
    ended = 0

    async def scenario() -> None:
        nonlocal ended
        host = PluginHost("ibkr", tmp_path)
        loaded = libraries.load(library)  # type: ignore[arg-type]  # one of the two
        session = None
        for _ in range(MUTATIONS):
            if session is None or session.why_ended:
                session, news = opened(loaded, host, version)
            fields = chance.choice(frames)[4:].split(b"\0")[:-1]
            for _ in range(chance.randint(1, 3)):
                where = chance.randrange(len(fields))
                match chance.randrange(3):
                    case 0:
                        fields[where] = chance.choice(JUNK).encode()
                    case 1 if len(fields) > 1:
                        del fields[where]
                    case _:
                        fields.insert(where, chance.choice(JUNK).encode())
            body = b"".join(field + b"\0" for field in fields)
            session._client._onSocketHasData(struct.pack(">I", len(body)) + body)  # type: ignore[attr-defined]
            ended += bool(session.why_ended)
            assert all(is_sound(event) for event in news.stream._waiting)
            news.stream._waiting.clear()

    asyncio.run(scenario())
    assert ended > MUTATIONS // 10, "most of it was nonsense"


def opened(loaded: libraries.Library, host: PluginHost, version: int) -> tuple[TwsSession, News]:
    """Return a session as it is when the login is done, with its news, and no socket."""
    session = TwsSession(loaded, Address("", 1, 7), host.context)
    client = session._client
    client.connState = 2
    client.decoder.serverVersion = client._serverVersion = version  # type: ignore[attr-defined]
    client._apiReady = True  # type: ignore[attr-defined]
    news = News(session, ACCOUNT, host.context, lambda contract: None)
    news._learning = False
    session.listen(news.hear)
    return session, news


def test_an_unknown_message_is_no_reason_to_end(library: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        loaded = libraries.load(library)  # type: ignore[arg-type]  # one of the two
        session, _ = opened(loaded, PluginHost("ibkr", tmp_path), 176)
        body = b"199\0x\0"
        session._client.conn.data_received(struct.pack(">I", len(body)) + body)
        assert not session.why_ended

    asyncio.run(scenario())


def test_a_recorded_day_is_read_without_a_complaint(library: str, tmp_path: Path) -> None:
    frames, version = recorded(library)

    async def scenario() -> None:
        loaded = libraries.load(library)  # type: ignore[arg-type]  # one of the two
        session, news = opened(loaded, PluginHost("ibkr", tmp_path), version)
        for frame in frames:
            session._client.conn.data_received(frame)
        assert not session.why_ended
        fills = [e.fill for e in news.stream._waiting if isinstance(e, ExecutionReport) and e.fill]
        assert [fill.quantity for fill in fills] == [4, 6, 5]

    asyncio.run(scenario())


# ---- libraries


def test_a_library_that_is_not_there_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libraries, "PREFERENCE", ("ib_nowhere",))
    monkeypatch.setitem(libraries.PIP_NAMES, "ib_nowhere", "ib-nowhere")
    with pytest.raises(PluginError, match="pip install 'ib-nowhere'"):
        libraries.load("auto")


def test_the_maintained_library_is_taken_first() -> None:
    assert libraries.load("auto").name == "ib_async"


# ---- identities


@pytest.mark.parametrize(
    ("execution_id", "base", "revision"),
    [
        ("0000e0d5.65a1b2c3.01.01", "0000e0d5.65a1b2c3.01", 1),
        ("0000e0d5.65a1b2c3.01.12", "0000e0d5.65a1b2c3.01", 12),
        ("F-1", "F-1", 0),
        ("a.b", "a.b", 0),
        ("", "", 0),
    ],
)
def test_the_digits_behind_the_last_dot_are_the_revision(execution_id: str, base: str, revision: int) -> None:
    assert execution_name(execution_id) == (base, revision)


def test_no_id_is_handed_out_before_it_is_reserved() -> None:
    ids = OrderIds(1)
    with pytest.raises(VenueError, match="no order id is reserved"):
        ids.take()
    assert ids.wanted == 1 + BLOCK
    ids.extend(1 + BLOCK)
    assert [ids.take() for _ in range(3)] == [1, 2, 3]


def test_the_next_block_is_wanted_ahead_of_need() -> None:
    ids = OrderIds(1)
    ids.extend(1 + BLOCK)
    for _ in range(BLOCK - identifiers.REFILL):
        assert ids.wanted is None
        ids.take()
    assert ids.wanted == 1 + 2 * BLOCK - identifiers.REFILL


def test_what_tws_says_only_raises_the_numbers() -> None:
    ids = OrderIds(500)
    ids.raise_to(10)
    ids.extend(600)
    assert ids.take() == 500
    ids.raise_to(5_000)
    with pytest.raises(VenueError):
        ids.take()
    ids.extend(ids.wanted or 0)
    assert ids.take() == 5_000


def test_numbers_end_before_those_of_requests_begin() -> None:
    ids = OrderIds(identifiers.LARGEST_ORDER_ID)
    ids.extend(identifiers.LARGEST_ORDER_ID + 10)
    assert ids.take() == identifiers.LARGEST_ORDER_ID < identifiers.FIRST_REQUEST_ID
    with pytest.raises(VenueError, match="Reset API order ID sequence"):
        ids.take()


def test_reservations_survive(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    assert read_reserved(path) == 1
    write_reserved(path, 4_711)
    assert read_reserved(path) == 4_711 and json.loads(path.read_text()) == {"reserved_below": 4_711}
    assert [item.name for item in tmp_path.iterdir()] == [FILE_NAME]


def test_on_a_full_disk_the_reservation_is_overwritten_where_it_lies(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    path.with_suffix(".tmp").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        write_reserved(path, 1_001)
    path.with_suffix(".tmp").unlink()
    write_reserved(path, 1_001)
    path.with_suffix(".tmp").symlink_to("/dev/full")
    write_reserved(path, 9_999_999)
    assert read_reserved(path) == 9_999_999
    path.write_text('{"reserved_below": 1}')  # of another length: nothing is overwritten in part
    with pytest.raises(OSError, match="No space left"):
        write_reserved(path, 2_001)
    assert read_reserved(path) == 1


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"reserved_below": "x"}', "\x00"])
def test_a_damaged_reservation_is_not_taken_for_none(text: str, tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    path.write_text(text)
    with pytest.raises(VenueError, match="is damaged: remove it once"):
        read_reserved(path)


def test_no_number_before_the_account_was_read_means_that_nothing_was_sent(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with PluginHost("ibkr", tmp_path) as host:
            with pytest.raises(VenueError, match="not sent"):
                OrderNumbers(host.context).take()

    asyncio.run(scenario())


def test_the_book_of_a_session_does_not_grow_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracked, "ORDERS_KEPT", 100)
    book = OrderBook(10, lambda: 0, lambda doubted: None)
    for number in range(1, 1_001):
        sent = book.add(ClientOrderId(f"A-{number}"), number, Decimal(1))
        if number > 20:
            sent.told = OrderStatus.FILLED
    assert len(book.orders) <= 101 and len(book.orders._by_order_id) <= 101
    assert all(book.orders.of(ClientOrderId(f"A-{number}")) for number in range(1, 21)), "open orders stay"
    assert book.orders.of(ClientOrderId("A-1000")) and not book.orders.of(ClientOrderId("A-500"))


def test_a_reservation_that_comes_late_takes_back_no_newer_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk, calls = threading.Event(), iter([True, False])

    def write(path: Path, end: int) -> None:
        if next(calls):
            disk.wait(5)  # it hangs, for the first of them
        write_reserved(path, end)

    async def scenario() -> None:
        monkeypatch.setattr(numbering, "write_reserved", write)
        async with PluginHost("ibkr", tmp_path) as host, asyncio.TaskGroup() as group:
            numbers, ids = OrderNumbers(host.context), OrderIds(1)
            group.create_task(numbers._reserve(ids))  # ahead of need, for orders
            await asyncio.sleep(0)
            ids.raise_to(4_000)  # a login, and TWS has used numbers that we have not
            login = group.create_task(numbers._reserve(ids))
            await asyncio.wait([login], timeout=0.1)
            disk.set()

    asyncio.run(scenario())
    assert read_reserved(tmp_path / FILE_NAME) == 4_000 + BLOCK


def test_an_order_that_grew_while_its_last_trade_was_on_its_way_can_be_cancelled() -> None:
    library = libraries.load("auto")
    book = OrderBook(10, lambda: 0, lambda doubted: None)
    sent = book.add(ClientOrderId("A-1"), 1, Decimal(10))
    shown: dict[str, Any] = {"orderId": 1, "clientId": 10, "permId": 7, "orderRef": "A-1", "orderType": "LMT"}
    book.open_order(library.order(**shown, totalQuantity=10), "Submitted")
    book.execution(
        module_of(library.name).Execution(
            execId="e.1.01", time=datetime(2026, 1, 5, tzinfo=UTC), side="BOT", shares=10, price=50.0,
            permId=7, clientId=10, orderId=1, orderRef="A-1",
        )
    )  # fmt: skip
    book.reopen(library.order(**shown, totalQuantity=10))  # an account that was read before that trade
    assert sent.told is OrderStatus.FILLED
    larger = library.order(**shown, totalQuantity=15)
    book.open_order(larger, "Submitted")
    book.reopen(larger)
    assert sent.told not in CLOSED, "a cancel of it would never leave"


# ---- codes


@pytest.mark.parametrize(
    ("code", "subject", "meaning"),
    [
        (201, Subject.NEW_ORDER, Meaning.REJECTED),
        (201, Subject.WORKING_ORDER, Meaning.UNKNOWN),
        (110, Subject.NEW_ORDER, Meaning.REJECTED),
        (110, Subject.WORKING_ORDER, Meaning.CHANGE_REFUSED),
        (103, Subject.NEW_ORDER, Meaning.UNKNOWN),
        (202, Subject.NEW_ORDER, Meaning.CANCELLED),
        (202, Subject.WORKING_ORDER, Meaning.CANCELLED),
        (10147, Subject.WORKING_ORDER, Meaning.CHANGE_REFUSED),
        (10148, Subject.WORKING_ORDER, Meaning.CHANGE_REFUSED),
        (399, Subject.NEW_ORDER, Meaning.WARNING),
        (404, Subject.WORKING_ORDER, Meaning.WARNING),
        (10349, Subject.WORKING_ORDER, Meaning.WARNING),
        (10999, Subject.NEW_ORDER, Meaning.UNKNOWN),
        (10999, Subject.WORKING_ORDER, Meaning.UNKNOWN),
        (1100, Subject.NOTHING, Meaning.LINK),
        (2104, Subject.NOTHING, Meaning.FARM),
        (200, Subject.REQUEST, Meaning.FAILED),
        (162, Subject.REQUEST, Meaning.FAILED),
    ],
)
def test_a_code_means_what_its_subject_lets_it_mean(code: int, subject: Subject, meaning: Meaning) -> None:
    assert meaning_of(code, subject) is meaning


def test_of_all_codes_only_one_ends_an_order_that_works() -> None:
    final = {Meaning.REJECTED, Meaning.CANCELLED}
    ends = {code for code in range(20_000) if meaning_of(code, Subject.WORKING_ORDER) in final}
    assert ends == {202}


# ---- the message limit


@pytest.mark.parametrize(
    ("order", "most"), [(True, throttle.PER_SECOND), (False, int(throttle.PER_SECOND * throttle.DATA_SHARE))]
)
def test_a_second_has_room_for_exactly_the_share_of_each(*, order: bool, most: int) -> None:
    now_s, sent = 100.0, 0
    limit = Throttle(lambda: now_s)
    while now_s < 100.0 + throttle.WINDOW_S:
        while limit.wait_s(order=order) == 0.0:
            limit.count()
            sent += 1
        now_s += throttle.BUNCH_S / 100
    assert sent == most


def test_orders_find_room_whatever_else_is_sent() -> None:
    now_s, others, orders = 100.0, 0, 0
    limit = Throttle(lambda: now_s)
    while now_s < 100.0 + throttle.WINDOW_S:
        while limit.wait_s(order=False) == 0.0:
            limit.count()
            others += 1
        while limit.wait_s(order=True) == 0.0:
            limit.count()
            orders += 1
        now_s += throttle.BUNCH_S / 100
    assert others <= int(throttle.PER_SECOND * throttle.DATA_SHARE)
    assert orders == throttle.PER_SECOND - others > 10


def test_no_second_ever_sees_more_than_the_limit() -> None:
    now_s, times = 0.0, []
    limit = Throttle(lambda: now_s)
    chance = Random(1)
    for _ in range(1_000):
        now_s += limit.wait_s(order=True)
        assert limit.wait_s(order=True) == 0.0, "it says how long to wait, exactly"
        limit.count()
        times.append(now_s)
        now_s += chance.random() / 100
    window = throttle.PER_SECOND
    assert all(later - earlier >= 1.0 for earlier, later in zip(times, times[window:], strict=False))


@pytest.mark.parametrize("order", [True, False])
def test_messages_that_are_read_late_are_no_more_than_ib_allows(*, order: bool) -> None:
    now_s, times = 0.0, []
    limit = Throttle(lambda: now_s)
    for _ in range(100):
        now_s += limit.wait_s(order=order)
        limit.count()
        times.append(now_s)
    for stall_s in (0.05, 0.1, 0.19):  # whoever reads sleeps so long, at any time, and then reads on
        for start_s in (number / 50 for number in range(60)):
            read = [start_s + stall_s if start_s <= at_s < start_s + stall_s else at_s for at_s in times]
            worst = max(sum(1 for at_s in read if begin <= at_s < begin + 1.0) for begin in read)
            assert worst <= 50


# ---- the link


def test_the_link_is_what_was_said_last() -> None:
    state = LinkState()
    state = after(state, 1100, "lost")
    assert (state.up, state.losses) == (False, 1)
    assert after(state, 1100, "lost") is state
    assert after(state, 1102, "back") == LinkState(up=True, losses=1)
    assert after(state, 1101, "back").data_lost
    assert after(state, 399, "no news") is state


def test_farms_are_known_by_their_names() -> None:
    state = after(LinkState(), 2103, "Market data farm connection is broken:usfarm.nj")
    state = after(state, 2108, "... is inactive but should be available upon demand.eufarm")
    state = after(state, 2157, "Sec-def data farm connection is broken:secdefnj")
    assert dict(state.farms) == {"usfarm.nj": Farm.BROKEN, "eufarm": Farm.IDLE, "secdefnj": Farm.BROKEN}
    assert state.broken_farms == ("secdefnj", "usfarm.nj")
    assert after(state, 2158, "Sec-def data farm connection is OK:secdefnj").broken_farms == ("usfarm.nj",)
