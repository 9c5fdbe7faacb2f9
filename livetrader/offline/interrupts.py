"""Ctrl-C and SIGTERM during a backtest: the run ends after the present step, with what it has."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Final

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
Handler = Callable[[int, FrameType | None], object] | int | None


class Interrupts:
    """Listens for SIGINT and SIGTERM inside the `with`; main thread only.

    The first one is noted in `received`. A second raises KeyboardInterrupt where the algorithm is, for one
    that does not come back; the partial result is written all the same. Once the run is over nothing
    interrupts the writing.
    """

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self.heard: Callable[[str], None] | None = None  # told the name of the first one
        self._running = True
        self._before: dict[signal.Signals, Handler] = {}

    def __enter__(self) -> Interrupts:
        for number in SIGNALS:
            self._before[number] = signal.signal(number, self._take)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)

    def run_over(self) -> None:
        """Say that only the results are to be written; signals change nothing any more."""
        self._running = False

    def _take(self, number: int, frame: FrameType | None) -> None:
        if not self._running:
            return
        if self.received is not None:
            raise KeyboardInterrupt
        self.received = signal.Signals(number)
        if self.heard is not None:
            self.heard(self.received.name)
