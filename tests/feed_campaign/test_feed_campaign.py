"""A slice of the feed campaign, one run of each kind of trouble; `make feed-campaign` runs 500."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.feed_campaign.run import play
from tests.feed_campaign.scenes import What, scene_of

# A seed of each kind; 13 for 3, whose history is so slow that it costs half a minute of waiting, and 77 for
# 7: one stream alone, whose history stands still with it. 2157: one that goes on meanwhile, and was quiet.
# The last two have no back-fill.
SEEDS = (0, 1, 2, 13, 14, 25, 16, 77, 8, 9, 2157, 73, 188)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


def test_the_slice_has_a_run_of_each_kind() -> None:
    scenes = [scene_of(seed) for seed in SEEDS]
    assert {scene.what for scene in scenes if scene.fills} == set(What)
    assert [scene.what for scene in scenes if not scene.fills] == [What.CLOSE, What.WEATHER]


@pytest.mark.parametrize("seed", SEEDS)
def test_an_outage_ends_in_fresh_data_or_a_mark_and_leaves_no_hole(tmp_path: Path, seed: int) -> None:
    outcome = play(scene_of(seed), tmp_path)
    assert not outcome.flaws, "\n".join(outcome.flaws[:10])
