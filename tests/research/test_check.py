"""`livetrader check` on notebooks: what they take from LEAN that is not offered."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from livetrader.cli.main import cli
from livetrader_lean.check_notebook import check_notebook
from livetrader_lean.errors import LoadError
from tests.parity.replays import EXAMPLES
from tests.research.conftest import write_notebook


def test_members_and_names_that_are_not_offered_are_found_by_cell_and_line(tmp_path: Path) -> None:
    notebook = write_notebook(
        tmp_path / "study.ipynb",
        "%matplotlib inline\n!ls\nqb = QuantBook()\nother = QuantBook()",
        "%%bash\nqb.option_history",
        "qb.history?\nqb.OptionHistory(1)\nother.add_option('SPY')",
        "class Mine: pass\nqb.portfolio.nothing_of_the_kind\nUniverseSelectionModel\nMine()",
        "qb.histroy('SPY', 5)\nqb._private\nqb.mine = 1",
    )
    found = [(one.cell, one.line, one.name) for one in check_notebook(notebook)]
    assert found == [
        (3, 2, "qb.OptionHistory"),
        (3, 3, "other.add_option"),
        (4, 2, "qb.portfolio.nothing_of_the_kind"),
        (4, 3, "UniverseSelectionModel"),
        (5, 1, "qb.histroy"),
    ]
    assert "did you mean history" in check_notebook(notebook)[-1].reason


@pytest.mark.parametrize(
    "notebook",
    [EXAMPLES / "research" / "train.ipynb", EXAMPLES.parent / "livetrader" / "offline" / "research.ipynb"],
    ids=lambda path: path.name,
)
def test_our_own_notebooks_are_clean(notebook: Path) -> None:
    assert check_notebook(notebook) == []


def test_the_command_tells_cells_and_ends_with_one(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "study.ipynb", "qb = QuantBook()", "qb.get_fundamental('AAPL')")
    done = CliRunner().invoke(cli, ["check", str(notebook)])
    assert done.exit_code == 1
    assert "code cell 2, line 1: qb.get_fundamental — no provider of fundamental data" in done.output


def test_what_cannot_be_read_is_told_with_its_place(tmp_path: Path) -> None:
    broken = write_notebook(tmp_path / "broken.ipynb", "x = 1", "y = (")
    with pytest.raises(LoadError, match=r"broken\.ipynb, code cell 2, line 1: "):
        check_notebook(broken)
    broken.write_text("[]")
    with pytest.raises(LoadError, match="no notebook that can be read"):
        check_notebook(broken)
