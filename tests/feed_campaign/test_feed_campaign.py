"""A slice of the feed campaign, one run of each kind of trouble; `make feed-campaign` runs 500."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.feed_campaign.run import play
from tests.feed_campaign.scenes import What, scene_of

SEEDS = range(len(What))


pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.mark.parametrize("seed", SEEDS)
def test_an_outage_ends_in_fresh_data_or_a_mark_and_leaves_no_hole(tmp_path: Path, seed: int) -> None:
    outcome = play(scene_of(seed), tmp_path)
    assert not outcome.flaws, "\n".join(outcome.flaws[:10])
