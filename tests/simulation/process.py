"""What dies together: a simulated process, and the boundaries at which it may die.

Everything that a process started runs in a context that names it. When it dies, the loop drops whatever of it
is left; nothing is unwound later, as after SIGKILL. Its open connections are closed by the kernel.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context, ContextVar
from dataclasses import dataclass, field
from typing import Final, Protocol


class Crash(BaseException):
    """The process died here. Nothing catches it: the loop drops the rest of the process."""


class Reaper(Protocol):
    """Decides at which boundary a process dies."""

    def strikes(self, kind: str) -> bool:
        """Return whether the process dies at this boundary, of this kind."""
        ...


class Immortal:
    """A reaper that never comes."""

    def strikes(self, kind: str) -> bool:
        """Return False."""
        return False


@dataclass(slots=True)
class Boundaries:
    """Counts boundaries and strikes at one of them: `at` counts from 1, 0 never strikes."""

    at: int = 0
    counted: int = 0
    kinds: list[str] = field(default_factory=list)

    def strikes(self, kind: str) -> bool:
        """Return whether this is the one."""
        self.counted += 1
        self.kinds.append(kind)
        return self.counted == self.at


class Process:
    """One life of a program. Owned by the world."""

    def __init__(self, name: str, reaper: Reaper | None = None) -> None:
        self.name = name
        self.alive = True
        self.died_at = ""  # the kind of boundary
        self.tasks: set[asyncio.Task[object]] = set()  # kept, so that a dead task is never finalized
        self.at_death: list[Callable[[], None]] = []  # the kernel's and the world's part
        self._reaper = reaper or Immortal()

    def boundary(self, kind: str) -> None:
        """Pass a boundary, or die at it. Raises Crash."""
        if not self.alive:
            raise Crash(self.died_at)
        if self._reaper.strikes(kind):
            self.die(kind)
            raise Crash(kind)

    def die(self, kind: str) -> None:
        """End at once, from the outside; idempotent."""
        if not self.alive:
            return
        self.alive = False
        self.died_at = kind
        for action in self.at_death:
            action()


PROCESS: Final[ContextVar[Process | None]] = ContextVar("process", default=None)


def context_of(process: Process) -> Context:
    """Return a context for the first task of a process."""
    context = Context()
    context.run(PROCESS.set, process)
    return context


def boundary(kind: str) -> None:
    """Pass a boundary of the process that runs now; none where the world itself runs."""
    process = PROCESS.get()
    if process is not None:
        process.boundary(kind)
