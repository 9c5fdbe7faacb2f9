"""Engine time: the time of the event being processed, in backtest and live alike."""

from __future__ import annotations

from livetrader_engine.errors import InvariantError


class EventClock:
    """Stands at the time of the newest event. Owned by the engine, the only one who advances it.

    It does not tick: between two events time stands still. `now_ns` (UTC nanoseconds) is read everywhere, so
    it is a plain attribute; it is written by `advance` and `rewind`, and by the engine's step alone.
    """

    __slots__ = ("now_ns",)

    now_ns: int

    def __init__(self, now_ns: int = 0) -> None:
        self.now_ns = now_ns

    def advance(self, time_ns: int) -> None:
        """Go to `time_ns`; staying where we are is allowed. Raises InvariantError for a step back."""
        if time_ns < self.now_ns:
            raise InvariantError(f"time went back from {self.now_ns} to {time_ns}")
        self.now_ns = time_ns

    def rewind(self, time_ns: int) -> None:
        """Go back to where a warm-up begins. Only before the first event."""
        self.now_ns = time_ns
