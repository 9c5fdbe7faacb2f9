"""What `check` reports, by line, and what it must leave alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from livetrader_lean.check import check
from livetrader_lean.errors import LoadError

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


def findings(tmp_path: Path, text: str) -> list[tuple[int, str]]:
    path = tmp_path / "main.py"
    path.write_text(text, encoding="utf-8")
    return [(item.line, item.name) for item in check(path)]


def test_members_in_either_spelling_are_listed_with_their_lines(tmp_path: Path) -> None:
    text = """from AlgorithmImports import *
class Mine(QCAlgorithm):
    def Initialize(self):
        self.AddOption("SPY")
        self.add_universe(None)
        self.set_holdings("SPY", 1)
        print(self.Portfolio.LogMarginInformation, Resolution.Weekly)
    def OnData(self, data):
        print(data.MergeSlice, data.Bars, data.Dividends)
    def on_framework_data(self, splits):
        pass
"""
    assert findings(tmp_path, text) == [
        (4, "self.AddOption"),
        (5, "self.add_universe"),
        (7, "Resolution.Weekly"),
        (7, "self.Portfolio.LogMarginInformation"),
        (9, "data.MergeSlice"),
        (10, "on_framework_data"),
    ]


def test_types_that_algorithm_imports_does_not_give_are_listed(tmp_path: Path) -> None:
    text = """from AlgorithmImports import *
from QuantConnect.Data.Custom import Quandl
class Mine(QCAlgorithm):
    def initialize(self):
        self.model = ConstantAlphaModel()
"""
    assert findings(tmp_path, text) == [(2, "Quandl"), (5, "ConstantAlphaModel")]


def test_the_users_own_members_are_not_reported(tmp_path: Path) -> None:
    (tmp_path / "base.py").write_text(
        "from AlgorithmImports import *\n"
        "class Base(QCAlgorithm):\n    def shortable(self):\n        return 1\n",
        encoding="utf-8",
    )
    text = """from AlgorithmImports import *
from base import Base
class Mine(Base):
    tags = ()
    def initialize(self):
        self.alpha, self.status = 1, 2
        for self.name in self.tags:
            print(self.alpha + self.status, self.shortable(), [x for x in self.tags])
    def emit_insights(self):
        try:
            self.emit_insights()
        except ValueError as error:
            print(error)
class Helper:
    def use(self):
        return self.insights
"""
    assert findings(tmp_path, text) == []


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.glob("*.py")))
def test_the_examples_use_only_what_is_offered(name: str) -> None:
    assert check(EXAMPLES / name) == []


def test_a_file_that_is_no_python_is_refused_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="line 1"):
        findings(tmp_path, "def broken(:\n")
    with pytest.raises(LoadError, match="there is no file"):
        check(tmp_path / "missing.py")


def test_nothing_of_the_file_is_executed_and_a_file_without_algorithm_is_told(tmp_path: Path) -> None:
    assert findings(tmp_path, "raise SystemExit(9)\n") == [(1, "QCAlgorithm")]


def test_a_misspelt_member_is_listed_with_what_was_meant(tmp_path: Path) -> None:
    path = tmp_path / "main.py"
    path.write_text(
        "from AlgorithmImports import *\nclass Mine(QCAlgorithm):\n    def initialize(self):\n"
        "        self.set_holding('SPY', 1)\n        self.late = 1\n        print(self.late, self._own)\n"
        "        if hasattr(self, 'model'):\n            print(self.model)\n",
        encoding="utf-8",
    )
    (found,) = check(path)
    assert (found.line, found.name) == (4, "self.set_holding")
    assert "did you mean set_holdings" in found.reason


def test_members_of_a_class_with_a_base_that_is_not_in_sight_are_left_alone(tmp_path: Path) -> None:
    text = """from AlgorithmImports import *
from elsewhere import Mixin
class Mine(Mixin, QCAlgorithm):
    def initialize(self):
        self.from_the_mixin()
"""
    assert findings(tmp_path, text) == []
