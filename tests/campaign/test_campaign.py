"""kill -9 under order load, against real processes: no lost, no duplicate order, every fill once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.campaign.runner import Campaign

KILLS = int(os.environ.get("LIVETRADER_CAMPAIGN_KILLS", "15"))  # of each kind; `make campaign` sets 300
SEED = int(os.environ.get("LIVETRADER_CAMPAIGN_SEED", "1"))
SECONDS_PER_KILL = 8
LIMIT_S = 120 + 2 * KILLS * SECONDS_PER_KILL


@pytest.mark.slow
@pytest.mark.timeout(LIMIT_S)
def test_journal_and_account_agree_after_kills_at_random_instants(tmp_path: Path) -> None:
    result = Campaign(tmp_path, SEED, lambda line: print(line, flush=True)).run(KILLS, KILLS)
    assert not result.violations, "\n".join(result.violations)
    assert (result.engine_kills, result.daemon_kills) == (KILLS, KILLS)
    assert result.fills > KILLS, f"too little traded to prove anything: {result}"
