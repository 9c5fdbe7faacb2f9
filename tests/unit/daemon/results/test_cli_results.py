"""`livetrader results`: what live runs left, read from the folder without a daemon."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from livetrader.cli.main import cli
from livetrader.results.live_folder import LiveFolder
from livetrader.results.live_settings import ResultSettings

from .test_live_folder import NOW_NS, batch, plan


def call(state: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["results", *words, "--state-directory", str(state)])


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state directory with two deployments; only the first wrote its figures."""
    for number in (1, 2):
        folder = LiveFolder(tmp_path / "results", ResultSettings())
        folder.deploy(plan(tmp_path, f"x = {number}\n"), NOW_NS, f"L-{number}", fresh=False)
        if number == 1:
            made = batch(1)
            assert made.facts is not None
            folder.write(made)
    return tmp_path


def test_deployments_are_listed_newest_first(state: Path) -> None:
    result = call(state, "list", "--json")
    assert [row["id"] for row in json.loads(result.output)] == ["L-2", "L-1"]
    assert "2013-10-07 14:30:00 UTC" in call(state, "list").output


def test_a_deployment_is_shown_with_its_figures(state: Path) -> None:
    shown = json.loads(call(state, "show", "--id", "L-1", "--json").output)
    assert shown["deployment"]["id"] == "L-1" and shown["state"]["Name"] == "Mine"
    assert "is written within ten minutes" in call(state, "show").output, "the newest has none yet"


def test_what_is_not_there_is_said(state: Path, tmp_path: Path) -> None:
    assert "no live run has left results" in call(tmp_path / "other", "list").output
    unknown = call(state, "show", "--id", "L-9")
    assert unknown.exit_code != 0 and "livetrader results list" in unknown.output
