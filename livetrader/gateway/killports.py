"""What the kill switch needs of its surroundings."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from livetrader.gateway.differences import is_that_of
from livetrader.gateway.ledger import Ledger
from livetrader.gateway.liquidation import Attempt
from livetrader.gateway.timing import Timing
from livetrader.journal.journal import Journal
from livetrader.journal.replay import OrderState
from livetrader_engine.spi import AccountSnapshot, BrokeragePlugin
from livetrader_engine.symbols import Symbol

FOLLOW_WAIT_S: Final = 0.25  # for trades on their way to the disk; one that hangs must not stop a liquidation


class Gate(Protocol):
    """What the kill switch needs of the gateway, where there is one."""

    halted: bool
    kill_id: str | None
    ledger: Ledger

    @property
    def unanswered(self) -> bool:
        """See Gateway.unanswered."""
        ...

    def liquidating(self, now_s: float) -> Mapping[Symbol, Attempt]:
        """See Gateway.liquidating."""
        ...

    @property
    def open_orders(self) -> Sequence[OrderState]:
        """See Gateway.open_orders."""
        ...

    def halt(self, reason: str, source: str = ..., *, persist: bool = ...) -> None:
        """See Gateway.halt."""
        ...

    async def resume(self, who: str, kill_id: str | None = None) -> None:
        """See Gateway.resume."""
        ...

    async def idle(self) -> None:
        """See Gateway.idle."""
        ...


@dataclass(frozen=True, slots=True)
class KillPorts:
    """What the kill switch works with. `is_open(symbol, now_ns)`; `escalate(words)` calls a person.

    `journal` is for a process without a gateway. `reconnect` makes a new brokerage session where the
    daemon does not do that by itself. `unanswered` says, where there is no gateway, whether an order of the
    daemon before may still be on its way to the venue; so it is thought unless somebody knows better.
    """

    brokerage: BrokeragePlugin
    latch: Path
    is_open: Callable[[Symbol, int], bool]
    timing: Timing
    report: Callable[..., None]
    escalate: Callable[[str], None]
    journal: Journal | None = None
    reconnect: Callable[[], Awaitable[object]] | None = None
    unanswered: Callable[[], bool] = lambda: True


async def settled(gate: Gate | None, wait_s: float) -> bool:
    """Wait for an order that was on its way when a liquidation began; return whether none is any more."""
    if gate is None:
        return True
    try:
        async with asyncio.timeout(wait_s):
            await gate.idle()
    except TimeoutError:
        return False
    return True


async def followed(
    ports: KillPorts, gate: Gate | None, snapshot: AccountSnapshot, only: Symbol | None = None
) -> None:
    """Let whoever hears of a flat account see it so: our own, of one symbol or of all, follows a snapshot.

    Trades are taken in one after the other, each once it is durable; what hangs with the disk comes later.
    """
    if gate is None:
        return
    try:
        async with asyncio.timeout(FOLLOW_WAIT_S):
            await gate.ledger.moved.until(lambda: is_that_of(gate.ledger.state, snapshot, only))
    except TimeoutError:
        ports.report("kill_account_behind", level="warning")
