"""Prices for the examples."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.examples.prices import write_prices


@pytest.fixture(scope="session")
def made_prices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder that needs nobody's data."""
    return write_prices(tmp_path_factory.mktemp("prices"))
