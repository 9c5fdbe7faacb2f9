"""The latch file from the daemon's loop: one change at a time, in a thread, as long as it may take."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from livetrader.gateway.latch import Latch, LatchRecord
from livetrader.gateway.ledger import Report

LATCH_WAIT_S: Final = 1.0  # for the latch to be on disk; a hanging disk must not stop a liquidation


class LatchKeeper:
    """Writes what `newest` returns, whoever waited for the file. Owned by the kill switch; on its loop.

    What fails is reported and tried again with the next change: the file must not stop a liquidation.
    """

    def __init__(self, latch: Latch, newest: Callable[[], LatchRecord | None], report: Report) -> None:
        self._latch = latch
        self._newest = newest
        self._report = report
        self._lock = asyncio.Lock()

    def load(self) -> LatchRecord | None:
        """Prepare the file for the next write and return what it says. Blocks on the disk."""
        try:
            self._latch.arm()
        except OSError as error:
            self._report("latch_not_armed", level="error", error=str(error))
        return self._latch.read()

    async def write(self) -> None:
        """Make the latch say the newest word, as well as the disk can."""
        try:
            async with asyncio.timeout(LATCH_WAIT_S), self._lock:
                record = self._newest()
                if record is not None:
                    await asyncio.to_thread(self._latch.write, record)
        except (OSError, TimeoutError) as error:
            self._report("latch_not_written", level="critical", error=repr(error))

    async def remove(self) -> None:
        """Take the latch away. Raises OSError where it cannot be."""
        async with self._lock:
            await asyncio.to_thread(self._latch.remove)

    async def arm(self) -> None:
        """Prepare the file for the next write."""
        try:
            async with self._lock:
                await asyncio.to_thread(self._latch.arm)
        except OSError as error:
            self._report("latch_not_armed", level="error", error=str(error))
