"""kill -9 around save, promote and rollback: the registry always opens, with the old or the new version."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.models_campaign.runner import ENOUGH_KINDS, MOST, Campaign

KILLS = int(os.environ.get("LIVETRADER_CAMPAIGN_KILLS", "20"))  # `make campaign-models` sets 200
SEED = int(os.environ.get("LIVETRADER_CAMPAIGN_SEED", "1"))
LIMIT_S = 60 + 4 * MOST * KILLS


@pytest.mark.slow
@pytest.mark.timeout(LIMIT_S)
def test_the_registry_opens_after_kills_at_random_instants(tmp_path: Path) -> None:
    result = Campaign(tmp_path, SEED, lambda line: print(line, flush=True)).run(KILLS)
    print(result)
    assert not result.violations, "\n".join(result.violations)
    assert result.kills >= KILLS
    assert len(result.kinds_hit) >= ENOUGH_KINDS, f"too little was hit to prove anything: {result}"
    assert result.actions > KILLS
