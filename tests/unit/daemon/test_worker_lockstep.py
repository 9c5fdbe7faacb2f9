"""Orders of an engine in lockstep: every question with its time, waited for, one piece of news at a time."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from decimal import Decimal

import pytest

from livetrader.ipc.link import Link
from livetrader.ipc.messages import FromEngine, NewsComplete, ToEngine
from livetrader.worker.inbox import Inbox
from livetrader.worker.outbox import Outbox
from livetrader.worker.remote import LockstepOrders
from livetrader_engine.commands import AwaitNews, CancelOrder, MarketAt, SubmitOrder
from livetrader_engine.events import AccountLoaded, OrderEventArrived
from livetrader_engine.orders.order import OrderId
from livetrader_engine.orders.states import OrderStatus

from .money import START_NS, spec

LIMIT_S = 10.0


def news(number: int, status: OrderStatus) -> OrderEventArrived:
    return OrderEventArrived(OrderId(number), status, START_NS)


class Conversation:
    """The supervisor's end: answers each AwaitNews with the next lines of a script."""

    def __init__(self, connection: socket.socket, script: list[list[ToEngine]]) -> None:
        self.heard: list[FromEngine] = []
        self.ended = asyncio.Event()
        self._script = script
        self.link = Link(connection, self._message, lambda reason: self.ended.set())

    def _message(self, message: FromEngine) -> None:
        self.heard.append(message)
        if isinstance(message, AwaitNews) and self._script:
            with self.link.together():
                for line in self._script.pop(0):
                    self.link.send(line)


class EngineEnd:
    """The engine's end, with a clock to set."""

    def __init__(self, connection: socket.socket) -> None:
        self.now_ns = START_NS
        self.steps = 1
        self.gone = threading.Event()
        outbox = Outbox(connection)
        self.inbox = Inbox(connection, outbox, lambda: self.now_ns, lambda reason: self.gone.set())
        self.orders = LockstepOrders(self.inbox, outbox, lambda: self.now_ns, lambda: self.steps)
        self.inbox.start()


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    own, theirs = socket.socketpair()
    yield own, theirs
    own.close()
    theirs.close()


Ends = tuple[socket.socket, socket.socket]


def talk(ends: Ends, script: list[list[ToEngine]], act: object) -> list[FromEngine]:
    """Run `act(engine)` in a thread against the script; return what the supervisor heard."""
    assert callable(act)

    async def scene() -> list[FromEngine]:
        conversation = Conversation(ends[0], script)
        engine = EngineEnd(ends[1])
        async with asyncio.timeout(LIMIT_S):
            await asyncio.to_thread(act, engine)
        conversation.link.close()
        assert await asyncio.to_thread(engine.gone.wait, LIMIT_S)
        return conversation.heard

    return asyncio.run(scene())


def test_an_order_goes_with_its_time_and_is_waited_for(ends: Ends) -> None:
    filled = news(1, OrderStatus.FILLED)

    def act(engine: EngineEnd) -> None:
        engine.orders.submit(SubmitOrder(spec(1, 10)))
        assert engine.orders.drain() == (news(1, OrderStatus.SUBMITTED),)
        engine.orders.cancel(CancelOrder(OrderId(1)))  # at the same time: that is not said again
        assert engine.orders.drain() == (filled,)
        engine.now_ns += 1
        engine.orders.cancel(CancelOrder(OrderId(1)))
        assert list(engine.orders.drain()) == []

    submitted = news(1, OrderStatus.SUBMITTED)
    script: list[list[ToEngine]] = [
        [submitted, NewsComplete(1)],
        [filled, NewsComplete(2)],
        [NewsComplete(3)],
    ]
    heard = talk(ends, script, act)
    assert heard == [
        MarketAt(START_NS), SubmitOrder(spec(1, 10)), AwaitNews(1),
        CancelOrder(OrderId(1)), AwaitNews(2),
        MarketAt(START_NS + 1), CancelOrder(OrderId(1)), AwaitNews(3),
    ]  # fmt: skip


def test_orders_are_tried_one_piece_of_news_at_a_time(ends: Ends) -> None:
    """What the algorithm asks for because of the first fill is asked before the second order is tried."""

    def act(engine: EngineEnd) -> None:
        engine.orders.advance(START_NS)
        assert engine.orders.drain() == (news(1, OrderStatus.FILLED),)
        engine.orders.cancel(CancelOrder(OrderId(2)))
        assert engine.orders.drain() == (news(2, OrderStatus.CANCELED),)
        assert engine.orders.drain() == (news(3, OrderStatus.FILLED),)
        assert list(engine.orders.drain()) == []

    script: list[list[ToEngine]] = [
        [news(1, OrderStatus.FILLED), NewsComplete(1, more=True)],
        [news(2, OrderStatus.CANCELED), NewsComplete(2)],
        [news(3, OrderStatus.FILLED), NewsComplete(3, more=True)],
        [NewsComplete(4)],
    ]
    assert talk(ends, script, act) == [
        MarketAt(START_NS), AwaitNews(1, tries=True, anew=True),
        CancelOrder(OrderId(2)), AwaitNews(2),
        AwaitNews(3, tries=True), AwaitNews(4, tries=True),
    ]  # fmt: skip


