"""The collector of garbage: what is loaded is spared, what comes later is looked at."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from livetrader.garbage import spare_what_is_loaded


class Knot:
    """An object in a cycle with itself."""

    def __init__(self) -> None:
        self.self = self


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_what_is_loaded_is_not_looked_at_again() -> None:
    gc.collect()  # what other tests left would count as loaded
    before = len(gc.get_objects())
    spare_what_is_loaded()
    assert gc.get_freeze_count() > before / 2
    assert len(gc.get_objects()) < before / 100


def test_cycles_made_before_and_after_are_found() -> None:
    before = weakref.ref(Knot())
    spare_what_is_loaded()
    assert before() is None
    after = weakref.ref(Knot())
    gc.collect()
    assert after() is None
