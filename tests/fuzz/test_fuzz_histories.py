"""A slice of the fuzz lane for histories; `make feed-fuzz` runs all of it."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tests.fuzz.histories import Skipping, ask
from tests.fuzz.venues import VENUES

ANSWERS = 700
SEED = 11


pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.mark.parametrize("venue", sorted(VENUES))
def test_no_answer_of_a_venue_makes_a_wrong_point_or_another_error_than_promised(
    tmp_path: Path, venue: str
) -> None:
    clock = Skipping()
    with VENUES[venue](tmp_path, clock, Random(SEED)) as (history, answered):
        found = ask(history, answered, clock, ANSWERS, SEED)
    assert not found.flaws, "\n".join(found.flaws[:10])
    assert found.ends["whole"] > ANSWERS // 20, f"nearly nothing came through: {found.ends}"
    assert found.ends["VenueError"], "nothing was found to be damaged"
