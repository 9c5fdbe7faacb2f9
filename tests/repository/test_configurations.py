"""The files in config/ parse; what they mean is tested where the settings are."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tests.repository.sources import ROOT

TOML = sorted((ROOT / "config").glob("*.toml"))


def test_there_are_configurations() -> None:
    assert {"livetrader.toml", "paper.toml"} <= {path.name for path in TOML}


@pytest.mark.parametrize("path", TOML, ids=lambda path: path.name)
def test_a_configuration_parses_and_explains_itself(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert tomllib.loads(text)
    assert text.lstrip().startswith("#"), "the first line says what the file is for"
