"""How the kill switch writes down what it does: as well as the journal can, and never a condition of it."""

from __future__ import annotations

from typing import Final

from livetrader.gateway.killports import Gate, KillPorts
from livetrader.gateway.ledger import append_within
from livetrader.journal.records import Record

WRITE_WAIT_S: Final = 0.25  # for the record of an order; a hanging disk must not stop a liquidation


class KillNotes:
    """Where records of the kill switch go. Owned by it; raises nothing.

    Through the gateway's ledger where there is one, so that the trades of liquidation orders are known.
    """

    def __init__(self, ports: KillPorts, gate: Gate | None) -> None:
        self._ports = ports
        self._gate = gate

    def note(self, record: Record) -> None:
        """Write a record with the next commit."""
        try:
            if self._gate is not None:
                self._gate.ledger.write_soon(record)
            elif self._ports.journal is not None:
                self._ports.journal.append_soon(record)
        except Exception:  # noqa: BLE001 — boundary: journaling is best effort here
            self._ports.report("kill_journal_failed", level="error", exc_info=True)

    async def write(self, record: Record) -> None:
        """Write a record that an order depends on; durable on return where the disk is quick.

        The process after a crash then knows the order about to be sent, and sends no other beside it.
        """
        try:
            if self._gate is not None:
                await self._gate.ledger.write_within(record, WRITE_WAIT_S)
            elif self._ports.journal is not None:
                await append_within(self._ports.journal, record, WRITE_WAIT_S)
        except Exception:  # noqa: BLE001 — boundary: journaling is best effort here
            self._ports.report("kill_journal_failed", level="error", exc_info=True)
