"""Remembers the operations that were accepted, so that their outcome can be asked for by id."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from livetrader.control.operations import OperationState, OperationView

OPERATION_LIMIT: Final = 256  # remembered; the oldest is forgotten first, the audit trail keeps all


class OperationLog:
    """Accepted operations, oldest first. Owned by the loop. Keeps nothing over a restart."""

    def __init__(self, now_ns: Callable[[], int], new_id: Callable[[], str]) -> None:
        self._now_ns = now_ns
        self._new_id = new_id
        self._operations: dict[str, OperationView] = {}

    def begin(self, kind: str, who: str, message: str = "") -> OperationView:
        """Record an accepted operation as running and return it."""
        view = OperationView(
            id=self._new_id(),
            kind=kind,
            who=who,
            state=OperationState.RUNNING,
            started_ns=self._now_ns(),
            message=message,
        )
        self._operations[view.id] = view
        while len(self._operations) > OPERATION_LIMIT:
            del self._operations[next(iter(self._operations))]
        return view

    def end(self, operation_id: str, state: OperationState, message: str = "") -> OperationView | None:
        """Record how it ended and return it; None where it is forgotten already."""
        known = self._operations.get(operation_id)
        if known is None:
            return None
        ended = msgspec.structs.replace(known, state=state, ended_ns=self._now_ns(), message=message)
        self._operations[operation_id] = ended
        return ended

    def get(self, operation_id: str) -> OperationView | None:
        """Return the operation, None where it is not known."""
        return self._operations.get(operation_id)
