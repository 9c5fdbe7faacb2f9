"""What the engine process does to itself before any user code is loaded. Linux."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
from pathlib import Path
from typing import Final

OOM_SCORE: Final = 800  # of 1000: the kernel takes the engine process long before the supervisor
MEMORY_HEADROOM: Final = 2  # hard limit over the watched one: the watch explains, the limit only prevents
_PR_SET_PDEATHSIG: Final = 1


def confine(supervisor_pid: int, memory_limit_mb: int) -> None:
    """Die with the supervisor, be first when memory runs out, leave Ctrl-C to the supervisor.

    `memory_limit_mb` 0 sets no limit. Exits at once when the supervisor is gone already.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != supervisor_pid:
        os._exit(1)  # it died between our fork and the prctl
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Path("/proc/self/oom_score_adj").write_text(str(OOM_SCORE))
    if memory_limit_mb:
        limit = memory_limit_mb * MEMORY_HEADROOM * 1024 * 1024
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
