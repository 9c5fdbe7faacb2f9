"""The supervisor's end of the link, and the engine process's, over a real socket pair."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from livetrader.ipc import lanes as lanes_module
from livetrader.ipc.link import Link
from livetrader.ipc.messages import Beat, EngineFailed, EngineFinished, FromEngine, StartEngine, StepCompleted
from livetrader.store.options import StoreOptions
from livetrader.worker.inbox import Inbox
from livetrader.worker.outbox import Outbox
from livetrader_engine.data.bars import Tick, TradeBar
from livetrader_engine.events import (
    AccountLoaded,
    BrokerageMessageArrived,
    BrokerageMessageKind,
    EngineEvent,
    MarketDataArrived,
    OrderEventArrived,
    StopRequested,
    TimePulse,
)
from livetrader_engine.orders.order import OrderId
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.symbols import SecurityType, Symbol

SPY = Symbol.create("SPY", "SPY", SecurityType.EQUITY, "usa")
LIMIT_S = 10.0


def order_event(number: int, time_ns: int) -> OrderEventArrived:
    return OrderEventArrived(OrderId(number), OrderStatus.SUBMITTED, time_ns)


def step(time_ns: int, sequence: int = 1) -> MarketDataArrived:
    return MarketDataArrived(time_ns, sequence, (TradeBar(SPY, time_ns - 1, time_ns, 1, 1, 1, 1, 1),))


class Engine:
    """The engine process's end, in this process: a real Inbox and Outbox with a clock to set."""

    def __init__(self, connection: socket.socket) -> None:
        self.now_ns = 0
        self.gone = threading.Event()
        self.outbox = Outbox(connection)
        self.inbox = Inbox(connection, self.outbox, lambda: self.now_ns, self._left)

    def _left(self, reason: str) -> None:
        self.gone.set()

    async def next(self) -> EngineEvent | None:
        """Take the next event, in a thread as the engine does."""
        async with asyncio.timeout(LIMIT_S):
            return await asyncio.to_thread(self.inbox.next)


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    own, theirs = socket.socketpair()
    yield own, theirs
    own.close()
    theirs.close()


class Heard:
    """What the supervisor's end received."""

    def __init__(self) -> None:
        self.messages: list[FromEngine] = []
        self.ended: list[str] = []
        self._changed = asyncio.Event()

    def message(self, message: FromEngine) -> None:
        self.messages.append(message)
        self._changed.set()

    def end(self, reason: str) -> None:
        self.ended.append(reason)
        self._changed.set()

    async def until(self, predicate: Callable[[], bool]) -> None:
        async with asyncio.timeout(LIMIT_S):
            while not predicate():
                self._changed.clear()
                await self._changed.wait()


def test_events_and_commands_cross_in_order(ends: tuple[socket.socket, socket.socket]) -> None:
    async def scene() -> None:
        heard = Heard()
        link = Link(ends[0], heard.message, heard.end)
        engine = Engine(ends[1])
        engine.inbox.start()
        store, account = StoreOptions("o"), AccountLoaded(1, {}, ())
        start = StartEngine(1, "a", None, {}, "d", store, "s", account, None, {})
        link.send(start)
        assert await asyncio.to_thread(engine.inbox.wait_for_start) == start
        link.send(TimePulse(5))
        assert await engine.next() == TimePulse(5)
        for sequence in range(200):
            await asyncio.to_thread(engine.outbox.send, StepCompleted(sequence, sequence))
        await heard.until(lambda: len(heard.messages) == 200)
        assert heard.messages == [StepCompleted(sequence, sequence) for sequence in range(200)]
        link.close()
        assert await asyncio.to_thread(engine.gone.wait, LIMIT_S)

    asyncio.run(scene())


