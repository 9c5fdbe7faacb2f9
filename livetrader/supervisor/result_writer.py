"""Hands batches of results to the thread that writes them, and knows how the disk does. Loop's thread."""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec

from livetrader.results.live import DeploymentView
from livetrader.results.live_folder import Batch, History, LiveFolder
from livetrader.supervisor.result_ports import ResultPorts, Waiting

ID_BASE: Final = 1_000_000_000  # deployment ids have ten digits, as LEAN's


class ResultWriter:
    """Owns the folder's deployment and what waits to be written. One caller at a time.

    A disk that fails is reported once, until something could be written again; nothing here raises for it.
    """

    def __init__(self, ports: ResultPorts) -> None:
        self._ports = ports
        self._folder = LiveFolder(ports.root, ports.settings)
        self._failed = False
        self._told_name = ""
        self.waiting = Waiting()
        self.view: DeploymentView | None = None

    async def load(self) -> History | None:
        """Return what an earlier start left."""
        try:
            return await asyncio.to_thread(self._folder.load)
        except OSError as error:
            self._tell_failed(error)
            return None

    async def deploy(self, *, fresh: bool) -> None:
        """Have a deployment: the newest where it is the same one, unless it has to be `fresh`."""
        if self.view is not None:
            return
        ports = self._ports
        new_id = f"L-{ID_BASE + int(ports.chance() * ID_BASE * 9)}"
        try:
            self.view = await asyncio.to_thread(
                self._folder.deploy, ports.plan, ports.timing.wall_ns(), new_id, fresh=fresh
            )
        except OSError as error:
            self._tell_failed(error)
        else:
            view = self.view
            ports.report("deployment", id=view.id, folder=view.folder, starts=view.starts)

    async def write(self, batch: Batch, name: str, *, end: bool) -> float:
        """Write a batch and what waits; return how long that took. Without a deployment all waits."""
        if self.view is None:
            return 0.0
        self._note(batch, name, end=end)
        batch.logs, batch.own_logs, batch.events = self.waiting.take()
        begun_s = self._ports.timing.monotonic_s()
        try:
            await asyncio.to_thread(self._folder.write, batch)
        except OSError as error:
            self.waiting.put_back(batch.logs, batch.own_logs, batch.events)
            self._tell_failed(error)
        else:
            if self._failed:
                self._failed = False
                self._ports.report("results_written_again")
        return self._ports.timing.monotonic_s() - begun_s

    def _note(self, batch: Batch, name: str, *, end: bool) -> None:
        """Put into the batch what is to be said of the deployment, where that changes."""
        if self.view is not None and (end or name not in ("", self._told_name)):
            ended_ns = self._ports.timing.wall_ns() if end else None
            algorithm = name or self.view.algorithm
            self.view = msgspec.structs.replace(self.view, algorithm=algorithm, ended_ns=ended_ns)
            self._told_name, batch.view = name, self.view

    def _tell_failed(self, error: OSError) -> None:
        if not self._failed:
            self._failed = True
            self._ports.report(
                "results_not_written", level="error", error=str(error),
                next_step="trading goes on; look at the disk of the results folder",
            )  # fmt: skip
