"""States of the daemon and every legal move between them.

Rule 1: whatever decides whether the daemon may go from one state to another lives in this file.
Rule 2: this file does not know why somebody wants to move.

The theory: money may only be risked in RUNNING. Everything before it proves that we know the account;
everything after it lets go of the account. Two moves must never be missing: to LIQUIDATING, from every
state in which the process lives (an operator who wants out must not be told to wait), and to FAILED.

* STARTING      settings read, nothing connected
* RECONCILING   the brokerage is asked what is true: at the start, and again after every reconnect
* RUNNING       orders pass the limits and reach the brokerage
* HALTED        new orders are refused; data, cancels and commands go on
* LIQUIDATING   the kill switch is closing everything; the engine process is dead
* FLAT          verified flat and latched; only `resume` leads back
* STOPPED       the end
* FAILED        something that cannot be continued with; the process is about to end

The diagram in docs/architecture.md is generated from TRANSITIONS.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Final

from livetrader_engine.errors import InvariantError


class DaemonState(StrEnum):
    """What the daemon as a whole is doing."""

    STARTING = "starting"
    RECONCILING = "reconciling"
    RUNNING = "running"
    HALTED = "halted"
    LIQUIDATING = "liquidating"
    FLAT = "flat"
    STOPPED = "stopped"
    FAILED = "failed"


_S = DaemonState
TRANSITIONS: Final[dict[DaemonState, frozenset[DaemonState]]] = {
    _S.STARTING: frozenset({_S.RECONCILING, _S.LIQUIDATING, _S.STOPPED, _S.FAILED}),
    _S.RECONCILING: frozenset({_S.RUNNING, _S.HALTED, _S.LIQUIDATING, _S.STOPPED, _S.FAILED}),
    _S.RUNNING: frozenset({_S.RECONCILING, _S.HALTED, _S.LIQUIDATING, _S.STOPPED, _S.FAILED}),
    _S.HALTED: frozenset({_S.RECONCILING, _S.RUNNING, _S.LIQUIDATING, _S.STOPPED, _S.FAILED}),
    # to RUNNING only by an operator who accepts what could not be closed
    _S.LIQUIDATING: frozenset({_S.FLAT, _S.RUNNING, _S.STOPPED, _S.FAILED}),
    _S.FLAT: frozenset({_S.RUNNING, _S.LIQUIDATING, _S.STOPPED, _S.FAILED}),
    _S.FAILED: frozenset({_S.LIQUIDATING, _S.STOPPED}),
    _S.STOPPED: frozenset(),
}

LETTING_GO: Final = frozenset({_S.LIQUIDATING, _S.FLAT})  # the engine stays dead, data goes on without it


class StateMachine:
    """The one holder of the daemon's state. Owned by the supervisor; others read `current`.

    It does not act: `changed(old, new, reason)` tells whoever has to.
    """

    def __init__(self, changed: Callable[[DaemonState, DaemonState, str], None]) -> None:
        self.current = DaemonState.STARTING
        self.reason = ""
        self._changed = changed

    def can(self, state: DaemonState) -> bool:
        """Return whether the table has this move."""
        return state in TRANSITIONS[self.current]

    def move(self, state: DaemonState, reason: str) -> None:
        """Go to `state`; being there already is no move. Raises InvariantError where the table has none."""
        if state is self.current:
            return
        if not self.can(state):
            raise InvariantError(f"the daemon cannot go from {self.current} to {state} ({reason})")
        old, self.current, self.reason = self.current, state, reason
        self._changed(old, state, reason)

    def move_from(self, origins: tuple[DaemonState, ...], state: DaemonState, reason: str) -> None:
        """Go to `state` from one of `origins`; from anywhere else nothing happens."""
        if self.current in origins:
            self.move(state, reason)
