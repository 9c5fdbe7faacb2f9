"""A small stand-in for the daemon around one plugin: gives it a Context and supervises what it spawns."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from pathlib import Path
from random import Random  # noqa: TID251 — seeded here, for plugins under test
from types import TracebackType
from typing import Final

from livetrader_engine.ports import HistoryProvider, ReferenceData
from livetrader_engine.spi import Context

WAIT_LIMIT_S: Final = 5.0  # how long a case waits for something a plugin must do; generous for busy machines


class PluginHost:
    """Runs one plugin's tasks in a TaskGroup: `async with PluginHost(...) as host`, then `host.context`.

    Leaving it cancels what is still running, as the daemon does; a task that died with an exception
    makes leaving raise. It reads real clocks. It does not connect or close the plugin.
    """

    def __init__(
        self,
        name: str,
        state_directory: Path,
        *,
        data_folder: Path | None = None,
        reference: ReferenceData | None = None,
        history: HistoryProvider | None = None,
    ) -> None:
        """Prepare a context. `state_directory` must exist; give the same one again for a restart."""
        self.records: list[tuple[str, dict[str, object]]] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._group: asyncio.TaskGroup | None = None
        self.context = Context(
            name=name,
            state_directory=state_directory,
            data_folder=data_folder,
            now_ns=time.time_ns,  # noqa: TID251 — the kit is the daemon here
            monotonic_s=time.monotonic,  # noqa: TID251
            random=Random(1),
            spawn=self._spawn,
            report=self._report,
            reference=reference,
            history=history,
        )

    async def __aenter__(self) -> PluginHost:
        self._group = asyncio.TaskGroup()
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        group, self._group = self._group, None
        for task in self._tasks:
            task.cancel()
        if group is not None:
            await group.__aexit__(kind, error, trace)

    @property
    def running(self) -> tuple[str, ...]:
        """Names of the spawned tasks that have not ended."""
        return tuple(task.get_name() for task in self._tasks if not task.done())

    def _spawn(self, name: str, coroutine: Coroutine[object, object, None]) -> None:
        if self._group is None:
            coroutine.close()
            raise RuntimeError(f"task {name!r} spawned while the host is not running")
        self._tasks.append(self._group.create_task(coroutine, name=name))

    def _report(self, action: str, **fields: object) -> None:
        self.records.append((action, fields))
