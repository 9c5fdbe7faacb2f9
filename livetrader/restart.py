"""Whether a failed child is started again, and after what pause. Pure: table-tested, no clock, no chance.

The pause is "full jitter": anywhere between nothing and an exponential that is capped, so that many
daemons that lost the same venue do not come back at the same instant. The budget is per sliding window
(Erlang's supervisors): a child that fails more often than that is not cured by another start.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_LARGEST_EXPONENT = 32  # 2**32 times any delay is beyond every cap; keeps the power finite


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """How often within which window, and the pauses. `restarts` below 0 means: for ever."""

    restarts: int
    window_s: float
    delay_s: float
    delay_max_s: float


@dataclass(frozen=True, slots=True)
class Restart:
    """Start it again after `delay_s` seconds."""

    delay_s: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The budget is spent: `failures` within the window."""

    failures: int


def recent(failures: Sequence[float], now_s: float, policy: RestartPolicy) -> list[float]:
    """Return the failures that still count: those inside the window that ends now."""
    return [at_s for at_s in failures if now_s - at_s < policy.window_s]


def decide(failures: Sequence[float], now_s: float, policy: RestartPolicy, chance: float) -> Restart | GiveUp:
    """Return what follows the newest of `failures` (monotonic seconds, the newest included).

    `chance` is uniform in [0, 1) and places the pause below its cap.
    """
    count = len(recent(failures, now_s, policy))
    if 0 <= policy.restarts < count:
        return GiveUp(count)
    exponent = min(max(count - 1, 0), _LARGEST_EXPONENT)
    return Restart(chance * min(policy.delay_max_s, policy.delay_s * 2.0**exponent))
