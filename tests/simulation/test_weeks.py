"""Simulated weeks: nothing lost, nothing doubled, whatever happens; and the same again from the same seed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from livetrader_plugins.ibkr.library import LibraryName
from tests.simulation.outcome import Outcome
from tests.simulation.world import Week, World

SHORT = replace(Week(), days=1)
LIMIT_S = 180  # a week takes some seconds of a quiet machine


def told(outcome: Outcome) -> str:
    words = "\n".join(str(violation) for violation in outcome.violations)
    return f"{words}\nagain: python -m tests.simulation replay {outcome.seed}"


@pytest.mark.slow
@pytest.mark.timeout(LIMIT_S)
@pytest.mark.parametrize("seed", range(10))
def test_a_hostile_week_ends_with_journal_engine_and_account_equal(seed: int) -> None:
    outcome = World(seed, Week(library="ib_async" if seed % 2 else "ib_insync")).run()
    assert not outcome.violations, told(outcome)
    assert outcome.trades > 50, "a week without trades shows nothing"
    assert outcome.lives > 5, "a week without crashes shows nothing"


@pytest.mark.slow
@pytest.mark.timeout(LIMIT_S)
@pytest.mark.parametrize("library", ["ib_async", "ib_insync"])
def test_a_seed_gives_the_same_journal_again(library: LibraryName) -> None:
    def journal(seed: int) -> str:
        return World(seed, replace(SHORT, library=library)).run().journal_hash

    first = journal(31)
    assert journal(32) != first
    assert journal(31) == first


@pytest.mark.timeout(LIMIT_S)
def test_a_calm_day_needs_no_help() -> None:
    outcome = World(5, replace(SHORT, weather=False, crash_probability=0.0)).run()
    assert not outcome.violations, told(outcome)
    assert outcome.lives == 1
    assert outcome.orders > 20
    assert not outcome.reached["outcome_unknown"]
