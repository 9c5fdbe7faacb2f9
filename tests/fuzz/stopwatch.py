"""How long something took, less the time in which the machine was others'."""

from __future__ import annotations

import time
from pathlib import Path

_SCHEDSTAT = Path("/proc/thread-self/schedstat")  # ns on a processor, ns of waiting for one, time slices


def undisturbed_s() -> float:
    """Return seconds of this thread's life in which it ran or slept: not those in which it stood in line.

    A call that blocks counts whole, whether it computes or sleeps. Where Linux keeps no such
    statistics all time counts.
    """
    now_s = time.monotonic()
    try:
        waited_ns = int(_SCHEDSTAT.read_text().split()[1])
    except (OSError, IndexError):
        return now_s
    return now_s - waited_ns / 1e9
