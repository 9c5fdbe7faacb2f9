"""A slice of the fuzz lane for feeds; `make feed-fuzz` runs all of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.fuzz.feeds import spoil
from tests.fuzz.venues import polygon_feed

FRAMES = 1_500
SEED = 5


pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.mark.parametrize("made_from", ["trades", "seconds"])
def test_no_frame_of_a_venue_makes_a_wrong_point_or_hangs_a_feed(tmp_path: Path, made_from: str) -> None:
    found = asyncio.run(spoil(polygon_feed(made_from), tmp_path, FRAMES, SEED))
    assert not found.flaws, "\n".join(found.flaws[:10])
    assert found.ends["TradeBar"] or made_from == "seconds", f"no bar came through: {found.ends}"
    assert found.ends["Tick"] > FRAMES // 10, f"nearly nothing came through: {found.ends}"
