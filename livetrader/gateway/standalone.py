"""Liquidate from a fresh process: the daemon is dead, or was killed because it hung."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Final

from livetrader.gateway.killswitch import KillPorts, KillSwitch
from livetrader.gateway.latch import LatchRecord
from livetrader.journal.records import ReportReceived
from livetrader_engine.spi import BrokerageEvent, ExecutionReport, PluginError, VenueError

CONNECT_WAIT_S: Final = 30.0  # for one login
RETRY_S: Final = 0.5  # after a failed login, doubling …
RETRY_MAX_S: Final = 15.0  # … up to this; forever


async def liquidate_standalone(
    ports: KillPorts, reason: str, source: str, *, include_foreign: bool = False
) -> LatchRecord:
    """Latch, log in, make the account flat, log out; return what the latch says at the end.

    Needs the account's lock (takeover.py) and nothing of the daemon. Continues a kill that an earlier
    process left. Tries to log in forever: bound it from outside.
    Raises PluginError where the plugin says that settings have to be mended.
    """
    switch = KillSwitch(replace(ports, reconnect=lambda: _connect(ports)), None)
    await asyncio.to_thread(switch.load)
    await switch.latch(reason, source, include_foreign=include_foreign)
    await _connect(ports)
    try:
        async with asyncio.TaskGroup() as group:
            reader = group.create_task(_read(ports), name="brokerage events")
            await switch.trip(reason, source)
            reader.cancel()
    finally:
        await ports.brokerage.close()
    assert switch.record is not None
    return switch.record


async def _connect(ports: KillPorts) -> None:
    pause_s = RETRY_S
    while True:
        try:
            async with asyncio.timeout(CONNECT_WAIT_S):
                await ports.brokerage.connect()
            return
        except Exception as error:  # boundary: nothing else that the plugin raises may end a liquidation
            if isinstance(error, PluginError) and not isinstance(error, VenueError):
                raise  # a setting has to be mended: no retry does that
            ports.report("kill_connect_failed", level="error", error=repr(error))
            ports.escalate(f"cannot reach the brokerage to liquidate: {error!r}; call its desk")
        await ports.timing.sleep(pause_s)
        pause_s = min(RETRY_MAX_S, pause_s * 2)


async def _read(ports: KillPorts) -> None:
    """Keep the brokerage's events flowing and write the trades down as well as the journal can."""
    while True:
        try:
            async for event in ports.brokerage.events():
                _record(ports, event)
        except Exception:  # noqa: BLE001 — boundary: the loop over snapshots goes on without events
            ports.report("kill_events_failed", level="warning", exc_info=True)
        await ports.timing.sleep(RETRY_S)  # events ended: the liquidation reconnects if it must


def _record(ports: KillPorts, event: BrokerageEvent) -> None:
    if isinstance(event, ExecutionReport) and ports.journal is not None:
        ports.journal.append_soon(ReportReceived(ports.timing.now_ns(), event))
