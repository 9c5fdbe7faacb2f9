"""One operation that was asked for, as it goes on."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class OperationState(StrEnum):
    """Progress of an operation that was asked for."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class OperationView(msgspec.Struct, frozen=True):
    """One accepted operation. `message` says how it ended or what it is doing."""

    id: str
    kind: str
    who: str
    state: OperationState
    started_ns: int
    ended_ns: int | None = None
    message: str = ""
