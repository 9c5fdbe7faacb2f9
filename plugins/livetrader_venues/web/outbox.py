"""What a peer has to say now, and what it will do later."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import NamedTuple


class Write(NamedTuple):
    """Bytes for a connection."""

    connection: int
    data: bytes


class End(NamedTuple):
    """A connection ends: after what was written, or at once with a reset."""

    connection: int
    is_reset: bool = False


class Hold(NamedTuple):
    """Nothing is read from a connection any more, or again."""

    connection: int
    is_held: bool


Output = Write | End | Hold
Action = Callable[[int], None]  # takes the time at which it is due


class Outbox:
    """Owns the outputs that were not taken yet and the actions that are not due yet."""

    def __init__(self) -> None:
        self._outputs: list[Output] = []
        self._later: list[tuple[int, int, Action]] = []
        self._count = 0

    def write(self, connection: int, data: bytes) -> None:
        """Send bytes."""
        self._outputs.append(Write(connection, data))

    def end(self, connection: int, *, is_reset: bool = False) -> None:
        """End a connection."""
        self._outputs.append(End(connection, is_reset))

    def hold(self, connection: int, is_held: bool) -> None:
        """Stop reading a connection, or go on."""
        self._outputs.append(Hold(connection, is_held))

    def take(self) -> list[Output]:
        """Return what is to be done on sockets, once."""
        outputs, self._outputs = self._outputs, []
        return outputs

    def later(self, due_ns: int, action: Action) -> None:
        """Do something at a time; equal times in the order of these calls."""
        self._count += 1
        heappush(self._later, (due_ns, self._count, action))

    def due_ns(self) -> int | None:
        """Return when the next action is due."""
        return self._later[0][0] if self._later else None

    def act(self) -> None:
        """Do the next action."""
        due_ns, _, action = heappop(self._later)
        action(due_ns)
