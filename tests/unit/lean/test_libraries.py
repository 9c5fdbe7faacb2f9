"""A library that is missing is named with the command that installs it."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from livetrader_lean import loader
from livetrader_lean.errors import LoadError
from livetrader_lean.failures import user_traceback
from livetrader_lean.libraries import DISTRIBUTIONS, EXTRAS, remedy

PYPROJECT = Path(__file__).resolve().parents[3] / "pyproject.toml"


@pytest.fixture
def hidden(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Make a library look as if it was not installed, whether it is or not."""
    import sys

    gone: list[str] = []

    class Hiding:
        def find_spec(self, name: str, *_: object) -> None:
            if name.partition(".")[0] in gone:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    def hide(name: str) -> None:
        gone.append(name)
        for module in [one for one in sys.modules if one.partition(".")[0] == name]:
            monkeypatch.delitem(sys.modules, module)

    finder = Hiding()
    sys.meta_path.insert(0, finder)  # type: ignore[arg-type]  # the protocol, duck-typed
    yield hide
    sys.meta_path.remove(finder)  # type: ignore[arg-type]  # as above


@pytest.mark.parametrize(
    ("line", "library", "command"),
    [
        ("import tensorflow as tf", "tensorflow", "pip install 'livetrader[tensorflow]'"),
        ("from tensorflow import keras", "tensorflow", "pip install 'livetrader[tensorflow]'"),
        ("import torch.nn", "torch", "pip install 'livetrader[torch]'"),
        ("from xgboost import XGBClassifier", "xgboost", "pip install 'livetrader[xgboost]'"),
        ("import statsmodels.api as sm", "statsmodels", "pip install 'statsmodels'"),
    ],
)
def test_a_file_that_imports_it_is_refused_with_the_command(
    tmp_path: Path, hidden: Callable[[str], None], line: str, library: str, command: str
) -> None:
    hidden(library)
    path = tmp_path / "main.py"
    path.write_text(f"from AlgorithmImports import *\n{line}\n", encoding="utf-8")
    with pytest.raises(LoadError) as refused:
        loader.load(path)
    told = str(refused.value)
    assert f'File "{path}", line 2' in told
    assert told.rstrip().endswith(command)


def test_a_function_that_imports_it_later_ends_with_the_command(hidden: Callable[[str], None]) -> None:
    hidden("lightgbm")
    try:
        try:
            import lightgbm  # noqa: F401 — that it fails is the test
        except ImportError as error:
            raise RuntimeError("no model") from error
    except RuntimeError as error:
        assert user_traceback(error).rstrip().endswith("pip install 'livetrader[lightgbm]'")


def test_what_has_another_cause_says_nothing_of_installing() -> None:
    assert remedy(ValueError("tensorflow")) is None
    assert remedy(ModuleNotFoundError("No module named 'my_helpers'", name="my_helpers")) is None
    assert remedy(ImportError("cannot import name 'nn' from 'torch'", name="torch")) is None


def test_a_circle_of_causes_ends() -> None:
    first, second = ValueError("one"), ValueError("two")
    first.__cause__, second.__cause__ = second, first
    assert remedy(first) is None


def test_every_extra_that_is_named_exists() -> None:
    extras = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert set(EXTRAS.values()) <= set(extras)
    assert not set(DISTRIBUTIONS) & set(EXTRAS)
