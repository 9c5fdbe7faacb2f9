"""Names for decisions, so that nobody takes one twice: not an engine that is started again, either.

A decision is named by the instant it was taken for, what caused it, and which one of its cause and symbol it
was: `1381152660000000000:data:1`. The instant is that of the event, not of the clock: a bar that a feed
repeats after a restart is the same instant, however late it is. The name is a function of events alone, so
that a deterministic algorithm that sees an event again takes decisions of the same names; whoever sends
orders refuses those that an earlier engine has taken. Counted by symbol: an order that an algorithm leaves
out the second time, because the account has it already, does not give its name to the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from livetrader_engine.events import OrderEventArrived
from livetrader_engine.orders.ticket import OrderRecord
from livetrader_engine.symbols import Symbol

DATA: Final = "data"  # a step: on_data, consolidators, margin calls
SCHEDULE: Final = "schedule"
ORDER: Final = "order"  # news of an order, by its number
BROKERAGE: Final = "brokerage"
TRAINING: Final = "training"
PARAMETERS: Final = "parameters"


def decided_ns(decision: str) -> int:
    """Return the instant that a decision was taken for."""
    return int(decision.partition(":")[0])


class Decisions:
    """Stamps orders. Owned by the engine, called from its thread; `step_ns` tells the present step's time."""

    def __init__(self, step_ns: Callable[[], int]) -> None:
        self._step_ns = step_ns
        self._cause: tuple[int, str] | None = None
        self.scheduled_ns: int | None = None  # set while a scheduled event of this instant fires
        self._base: tuple[int, str] | None = None
        self._counts: dict[Symbol, int] = {}

    def stamp(self, symbol: Symbol) -> str:
        """Return the name of the decision to trade this symbol now."""
        scheduled_ns = self.scheduled_ns
        step = (self._step_ns(), DATA) if scheduled_ns is None else (scheduled_ns, SCHEDULE)
        base = self._cause or step
        if base != self._base:
            self._base = base
            self._counts.clear()
        count = self._counts[symbol] = self._counts.get(symbol, 0) + 1
        return f"{base[0]}:{base[1]}:{count}"

    @contextmanager
    def because_of(self, cause: str, time_ns: int) -> Iterator[None]:
        """Name what is decided meanwhile by another cause than the present step."""
        before, self._cause = self._cause, (time_ns, cause)
        try:
            yield
        finally:
            self._cause = before

    def after(
        self, listener: Callable[[OrderEventArrived, OrderRecord], None]
    ) -> Callable[[OrderEventArrived, OrderRecord], None]:
        """Return a listener of order news whose decisions are named by them."""

        def listen(event: OrderEventArrived, record: OrderRecord) -> None:
            with self.because_of(f"{ORDER}.{record.id}.{record.news}", event.time_ns):
                listener(event, record)

        return listen
