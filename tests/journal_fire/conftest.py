"""Shared by everything that breaks disks."""

from __future__ import annotations

import sys

import pytest

from tests.journal_fire.shim import PlantedError
from tests.journal_fire.stories import Sound, make


@pytest.fixture(autouse=True)
def planted_errors_may_be_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let SQLite ignore a planted error where it ignores a disk's: APSW tells of those as of a mistake."""
    usual = sys.unraisablehook

    def hook(unraisable: sys.UnraisableHookArgs) -> None:
        if not isinstance(unraisable.exc_value, PlantedError):
            usual(unraisable)

    monkeypatch.setattr(sys, "unraisablehook", hook)


@pytest.fixture(autouse=True)
def _nothing_blocks_a_loop() -> None:
    """Let the loop write: journals have no thread here, so that every run is the same.

    That the daemon's journal leaves its loop alone is tried in tests/unit/daemon/test_journal.py.
    """


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Sound:
    """A journal that is well; tests copy it."""
    folder = tmp_path_factory.mktemp("sound")
    return Sound(folder, make(folder))
