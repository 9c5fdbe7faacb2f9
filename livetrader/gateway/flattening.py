"""Closes one position while the daemon goes on: the kill switch's own loop, for one symbol.

It does not latch anything. The caller has made sure that the symbol takes no orders any more. A liquidation
of the whole account has the right of way: it ends this loop and takes over the order that this may have sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from livetrader.errors import ControlRefusedError
from livetrader.gateway.killnotes import KillNotes
from livetrader.gateway.killports import Gate, KillPorts, followed, settled
from livetrader.gateway.killstages import KillStage
from livetrader.gateway.liquidation import Attempt
from livetrader.gateway.liquidator import Liquidator, Switch
from livetrader.journal.identifiers import make_kill_id
from livetrader_engine.orders.order import ClientOrderId, OrderSpec
from livetrader_engine.spi import Approved
from livetrader_engine.symbols import Symbol

SETTLE_WAIT_S: Final = 5.0  # for an order of the symbol that was being sent when it was closed to orders


class Flattening:
    """Runs the loop for one symbol at a time. Owned by the kill switch, with whom it shares `turn`.

    `attempts` are its newest orders, for a loop that comes after it.
    """

    def __init__(
        self,
        ports: KillPorts,
        gate: Gate | None,
        turn: asyncio.Lock,
        approve: Callable[[ClientOrderId, OrderSpec], Approved],
        notes: KillNotes,
    ) -> None:
        self._ports = ports
        self._gate = gate
        self._turn = turn
        self._approve = approve
        self._notes = notes
        self._running: asyncio.Task[object] | None = None
        self._gave_way = False
        self.attempts: dict[Symbol, Attempt] = {}

    async def run(self, symbol: Symbol) -> None:
        """Cancel the orders of a symbol and close its position; return when the brokerage shows it.

        Raises ControlRefusedError where a liquidation of the account is in force, or takes over meanwhile.
        """
        self._refuse_latched()
        async with self._turn:
            self._refuse_latched()
            self._running, self._gave_way = asyncio.current_task(), False
            liquidator = Liquidator(self._ports, self._switch(symbol), self._new_id(), self.attempts, symbol)
            try:
                if not await settled(self._gate, SETTLE_WAIT_S):  # the loop sees it when it appears
                    self._ports.report("flatten_settle_timeout", level="warning")
                await liquidator.run()
            except asyncio.CancelledError:
                if self._gave_way and self._running is not None:
                    self._running.uncancel()
                    raise ControlRefusedError(
                        f"a liquidation of the whole account took over from flattening {symbol.value}"
                    ) from None
                raise
            finally:
                self._running = None
                self.attempts = liquidator.attempts

    def give_way(self) -> None:
        """End the loop at once: the whole account is about to be liquidated."""
        if self._running is not None and not self._gave_way:
            self._gave_way = True
            self._running.cancel()

    def _refuse_latched(self) -> None:
        if self._gate is not None and self._gate.kill_id is not None:
            raise ControlRefusedError(f"kill {self._gate.kill_id} is in force and closes everything")

    def _new_id(self) -> str:
        return make_kill_id(self._ports.timing.wall_ns())

    def _switch(self, symbol: Symbol) -> Switch:
        def enter(stage: KillStage, message: str) -> None:
            self._ports.report("flattening", symbol=symbol.value, stage=str(stage), message=message)

        gate = self._gate
        return Switch(
            enter,
            self._notes.write,
            self._approve,
            lambda: gate is not None and gate.unanswered,
            lambda snapshot: followed(self._ports, gate, snapshot, symbol),
        )
