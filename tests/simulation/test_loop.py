"""The simulated time and network, judged by the real client libraries."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context
from random import Random
from typing import Any

import pytest

from tests.simulation.loop import DeadlockError, LivelockError, VirtualLoop
from tests.simulation.network import Network
from tests.simulation.process import PROCESS, Boundaries, Process, boundary, context_of
from tests.simulation.venue import HOST, PORT, Venue
from tests.venues.peers import START_NS, library


def simulated(main: Callable[[VirtualLoop], Coroutine[Any, Any, Any]], seed: int = 1) -> Any:
    """Run a coroutine in virtual time and return its result."""
    loop = VirtualLoop(Random(seed), START_NS)
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(main(loop))
    finally:
        asyncio.set_event_loop(None)
        loop.close()


def test_a_year_of_waiting_takes_no_time() -> None:
    async def main(loop: VirtualLoop) -> float:
        await asyncio.sleep(365 * 86_400)
        return loop.time()

    assert 365 * 86_400 < simulated(main) < 365 * 86_400 + 1


def test_who_waits_for_what_never_comes_is_told() -> None:
    async def main(loop: VirtualLoop) -> None:
        await loop.create_future()

    with pytest.raises(DeadlockError):
        simulated(main)


def test_work_without_time_passing_is_told() -> None:
    async def main(loop: VirtualLoop) -> None:
        while True:  # noqa: ASYNC110 — the fault that is to be found
            await asyncio.sleep(0)

    with pytest.raises(LivelockError):
        simulated(main)


def order_of_tasks(seed: int) -> list[int]:
    done: list[int] = []

    async def one(number: int) -> None:
        for _ in range(3):
            await asyncio.sleep(0)
            done.append(number)

    async def main(loop: VirtualLoop) -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(6):
                group.create_task(one(number))

    simulated(main, seed)
    return done


def test_the_seed_decides_which_task_goes_first_and_nothing_else_does() -> None:
    assert order_of_tasks(1) == order_of_tasks(1)
    assert len({tuple(order_of_tasks(seed)) for seed in range(8)}) > 4
    assert sorted(order_of_tasks(5)) == sorted(list(range(6)) * 3)


def test_callbacks_stay_first_in_first_out() -> None:
    async def main(loop: VirtualLoop) -> list[int]:
        done: list[int] = []
        for number in range(20):
            loop.call_soon(done.append, number)
        await asyncio.sleep(1)
        return done

    assert simulated(main) == list(range(20))


def test_a_dead_process_does_nothing_any_more() -> None:
    async def main(loop: VirtualLoop) -> list[str]:
        told: list[str] = []
        process = Process("daemon", Boundaries(at=2))

        async def life() -> None:
            try:
                for number in range(5):
                    boundary("step")
                    told.append(f"step {number}")
                    await asyncio.sleep(1)
            finally:
                told.append("unwound at once")

        async def beside() -> None:
            while True:
                await asyncio.sleep(0.1)
                told.append("beside") if told[-1] != "beside" else None

        task = loop.create_task(life(), context=context_of(process))
        loop.create_task(beside(), context=context_of(process))
        await asyncio.sleep(10)
        assert task.done() or not process.alive
        assert process.died_at == "step"
        return told

    assert simulated(main) == ["step 0", "beside", "unwound at once"]


def test_what_a_process_wrote_before_its_death_still_arrives() -> None:
    class Heard(Venue):
        heard: list[bytes]
        ends: int = 0

        def received(self, wire: Any, data: bytes) -> None:
            self.heard.append(data)

        def lost(self, wire: Any) -> None:
            self.ends += 1

    async def main(loop: VirtualLoop) -> None:
        loop.network = Network(loop, Random(3))
        venue = Heard(loop, 1)
        venue.heard = []
        loop.network.listeners[PORT] = venue
        process = Process("daemon")

        async def life() -> None:
            transport, _ = await loop.create_connection(asyncio.Protocol, HOST, PORT)
            transport.write(b"order")
            process.die("power")

        loop.create_task(life(), context=context_of(process))
        await asyncio.sleep(5)
        assert b"".join(venue.heard) == b"order"
        assert venue.ends == 1

    simulated(main)


@pytest.mark.parametrize("name", ["ib_async", "ib_insync"])
def test_the_unmodified_client_trades_in_virtual_time(name: str) -> None:
    module = library(name)

    def told(seed: int) -> list[tuple[str, float]]:
        async def main(loop: VirtualLoop) -> list[tuple[str, float]]:
            network = loop.network = Network(loop, Random(seed))
            network.conditions.fragment_probability = 0.3
            venue = Venue(loop, seed)
            network.listeners[PORT] = venue
            ib = module.IB()
            await ib.connectAsync(HOST, PORT, clientId=1, timeout=10)
            contract = module.Stock("SPY", "SMART", "USD")
            await ib.qualifyContractsAsync(contract)
            news = []
            for _ in range(5):
                trade = ib.placeOrder(contract, module.MarketOrder("BUY", 10))
                while not trade.isDone():  # noqa: ASYNC110 — what users of the library write
                    await asyncio.sleep(0.01)
                news.append((trade.orderStatus.status, loop.time()))
            ib.disconnect()
            assert venue.positions() == {"SPY": 50}
            return news

        result: list[tuple[str, float]] = simulated(main, seed)
        return result

    assert told(1) == told(1)
    assert told(1) != told(2)


def test_the_world_itself_has_no_boundaries() -> None:
    assert Context().run(PROCESS.get) is None
    boundary("anything")
