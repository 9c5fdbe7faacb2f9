"""Signals: SIGTERM and SIGINT stop (a second one at once), SIGUSR1 is the kill switch.

Stopping never liquidates by itself: a deploy must not sell the book. What stop does to the account is
`[daemon] on_shutdown`.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

STOPPING: Final = (signal.SIGTERM, signal.SIGINT)
KILL_SWITCH: Final = signal.SIGUSR1


@dataclass(frozen=True, slots=True)
class SignalActions:
    """What signals lead to; each is called on the loop and must not block."""

    stop: Callable[[str], None]
    abort: Callable[[str], None]
    liquidate: Callable[[str], None]


@contextmanager
def handled(loop: asyncio.AbstractEventLoop, actions: SignalActions) -> Iterator[None]:
    """Handle the daemon's signals while inside. Only for a loop that runs in the main thread."""
    received: list[str] = []

    def stopping(name: str) -> None:
        received.append(name)
        if len(received) == 1:
            actions.stop(name)
        else:
            actions.abort(name)

    for number in STOPPING:
        loop.add_signal_handler(number, stopping, number.name)
    loop.add_signal_handler(KILL_SWITCH, actions.liquidate, KILL_SWITCH.name)
    try:
        yield
    finally:
        for number in (*STOPPING, KILL_SWITCH):
            loop.remove_signal_handler(number)
