"""How well this machine's clock is kept, as the kernel knows it: adjtimex(2), which only reads here.

A unit with ProtectClock= may not ask the kernel, not even to read (systemd's filter refuses the whole call).
Then the mark of systemd-timesyncd says whether a time server was ever reached; how far off the clock is
remains unknown.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from pathlib import Path
from typing import Final

TIMESYNC_MARK: Final = Path("/run/systemd/timesync/synchronized")  # touched at each answer of a time server

_STA_UNSYNC: Final = 0x0040  # <linux/timex.h>: no time server
_STA_NANO: Final = 0x2000  # offset in nanoseconds, else microseconds


class _Timeval(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("microseconds", ctypes.c_long))


class _Timex(ctypes.Structure):
    """`struct timex` of adjtimex(2), 64-bit Linux."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("frequency", ctypes.c_long),
        ("max_error", ctypes.c_long),
        ("estimated_error", ctypes.c_long),
        ("status", ctypes.c_int),
        ("constant", ctypes.c_long),
        ("precision", ctypes.c_long),
        ("tolerance", ctypes.c_long),
        ("time", _Timeval),
        ("tick", ctypes.c_long),
        ("rest", ctypes.c_long * 16),  # of pulses per second, and what the kernel may add
    )


@dataclass(frozen=True, slots=True)
class ClockState:
    """How the machine's clock is kept; None where nobody tells. `source` says who told.

    `offset_s` is what the kernel still has to correct, `max_error_s` how wrong the clock may be at most.
    """

    synchronized: bool | None
    offset_s: float | None
    max_error_s: float | None
    source: str


UNKNOWN_CLOCK: Final = ClockState(None, None, None, "nobody")


def read_clock(mark: Path = TIMESYNC_MARK) -> ClockState:
    """Return how the clock is kept. Takes microseconds; sets nothing."""
    timex = _Timex()
    try:
        outcome = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex))
    except (OSError, AttributeError):  # another system than Linux
        outcome = -1
    if outcome >= 0:
        return kernel_state(timex.status, timex.offset, timex.max_error)
    try:
        reached = mark.exists()
    except OSError:
        reached = False
    # without the mark another program may well keep the clock (chrony does): that is not known
    return ClockState(True, None, None, "systemd-timesyncd") if reached else UNKNOWN_CLOCK


def kernel_state(status: int, offset: int, max_error_us: int) -> ClockState:
    """Return what the fields of `struct timex` say."""
    unit_s = 1e-9 if status & _STA_NANO else 1e-6
    return ClockState(not status & _STA_UNSYNC, offset * unit_s, max_error_us / 1e6, "kernel")
