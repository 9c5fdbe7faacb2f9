"""A session of research in this process, and programs that run it in another."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from livetrader.offline import research
from livetrader_lean.quantbook import QuantBook
from livetrader_plugins.lean_data.writer import write_daily, write_reference
from tests.research.market import ROWS

Begin = Callable[..., Any]


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """LEAN's folder with the rows of `market`: MADE, daily."""
    folder = tmp_path_factory.mktemp("data")
    write_daily(folder, "MADE", ROWS)
    write_reference(folder, {"MADE": ROWS[0][0]}, date(2014, 1, 1), date(2015, 12, 31))
    return folder


@pytest.fixture
def begin(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Begin:
    """Begin research in this process and return LEAN's names: `begin()["QuantBook"]()`."""
    monkeypatch.setattr(QuantBook, "_engines", None)  # and so it is afterwards

    def begun(**changes: Any) -> dict[str, Any]:
        settings = {"folder": tmp_path, "data_folder": data, "object_store": str(tmp_path / "storage")}
        research.begin(research.ResearchSettings(**settings | changes))
        return research.names()

    return begun


def write_notebook(path: Path, *cells: str) -> Path:
    """Write a notebook of code cells and return its path."""
    written = [
        {
            "cell_type": "code",
            "id": f"cell-{n}",
            "execution_count": None,
            "metadata": {},
            "outputs": [],
            "source": s,
        }
        for n, s in enumerate(cells)
    ]
    content = {"cells": written, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(content), encoding="utf-8")
    return path
