"""What the daemon uses of its machine: memory, processor, descriptors and threads of both processes, disk.

Read every few seconds in a thread: /proc answers at once, but a file system that hangs does not, and only
this thread may wait for it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from livetrader.gateway.timing import Timing
from livetrader.telemetry.machine_clock import ClockState, read_clock

SAMPLE_S: Final = 5.0  # Prometheus asks every 15 s as a rule
STALE_S: Final = 30.0  # facts of before are shown no longer: the disk hangs, or the machine does
SUPERVISOR: Final = "supervisor"
ENGINE: Final = "engine"

_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class ProcessFacts:
    """What one process uses."""

    resident_bytes: int
    cpu_s: float
    descriptors: int
    descriptor_limit: float  # infinite where there is none
    threads: int


@dataclass(frozen=True, slots=True)
class HostFacts:
    """What was found at one look. `processes` by SUPERVISOR and ENGINE, without one that is gone."""

    processes: Mapping[str, ProcessFacts]
    journal_bytes: int
    disk_free_bytes: int
    disk_size_bytes: int
    clock: ClockState


def read_process(pid: int, proc: Path = Path("/proc")) -> ProcessFacts | None:
    """Return what a process uses, None where it is gone or may not be looked at."""
    folder = proc / str(pid)
    try:
        resident = int((folder / "statm").read_text().split()[1]) * _PAGE
        # the name, in parentheses, may hold anything: what follows its last parenthesis does not
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
        descriptors = sum(1 for _ in (folder / "fd").iterdir())
        limits = (folder / "limits").read_text()
        soft = next(line.split()[3] for line in limits.splitlines() if line.startswith("Max open files"))
        return ProcessFacts(
            resident_bytes=resident,
            cpu_s=(int(fields[11]) + int(fields[12])) / _TICKS,
            descriptors=descriptors,
            descriptor_limit=float("inf") if soft == "unlimited" else float(soft),
            threads=int(fields[17]),
        )
    except (OSError, ValueError, IndexError, StopIteration):  # files of one that goes just now may be empty
        return None


def read_host(state: Path, journal: Path, engine_pid: int | None) -> HostFacts:
    """Return everything; blocks on the disk."""
    pids = {SUPERVISOR: os.getpid()} | ({ENGINE: engine_pid} if engine_pid else {})
    found = {name: read_process(pid) for name, pid in pids.items()}
    room = os.statvfs(state)
    return HostFacts(
        processes={name: facts for name, facts in found.items() if facts is not None},
        journal_bytes=sum(_size(journal.with_name(journal.name + end)) for end in ("", "-wal", "-shm")),
        disk_free_bytes=room.f_bavail * room.f_frsize,
        disk_size_bytes=room.f_blocks * room.f_frsize,
        clock=read_clock(),
    )


class HostWatch:
    """Looks at the machine now and then. Belongs to the loop's thread, which never waits for a disk."""

    def __init__(self, timing: Timing, read: Callable[[], HostFacts]) -> None:
        self._timing = timing
        self._read = read
        self._facts: HostFacts | None = None
        self._seen_s = 0.0

    @property
    def facts(self) -> HostFacts | None:
        """What was found last; None before the first look, and where the newest is older than STALE_S."""
        fresh = self._timing.monotonic_s() - self._seen_s <= STALE_S
        return self._facts if fresh else None

    async def run(self) -> None:
        """Look every SAMPLE_S, until cancelled."""
        while True:
            try:
                self._facts = await asyncio.to_thread(self._read)
                self._seen_s = self._timing.monotonic_s()
            except OSError:  # the folder cannot be asked: what was found grows old, and is then unknown
                self._facts = None
            await self._timing.sleep(SAMPLE_S)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
