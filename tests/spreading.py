"""The order in which several workers run the tests: what takes long begins first, on each of them.

xdist hands every worker a run of neighbours, and lets idle ones steal from the end of others. A test of ten
minutes at the end of such a run would keep one worker busy while the others have nothing left.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

Item = TypeVar("Item")


def spread(items: Sequence[Item], length_of: Callable[[Item], float], workers: int) -> list[Item]:
    """Return the items in an order that begins each worker's share with the longest ones, dealt out in turn.

    `length_of` is how long an item may take, in any unit; 0 for those whose order does not matter.
    """
    long = sorted((item for item in items if length_of(item)), key=length_of, reverse=True)
    short = [item for item in items if not length_of(item)]
    order: list[Item] = []
    for worker in range(workers):
        room = (len(items) - len(order)) // (workers - worker)  # as xdist's worksteal deals them out
        own = long[worker::workers][:room]
        order += own
        order += short[: room - len(own)]
        del short[: room - len(own)]
    given = {id(item) for item in order}
    return order + [item for item in items if id(item) not in given]
