"""How many threads numeric libraries may use beside trading: told by the environment, before they are loaded.

OpenMP, BLAS and TensorFlow take every core they see. A training that does leaves none to the engine, to the
supervisor and to the brokerage's session. So where neither the operator nor the settings say otherwise they
get all cores but one, alike in backtests and live: another number of threads adds sums up in another order,
and trains another model.
"""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from typing import Final

THREAD_VARIABLES: Final = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS", "TF_NUM_INTRAOP_THREADS", "LOKY_MAX_CPU_COUNT",
)  # fmt: skip


def numeric_threads(threads: int, cores: int) -> int:
    """Return how many threads each library gets: what is wanted, or all cores but one where that is 0."""
    return threads or max(1, cores - 1)


def limit_numeric_threads(environment: MutableMapping[str, str], threads: int = 0) -> None:
    """Set every variable; without `threads` only those that nobody has set.

    For a process that has not loaded such a library yet. What the algorithm asks for by a call, such as
    `torch.set_num_threads`, wins over all of it.
    """
    count = str(numeric_threads(threads, len(os.sched_getaffinity(0))))
    for name in THREAD_VARIABLES:
        if threads or name not in environment:
            environment[name] = count
