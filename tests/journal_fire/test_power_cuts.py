"""Power cuts: with FULL nothing that was acknowledged is lost; and this harness would see it if it were."""

from __future__ import annotations

import os

import pytest

from livetrader.journal import store
from tests.journal_fire.cuts import Outcome, every_operation, series
from tests.journal_fire.platter import Damage

CUTS = int(os.environ.get("LIVETRADER_JOURNAL_CUTS", "100"))  # `make journal-fire` sets 1,000
SEED = int(os.environ.get("LIVETRADER_JOURNAL_SEED", "1"))
LIMIT_S = 60 + CUTS // 5


@pytest.fixture(autouse=True)
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checkpoint whenever it is idle, so that cuts fall into that too."""
    monkeypatch.setattr(store, "CHECKPOINT_ROWS", 1)


def cut(cuts: int, seed: int, *, synchronous: str | None = None, stop_at_first: bool = True) -> Outcome:
    outcome = Outcome()
    while outcome.cuts < cuts and (outcome.sound or not stop_at_first):
        series(seed, outcome, synchronous=synchronous)
        seed += 1
    return outcome


@pytest.mark.timeout(LIMIT_S)
def test_nothing_acknowledged_is_lost_in_any_power_cut() -> None:
    outcome = cut(CUTS, SEED * 1_000_000)
    print(f"{outcome.cuts} power cuts, {outcome.acknowledged} rows acknowledged: "
          f"{len(outcome.lost)} lost, {len(outcome.corrupt)} corrupt; "
          f"{outcome.present_unacknowledged} rows there that were not acknowledged")  # fmt: skip
    assert outcome.lost == []
    assert outcome.corrupt == []
    assert outcome.acknowledged > 5 * outcome.cuts
    for what in ("write journal.sqlite3-wal", "sync journal.sqlite3-wal", "write journal.sqlite3"):
        assert outcome.hit[what] > 0, f"no power cut fell on `{what}`"


@pytest.mark.timeout(90)
@pytest.mark.parametrize("damage", Damage)
def test_a_power_cut_in_any_operation_of_a_life_keeps_every_promise(damage: Damage) -> None:
    outcome = Outcome()
    every_operation(SEED, damage, outcome)
    assert outcome.lost == []
    assert outcome.corrupt == []
    assert len(outcome.hit) > 15, f"this life has too few kinds of operations: {outcome.hit}"


@pytest.mark.timeout(90)
@pytest.mark.parametrize("synchronous", ["NORMAL", "OFF"])
def test_the_harness_finds_the_losses_of_a_journal_that_does_not_sync_every_commit(synchronous: str) -> None:
    outcome = cut(100, SEED * 1_000_000, synchronous=synchronous, stop_at_first=False)
    assert outcome.lost
    assert bool(outcome.corrupt) == (synchronous == "OFF")
