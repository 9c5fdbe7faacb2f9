"""When what is on the tape is due, and where the second marks lie between. Pure."""

from __future__ import annotations

from typing import Final

NS_PER_SECOND: Final = 1_000_000_000
PULSED_SPEED: Final = 60.0  # up to this speed a pulse comes each second of the tape; faster would be noise


class Pace:
    """Maps tape time to the monotonic clock. The first event it is asked about is due at once.

    At "max" (None) everything is due at once and there are no pulses.
    """

    def __init__(self, speed: float | None) -> None:
        """Run `speed` seconds of tape per second; None: as fast as possible."""
        self._speed = speed
        self._anchor: tuple[int, float] | None = None  # tape ns, monotonic s

    def wait_s(self, time_ns: int, now_s: float) -> float:
        """Return how long to wait until the tape stands at `time_ns`; zero where it is late."""
        if self._speed is None:
            return 0.0
        if self._anchor is None:
            self._anchor = (time_ns, now_s)
        tape_ns, clock_s = self._anchor
        return max(0.0, clock_s + (time_ns - tape_ns) / NS_PER_SECOND / self._speed - now_s)

    def next_pulse_ns(self, after_ns: int, before_ns: int, now_s: float) -> int | None:
        """Return the tape second to announce next, strictly between the two times, None for none.

        Seconds that have passed already are left out but for the newest: pulses are signs of time, not data.
        """
        if self._speed is None or self._speed > PULSED_SPEED or self._anchor is None:
            return None
        tape_ns, clock_s = self._anchor
        here_ns = tape_ns + int((now_s - clock_s) * self._speed * NS_PER_SECOND)
        second = max(after_ns // NS_PER_SECOND + 1, here_ns // NS_PER_SECOND) * NS_PER_SECOND
        return second if after_ns < second < before_ns else None
