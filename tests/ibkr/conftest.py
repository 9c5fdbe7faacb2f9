"""Every test that takes `library` runs with each of the two client libraries."""

from __future__ import annotations

import pytest


@pytest.fixture(params=["ib_insync", "ib_async"])
def library(request: pytest.FixtureRequest) -> str:
    """The name of a client library."""
    name: str = request.param
    return name
