"""The planted bugs: every patch applies, and the simulation finds what it is shown."""

from __future__ import annotations

import pytest

from tests.simulation import planted
from tests.simulation.planted import Bug, PatchError

FOUND_FAST = ("send_before_journal", "cancel_before_journal", "order_without_its_name")
FEWEST = 20


def test_there_are_enough_bugs_and_each_says_what_it_is() -> None:
    assert len(planted.bugs()) >= FEWEST
    for bug in planted.bugs():
        assert bug.words.endswith("."), bug.name


@pytest.mark.parametrize("bug", planted.bugs(), ids=lambda bug: bug.name)
def test_a_planted_bug_still_fits_the_code(bug: Bug) -> None:
    with planted.planted(bug) as folder:
        assert (folder / "livetrader" / "gateway").is_dir()


def test_a_patch_that_does_not_fit_is_named(tmp_path: object) -> None:
    bug = planted.bugs()[0]
    stale = Bug("stale", "Nothing.", bug.patch.with_name("stale"))
    text = bug.patch.read_text().replace("\n-  ", "\n-it was never so", 1)
    stale.patch.write_text(text)
    try:
        with pytest.raises(PatchError, match="no longer applies"), planted.planted(stale):
            pass
    finally:
        stale.patch.unlink()


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", FOUND_FAST)
def test_a_planted_bug_is_found(name: str) -> None:
    (bug,) = [bug for bug in planted.bugs() if bug.name == name]
    finding = planted.hunt(bug, ["--seeds", "8", "--days", "1", "--first"])
    assert finding.first is not None, f"{name} was not found in {finding.seeds} seeds"
