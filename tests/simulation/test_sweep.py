"""A slice of the crashes at every boundary; `make simulation-sweep` does them all."""

from __future__ import annotations

import pytest

from tests.simulation import sweep
from tests.simulation.sweep import STORIES, Story

STEP = 23  # boundaries between two crashes of the slice


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_a_story_without_a_crash_ends_well(story: Story) -> None:
    reaper, violations, _ = sweep.tell(story, "auto")
    assert not violations
    assert len(reaper.kinds) > 50, "a story without boundaries shows nothing"


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_a_crash_at_a_boundary_loses_and_doubles_nothing(story: Story) -> None:
    kinds = sweep.tell(story, "auto")[0].kinds
    for at in range(1 + len(story.name) % STEP, len(kinds) + 1, STEP):
        _, violations, _ = sweep.tell(story, "auto", at)
        assert not violations, f"crash at boundary {at} ({kinds[at - 1]}): {violations[0]}"


def test_every_kind_of_boundary_is_in_a_story() -> None:
    kinds = {kind for story in STORIES[:8] for kind in sweep.tell(story, "auto")[0].kinds}
    assert kinds >= {
        "append", "commit", "committed", "socket write", "socket written", "socket read", "ack",
        "ack handled", "execution", "execution handled", "publish", "published", "thread", "thread done",
        "latch read", "journal open", "connect",
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_liquidation_order_on_its_way_is_not_sent_twice_by_the_next_daemon() -> None:
    (story,) = [story for story in STORIES if story.name == "the kill switch"]
    kinds = sweep.tell(story, "auto")[0].kinds
    written = [at for at, kind in enumerate(kinds, 1) if kind == "socket written"]
    for at in written[len(written) // 4 :: 3]:
        _, violations, _ = sweep.tell(story, "auto", at)
        assert not violations, f"crash at boundary {at}: {violations[0]}"
