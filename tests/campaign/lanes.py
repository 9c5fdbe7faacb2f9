"""Several campaigns at once, each with its own daemon and venue: while one waits, another works."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.campaign.ibkr import LONG_DELAY_S, IbkrVenue
from tests.campaign.paper import PaperVenue
from tests.campaign.runner import Campaign, Result
from tests.campaign.venue import Venue

VENUES: dict[str, Callable[[Path, int], Venue]] = {
    "paper": PaperVenue,
    "ibkr": IbkrVenue,
    "ibkr-far": lambda root, seed: IbkrVenue(root, seed, LONG_DELAY_S),
}


def run_lanes(
    root: Path,
    venue: str,
    *,
    seed: int,
    lanes: int,
    engine_kills: int,
    daemon_kills: int,
    say: Callable[[str], None],
    module: str = "livetrader",
) -> Result:
    """Share the kills among so many lanes, and add up what they did. A lane that breaks is a violation."""
    started = time.monotonic()
    lock = threading.Lock()

    def run(lane: int) -> Result:
        folder = root / f"lane{lane}"
        folder.mkdir(parents=True)
        number = seed * 1_000 + lane

        def tell(line: str) -> None:
            with lock:
                say(f"lane {lane}: {line}")

        campaign = Campaign(folder, number, VENUES[venue](folder, number), tell, module)
        try:
            return campaign.run(share(engine_kills, lanes, lane), share(daemon_kills, lanes, lane))
        except (AssertionError, RuntimeError, TimeoutError) as error:
            if not campaign.result.violations:
                campaign.result.violations.append(f"lane {lane} in {folder} broke: {error!r}")
            return campaign.result

    with ThreadPoolExecutor(lanes) as pool:
        results = list(pool.map(run, range(lanes)))
    total = Result(seconds=time.monotonic() - started)
    for result in results:
        total.add(result)
    return total


def share(kills: int, lanes: int, lane: int) -> int:
    """Return how many of the kills are this lane's."""
    return kills // lanes + (1 if lane < kills % lanes else 0)
