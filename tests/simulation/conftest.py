"""What the simulated worlds need of pytest."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _nothing_blocks_a_loop() -> Iterator[None]:
    """Let things block: the simulated loop does the work of threads itself, and nobody waits for real."""
    yield
