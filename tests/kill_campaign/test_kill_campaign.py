"""Fifty positions and fifty working orders at a TWS peer become flat in seconds, and nothing is oversold.

`make campaign-kill` holds it to ten seconds; here other tests may have the machine, and three times as long
will do.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.journal_fire.small_disk import NoMountError
from tests.kill_campaign.run import Crime, Outcome, judge, kill

RUNS = int(os.environ.get("LIVETRADER_KILL_RUNS", "1"))  # of each crime; `make campaign-kill` sets 23
LIMIT_S = float(os.environ.get("LIVETRADER_KILL_LIMIT_S", "30"))  # `make campaign-kill` promises PROMISED_S
LANES = int(os.environ.get("LIVETRADER_KILL_LANES", "2"))
SEED = int(os.environ.get("LIVETRADER_CAMPAIGN_SEED", "1"))
SECONDS_PER_RUN = 60


@pytest.mark.slow
@pytest.mark.timeout(60 + RUNS * SECONDS_PER_RUN)
@pytest.mark.parametrize("crime", Crime)
def test_the_account_is_flat_in_seconds_and_nothing_is_sold_twice(tmp_path: Path, crime: Crime) -> None:
    def run(number: int) -> Outcome:
        return kill(tmp_path / str(number), crime, SEED * 1_000 + number)

    try:
        with ThreadPoolExecutor(LANES) as pool:
            outcomes = list(pool.map(run, range(RUNS)))
    except NoMountError as error:
        pytest.skip(str(error))
    times = sorted(outcome.seconds for outcome in outcomes)
    print(
        f"{crime}: {len(times)} runs, flat after {times[0]:.1f} to {times[-1]:.1f} s,"
        f" median {times[len(times) // 2]:.1f} s"
    )
    late = [outcome for outcome in outcomes if outcome.seconds > LIMIT_S + outcome.away_s]
    assert not late, f"flat too late: {late}"
    found = [f"seed {outcome.seed}: {line}" for outcome in outcomes for line in outcome.violations]
    assert not found, "\n".join(found)


BOOKS: dict[str, list[dict[str, object]]] = {
    "positions": [],
    "orders": [{"reference": "LTa-1", "is_open": False}],
    "executions": [
        {"reference": "", "symbol": "K00", "quantity": "10"},
        {"reference": "LKa-x1", "symbol": "K00", "quantity": "-10"},
    ],
}


@pytest.mark.parametrize(
    ("table", "row", "words"),
    [
        ("positions", {"symbol": "K00", "quantity": "3"}, "3 K00 are held"),
        ("orders", {"reference": "LTa-2", "is_open": True}, "order LTa-2 works"),
        ("executions", {"reference": "LKa-x2", "symbol": "K00", "quantity": "-10"}, "K00 went from 0 to -10"),
        ("executions", {"reference": "LKa-x2", "symbol": "K01", "quantity": "1"}, "K01 went from 0 to 1"),
    ],
)
def test_the_judge_names_what_is_left_and_what_was_sold_twice(
    table: str, row: dict[str, object], words: str
) -> None:
    assert judge(BOOKS, {"K00": 10}, {"K00": 10}) == []  # type: ignore[dict-item]  # numbers compare
    assert any(
        words in line for line in judge({**BOOKS, table: [*BOOKS[table], row]}, {"K00": 10}, {"K00": 10})
    )  # type: ignore[dict-item]  # numbers compare
