"""Loading a user's file: LEAN's imports, the user's own neighbours, and errors that point into the file."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from livetrader_lean.errors import LoadError, NotInLivetrader
from livetrader_lean.loader import load

ALGORITHM = """
class Mine(QCAlgorithm):
    def Initialize(self):
        pass
"""


@pytest.fixture(autouse=True)
def _same_import_path() -> Iterator[None]:
    before, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = before
    for name in set(sys.modules) - modules:
        del sys.modules[name]


def write(folder: Path, text: str, name: str = "main.py") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_star_import_gives_the_algorithm_and_lazy_libraries(tmp_path: Path) -> None:
    found = load(write(tmp_path, "from AlgorithmImports import *\nroot = np.sqrt(16)\n" + ALGORITHM))
    assert found.__name__ == "Mine"
    assert sys.modules[found.__module__].root == 4.0


def test_dotnet_imports_of_old_algorithms_work(tmp_path: Path) -> None:
    text = (
        "from clr import AddReference\nAddReference('QuantConnect.Algorithm')\n"
        "from System import *\nfrom QuantConnect import *\nfrom QuantConnect.Algorithm import QCAlgorithm\n"
        "from QuantConnect.Data.Market import TradeBar\nimport QuantConnect.Indicators as indicators\n"
        "average = indicators.SimpleMovingAverage(3)\n"
    )
    assert load(write(tmp_path, text + ALGORITHM)).__name__ == "Mine"


def test_files_beside_the_algorithm_are_importable_and_win_over_lean(tmp_path: Path) -> None:
    write(tmp_path, "FACTOR = 3\n", "my_features.py")
    write(tmp_path, "ours = True\n", "System.py")
    text = "from AlgorithmImports import *\nimport my_features, System\n"
    text += "kept = (my_features.FACTOR, System.ours)\n"
    found = load(write(tmp_path, text + ALGORITHM))
    assert sys.modules[found.__module__].kept == (3, True)


def test_an_error_at_import_shows_the_users_frames_only(tmp_path: Path) -> None:
    path = write(tmp_path, "from AlgorithmImports import *\n\ndef broken():\n    return 1 / 0\n\nbroken()\n")
    with pytest.raises(LoadError) as caught:
        load(path)
    text = str(caught.value)
    assert f'File "{path}", line 6' in text
    assert f'File "{path}", line 4, in broken' in text
    assert "ZeroDivisionError" in text
    assert "livetrader_lean" not in text
    assert "importlib" not in text


def test_a_syntax_error_names_file_and_line(tmp_path: Path) -> None:
    path = write(tmp_path, "from AlgorithmImports import *\ndef broken(:\n")
    with pytest.raises(LoadError) as caught:
        load(path)
    assert f'File "{path}", line 2' in str(caught.value)
    assert "livetrader_lean" not in str(caught.value)


def test_the_algorithm_is_chosen_by_name_or_is_the_only_leaf(tmp_path: Path) -> None:
    text = "from AlgorithmImports import *\nclass Base(QCAlgorithm): pass\nclass Leaf(Base): pass\n"
    assert load(write(tmp_path, text)).__name__ == "Leaf"
    assert load(write(tmp_path, text), "Base").__name__ == "Base"
    assert load(write(tmp_path, text), "NamedAfterTheFile").__name__ == "Leaf"  # as LEAN, which never asks
    two = write(tmp_path, text + "class Other(QCAlgorithm): pass\n", "two.py")
    with pytest.raises(LoadError, match="Leaf, Other"):
        load(two)
    with pytest.raises(LoadError, match="no algorithm 'Nobody'"):
        load(two, "Nobody")
    with pytest.raises(LoadError, match="no class that derives"):
        load(write(tmp_path, "x = 1\n", "none.py"))
    with pytest.raises(LoadError, match="there is no file"):
        load(tmp_path / "missing.py")


def test_types_of_lean_that_are_missing_say_so_when_used(tmp_path: Path) -> None:
    text = "from AlgorithmImports import *\nfrom QuantConnect.Data.Custom import Quandl\n"
    assert load(write(tmp_path, text + ALGORITHM)).__name__ == "Mine"  # importing alone is no use
    with pytest.raises(LoadError, match="Quandl is a member of LEAN"):
        load(write(tmp_path, text + "class Mine(Quandl): pass\n", "derived.py"))
    assert issubclass(NotInLivetrader, AttributeError)


def test_loading_an_idle_algorithm_imports_neither_numpy_nor_pandas(tmp_path: Path) -> None:
    path = write(tmp_path, "from AlgorithmImports import *\n" + ALGORITHM)
    code = (
        "import sys; from pathlib import Path; from livetrader_lean.loader import load; "
        f"import livetrader_lean.adapter; load(Path({str(path)!r})); "
        "print(sorted({'numpy', 'pandas', 'sklearn', 'exchange_calendars'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=15, check=True
    )
    assert done.stdout.strip() == "[]"
