"""What is slow is a flaw where it is slow again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.fuzz.histories import Findings
from tests.fuzz.slices import Slice, played


def _slow(words: Iterator[list[str]], folders: list[Path]) -> Slice:
    """Return a slice that was as slow as the next words say."""

    def run(folder: Path, count: int, seed: int) -> Findings:
        assert not list(folder.iterdir()), "each begins with nothing"
        folders.append(folder)
        (folder / "left").touch()
        return Findings(count, slow=next(words))

    return run


def test_what_is_slow_twice_is_a_flaw() -> None:
    folders: list[Path] = []
    found = played(
        _slow(iter([["frames 1 to 41 took 1.20 s"], ["frames 1 to 41 took 1.30 s"]]), folders), 100, 1
    )
    assert found.flaws == ["frames 1 to 41 took 1.20 s", "again: frames 1 to 41 took 1.30 s"]
    assert not any(folder.exists() for folder in folders), "nothing is left behind"


def test_what_is_slow_once_is_the_machine_s() -> None:
    found = played(_slow(iter([["frames 1 to 41 took 1.20 s"], []]), []), 100, 1)
    assert found.flaws == []
    assert found.slow, "it is told"


def test_what_is_fast_is_run_once() -> None:
    folders: list[Path] = []
    assert played(_slow(iter([[]]), folders), 100, 1).flaws == []
    assert len(folders) == 1
