"""An engine that was killed on purpose starts no more, and what it still says counts no more."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import NoReturn

import msgspec

from livetrader.changes import Changes
from livetrader.ipc.messages import StartEngine, StepCompleted
from livetrader.settings import EngineSettings
from livetrader.supervisor.engine_commands import CommandPorts, EngineCommands
from livetrader.supervisor.engine_keeper import EngineKeeper, KeeperPorts, KeeperState
from livetrader.supervisor.engine_process import EndCause, EngineProcess
from livetrader_engine.commands import SubmitOrder

from .money import new_venue, open_desk, spec, watch_over
from .test_worker_build import start_message

LIMIT_S = 10.0


def unused(*arguments: object) -> NoReturn:
    raise AssertionError(f"nobody should ask for this: {arguments}")


def test_an_order_of_an_engine_that_was_killed_on_purpose_is_not_sent(tmp_path: Path) -> None:
    venue = new_venue()

    async def scene() -> None:
        async with open_desk(venue, tmp_path) as desk, asyncio.TaskGroup() as group:
            changes = Changes()
            handled: list[StepCompleted] = []
            commands = EngineCommands(
                CommandPorts(
                    orders=watch_over(desk).orders, changes=changes, subscribe=unused, unsubscribe=unused,
                    market_at=unused, await_news=unused,
                    completed=handled.append, initialized=unused, warmed_up=unused, training=unused,
                    model=unused, log=unused, plot=unused, order_event=unused, statistic=unused,
                    send_out=unused, insight=unused,
                )
            )  # fmt: skip
            running = group.create_task(commands.run())
            dead, living = (
                EngineProcess(EngineSettings(), lambda: 0.0, unused, unused, unused) for _ in range(2)
            )
            dead.kill(EndCause.KILLED, "liquidation")
            commands.put(dead, SubmitOrder(spec(1, 10)))
            commands.put(living, SubmitOrder(spec(2, 5)))
            commands.put(living, StepCompleted(1, 1))
            async with asyncio.timeout(LIMIT_S):
                await commands.drained()
            await desk.settle()
            assert handled and desk.venue_held() == Decimal(5)
            running.cancel()
            for process in (dead, living):
                process.link.close()
                process._theirs.close()

    asyncio.run(scene())


def test_an_engine_that_is_dismissed_while_it_is_prepared_does_not_live(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("import time\n\ntime.sleep(600)\n")

    async def scene() -> None:
        changes = Changes()
        started: list[EngineProcess] = []

        async def prepare() -> StartEngine:
            keeper.dismiss("liquidation")
            start = start_message(tmp_path, lockstep=False)
            return msgspec.structs.replace(start, algorithm_path=str(tmp_path / "main.py"))

        keeper = EngineKeeper(
            KeeperPorts(
                settings=EngineSettings(), monotonic_s=asyncio.get_running_loop().time, chance=lambda: 0.0,
                changes=changes, prepare=prepare, received=unused, drained=unused,
                output=lambda line: None, started=lambda process, attempt: started.append(process),
                lost=unused, spent=unused, finished=unused,
            )
        )  # fmt: skip
        async with asyncio.TaskGroup() as group:
            running = group.create_task(keeper.run())
            keeper.want()
            async with asyncio.timeout(LIMIT_S):
                await changes.until(lambda: bool(started) and keeper.process is None)
            assert keeper.state is KeeperState.STOPPED
            assert not started[0].alive
            running.cancel()

    asyncio.run(scene())