def test_fills_at_a_price_arrive_as_one_instant_with_that_price(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    """The engine stands at 10; an order filled at 20 must not be seen before the bar of 20."""

    async def scene() -> None:
        link = Link(ends[0], Heard().message, Heard().end)
        engine = Engine(ends[1])
        engine.inbox.start()
        engine.now_ns = 10
        for round_ in range(100):
            with link.together():
                link.send(order_event(round_, 20))
                await asyncio.sleep(0)  # a simulated brokerage is awaited here
                link.send(step(20))
            first = await engine.next()
            assert isinstance(first, MarketDataArrived)
            drained = await asyncio.to_thread(engine.inbox.drain_orders, 0.0)
            assert [event.order_id for event in drained] == [round_]
        link.close()

    asyncio.run(scene())


def test_order_news_of_now_go_before_data_and_a_stop_before_both(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    async def scene() -> None:
        link = Link(ends[0], Heard().message, Heard().end)
        engine = Engine(ends[1])
        engine.inbox.start()
        engine.now_ns = 10
        with link.together():
            link.send(step(20))
            link.send(order_event(1, 10))
            link.send(order_event(2, 30))
            link.send(StopRequested(0, "x"))
        got = [await engine.next() for _ in range(4)]
        assert [type(event).__name__ for event in got] == [
            "StopRequested", "OrderEventArrived", "MarketDataArrived", "OrderEventArrived",
        ]  # fmt: skip
        link.close()

    asyncio.run(scene())


def test_draining_waits_for_orders_only_and_leaves_an_account_to_next(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    async def scene() -> None:
        link = Link(ends[0], Heard().message, Heard().end)
        engine = Engine(ends[1])
        engine.inbox.start()
        engine.now_ns = 1
        assert await asyncio.to_thread(engine.inbox.drain_orders, 0.0) == []
        link.send(TimePulse(1))
        waiting = asyncio.to_thread(engine.inbox.drain_orders, LIMIT_S)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(waiting)
            await asyncio.sleep(0)
            with link.together():
                link.send(order_event(1, 1))
                link.send(AccountLoaded(1, {}, ()))
                link.send(order_event(2, 1))
        assert [event.order_id for event in task.result()] == [1]
        assert isinstance(await engine.next(), AccountLoaded)
        link.close()

    asyncio.run(scene())


def test_what_was_recovered_is_heard_between_the_loss_and_the_return(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    async def scene() -> None:
        link = Link(ends[0], Heard().message, Heard().end)
        engine = Engine(ends[1])
        engine.inbox.start()
        engine.now_ns = 10
        gone = BrokerageMessageArrived(2, BrokerageMessageKind.DISCONNECTED, "Disconnect", "1100")
        back = BrokerageMessageArrived(4, BrokerageMessageKind.RECONNECTED, "Reconnect", "")
        sent = [order_event(1, 1), gone, order_event(2, 3), AccountLoaded(4, {}, ()), back, order_event(3, 5)]
        waiting = asyncio.to_thread(engine.inbox.drain_orders, LIMIT_S)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(waiting)
            await asyncio.sleep(0)
            with link.together():
                for event in sent:
                    link.send(event)
        assert list(task.result()) == sent[:1], "an order in the midst of its step waits no further"
        assert [await engine.next() for _ in sent[1:]] == sent[1:]
        link.close()

    asyncio.run(scene())


def test_an_engine_that_reads_nothing_never_blocks_the_loop_and_loses_nothing_but_old_quotes(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    async def scene() -> None:
        heard = Heard()
        link = Link(ends[0], heard.message, heard.end)
        last, bars = 100_000, []
        for time_ns in range(1, last + 1):
            if time_ns % 1000 == 0:
                bars.append(time_ns)
                link.send(step(time_ns))
            else:
                quote = Tick(SPY, time_ns, bid_price=1.0, ask_price=2.0)
                link.send(MarketDataArrived(time_ns, 0, (quote,)))
        assert link.conflated > 80_000
        link.send(order_event(1, 1))
        engine = Engine(ends[1])  # it wakes up: every bar is there, and the order event too
        engine.inbox.start()
        seen_order, seen = False, list[int]()
        while not seen or seen[-1] != last:
            event = await engine.next()
            seen_order = seen_order or isinstance(event, OrderEventArrived)
            points = event.points if isinstance(event, MarketDataArrived) else ()
            seen += [point.end_time_ns for point in points if isinstance(point, TradeBar)]
        assert seen == bars
        assert seen_order
        assert heard.ended == []
        link.close()

    asyncio.run(scene())


def test_an_engine_that_lets_trades_and_bars_pile_up_is_given_up_and_nothing_waits_for_it(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    async def scene() -> None:
        heard = Heard()
        link = Link(ends[0], heard.message, heard.end)
        link._lanes._point_limit = 1_000
        for time_ns in range(1, 100_000):
            link.send(step(time_ns))
            if heard.ended:
                break
        assert [words.split(":")[1] for words in heard.ended] == [
            " the algorithm is too slow for what it has subscribed to"
        ]
        assert link.closed

    asyncio.run(scene())


def test_the_engine_process_says_that_it_is_too_slow_before_it_ends(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    async def scene() -> None:
        heard = Heard()
        link = Link(ends[0], heard.message, heard.end)
        engine = Engine(ends[1])
        engine.inbox._lanes._point_limit = 100
        engine.inbox.start()
        for time_ns in range(1, 1_000):
            link.send(step(time_ns))
        await heard.until(lambda: bool(heard.messages))
        told = heard.messages[0]
        assert isinstance(told, EngineFailed)
        assert told.error.startswith("LaneOverflowError: ")
        await asyncio.to_thread(engine.gone.wait, LIMIT_S)
        assert engine.gone.is_set()
        link.close()

    asyncio.run(scene())


def test_an_engine_that_never_takes_its_order_events_is_given_up(
    ends: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes_module, "ORDER_LIMIT", 100)

    async def scene() -> None:
        heard = Heard()
        link = Link(ends[0], heard.message, heard.end)
        for number in range(100_000):
            link.send(order_event(number, 1))
            if heard.ended:
                break
        assert heard.ended == ["100 order events wait for the engine"]
        assert link.closed
        link.send(TimePulse(1))  # goes nowhere, raises nothing

    asyncio.run(scene())


def test_garbage_from_the_engine_process_ends_the_link_with_a_reason(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    async def scene() -> None:
        heard = Heard()
        Link(ends[0], heard.message, heard.end)
        ends[1].sendall(b"\x00\x00\x00\x03abc")
        await heard.until(lambda: bool(heard.ended))
        assert "corrupt" in heard.ended[0]

    asyncio.run(scene())


def test_last_words_are_heard_although_sending_fails_already(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    async def scene() -> None:
        heard = Heard()
        link = Link(ends[0], heard.message, heard.end)
        await asyncio.to_thread(Outbox(ends[1]).send, EngineFinished("done"))
        ends[1].close()
        link.send(TimePulse(1))
        await heard.until(lambda: bool(heard.ended))
        assert heard.messages == [EngineFinished("done")]
        assert "closed the link" in heard.ended[0]

    asyncio.run(scene())


def test_a_paused_link_reads_nothing_until_it_is_resumed(ends: tuple[socket.socket, socket.socket]) -> None:
    async def scene() -> None:
        heard = Heard()
        link = Link(ends[0], heard.message, heard.end)
        outbox = Outbox(ends[1])
        link.pause()
        await asyncio.to_thread(outbox.send, Beat(None, 1, False, 0.0, 1.0, 0))
        for _ in range(10):
            await asyncio.sleep(0)
        assert heard.messages == []
        link.resume()
        await heard.until(lambda: len(heard.messages) == 1)
        link.close()

    asyncio.run(scene())
