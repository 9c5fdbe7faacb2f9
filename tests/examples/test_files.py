"""The files in examples/: each is clean for `livetrader check`, and the guide to models lists it."""

from __future__ import annotations

import re

from click.testing import CliRunner

from livetrader.cli.main import cli
from tests.parity.replays import EXAMPLES

FILES = sorted(EXAMPLES.glob("*.py"))
GUIDE = EXAMPLES.parent / "docs" / "models.md"
OF_NO_MODEL = {
    "buy_and_hold.py",
    "demo_sklearn.py",
    "ema_cross_with_stops.py",
}  # the demo's is the guide's forest


def test_check_finds_nothing_to_mend() -> None:
    result = CliRunner().invoke(cli, ["check", *map(str, FILES)])
    assert result.exit_code == 0, result.output
    assert result.output.splitlines() == [f"{path}: ok" for path in FILES]


def test_the_guide_lists_every_example_that_learns() -> None:
    listed = re.findall(r"\[(\w+\.py)\]\(\.\./examples/\1\)", GUIDE.read_text(encoding="utf-8"))
    assert set(listed) == {path.name for path in FILES} - OF_NO_MODEL


def test_networks_and_forests_take_one_thread() -> None:
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        if "import tensorflow" in text:
            assert "set_intra_op_parallelism_threads(1)" in text, path
            assert "set_inter_op_parallelism_threads(1)" in text, path
        if "import torch" in text:
            assert "torch.set_num_threads(1)" in text, path