def test_a_round_in_vain_is_not_repeated_before_something_has_changed(ends: Ends) -> None:
    def act(engine: EngineEnd) -> None:
        engine.orders.advance(START_NS)
        assert list(engine.orders.drain()) == []
        engine.orders.advance(START_NS)  # the same step and the same prices
        assert list(engine.orders.drain()) == []
        engine.steps += 1  # another price of the same instant
        engine.orders.advance(START_NS)
        assert list(engine.orders.drain()) == []
        engine.orders.cancel(CancelOrder(OrderId(1)))
        engine.orders.advance(START_NS)
        assert list(engine.orders.drain()) == []

    script: list[list[ToEngine]] = [[NewsComplete(number)] for number in range(1, 6)]
    assert talk(ends, script, act) == [
        MarketAt(START_NS), AwaitNews(1, tries=True, anew=True),
        AwaitNews(2, tries=True, anew=True),
        CancelOrder(OrderId(1)), AwaitNews(3), AwaitNews(4, tries=True, anew=True),
    ]  # fmt: skip


def test_a_round_with_news_is_repeated_what_it_filled_may_let_another_order_fill(ends: Ends) -> None:
    def act(engine: EngineEnd) -> None:
        engine.orders.advance(START_NS)
        assert engine.orders.drain() == (news(1, OrderStatus.FILLED),)
        assert list(engine.orders.drain()) == []
        engine.orders.advance(START_NS)
        assert list(engine.orders.drain()) == []

    script: list[list[ToEngine]] = [
        [news(1, OrderStatus.FILLED), NewsComplete(1, more=True)], [NewsComplete(2)], [NewsComplete(3)]
    ]  # fmt: skip
    assert talk(ends, script, act) == [
        MarketAt(START_NS), AwaitNews(1, tries=True, anew=True), AwaitNews(2, tries=True),
        AwaitNews(3, tries=True, anew=True),
    ]  # fmt: skip


def test_two_pieces_of_news_in_one_answer_are_handed_out_one_by_one(ends: Ends) -> None:
    first, second = news(1, OrderStatus.SUBMITTED), news(1, OrderStatus.FILLED)

    def act(engine: EngineEnd) -> None:
        engine.orders.submit(SubmitOrder(spec(1, 10)))
        assert engine.orders.drain() == (first,)
        assert engine.orders.drain() == (second,)
        assert list(engine.orders.drain()) == []

    heard = talk(ends, [[first, second, NewsComplete(1)]], act)
    assert [message for message in heard if isinstance(message, AwaitNews)] == [AwaitNews(1)]


def test_the_answer_to_a_question_that_was_given_up_is_none_to_the_next(ends: Ends) -> None:
    """The first question gets no answer in time; what it would have brought comes with the second."""
    late, fresh = news(1, OrderStatus.SUBMITTED), news(2, OrderStatus.SUBMITTED)

    def act(engine: EngineEnd) -> None:
        engine.orders.submit(SubmitOrder(spec(1, 10)))
        assert engine.inbox.await_news(1, 0.0) == ([], False)
        engine.orders.submit(SubmitOrder(spec(2, 10)))
        assert engine.orders.drain() == (late,)
        assert engine.orders.drain() == (fresh,)

    talk(ends, [[NewsComplete(77), late, NewsComplete(78), fresh, NewsComplete(1)]], act)


def test_a_stale_answer_does_not_hide_the_news_behind_it(ends: Ends) -> None:
    async def scene() -> None:
        conversation = Conversation(ends[0], [])
        engine = EngineEnd(ends[1])
        conversation.link.send(NewsComplete(7))
        conversation.link.send(news(1, OrderStatus.FILLED))
        assert await asyncio.to_thread(engine.orders.drain, LIMIT_S) == [news(1, OrderStatus.FILLED)]
        conversation.link.send(NewsComplete(8))
        conversation.link.send(news(2, OrderStatus.FILLED))
        async with asyncio.timeout(LIMIT_S):
            assert await asyncio.to_thread(engine.inbox.next) == news(2, OrderStatus.FILLED)
        conversation.link.close()
        assert await asyncio.to_thread(engine.gone.wait, LIMIT_S)

    asyncio.run(scene())


def test_an_account_that_arrives_in_the_middle_ends_the_wait_and_comes_before_later_news(ends: Ends) -> None:
    """News behind the account are in it or after it: taken first, the account would undo them."""
    account = AccountLoaded(START_NS, {"USD": Decimal(1)}, ())
    before, behind = news(1, OrderStatus.SUBMITTED), news(1, OrderStatus.FILLED)

    def act(engine: EngineEnd) -> None:
        engine.orders.submit(SubmitOrder(spec(1, 10)))
        assert engine.orders.drain() == (before,)
        assert list(engine.orders.drain(LIMIT_S)) == []
        engine.orders.advance(START_NS)  # goes unanswered: the account is still there
        assert list(engine.orders.drain(LIMIT_S)) == []
        assert engine.inbox.next() == account
        assert engine.inbox.next() == behind

    heard = talk(ends, [[before, account, behind, NewsComplete(1)]], act)
    assert heard[-1] == AwaitNews(2, tries=True, anew=True)


def test_an_engine_whose_supervisor_is_gone_is_not_left_waiting(ends: Ends) -> None:
    async def scene() -> None:
        engine = EngineEnd(ends[1])
        ends[0].close()
        assert await asyncio.to_thread(engine.gone.wait, LIMIT_S)
        with pytest.raises(BrokenPipeError):
            await asyncio.to_thread(engine.orders.submit, SubmitOrder(spec(1, 10)))

    asyncio.run(scene())
