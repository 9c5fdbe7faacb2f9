"""The contract kits over everything that is installed: a third-party wheel is tested by installing it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from blockbuster import BlockBuster, blockbuster_ctx


@pytest.fixture(autouse=True)
def blockbuster() -> Iterator[BlockBuster]:
    """Fail a case in which a plugin blocks the event loop."""
    with blockbuster_ctx() as active:
        yield active
