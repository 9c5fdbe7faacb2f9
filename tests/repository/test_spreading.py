"""The order of the tests for several workers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.spreading import spread


@given(st.lists(st.sampled_from([0.0, 0.0, 0.0, 20.0, 90.0, 900.0])), st.integers(1, 6))
def test_every_test_runs_once_and_every_worker_begins_with_long_ones(
    lengths: list[float], workers: int
) -> None:
    items = list(enumerate(lengths))
    order = spread(items, lambda item: item[1], workers)
    assert sorted(order) == items
    left, at = len(items), 0
    for worker in range(workers):  # the shares that xdist deals out
        size = left // (workers - worker)
        share = [length for _, length in order[at : at + size]]
        assert share == [
            *sorted((each for each in share if each), reverse=True),
            *(0.0 for each in share if not each),
        ]
        at, left = at + size, left - size


def test_the_longest_do_not_wait_for_each_other() -> None:
    order = spread([1.0, 900.0, 0.0, 0.0, 800.0, 0.0, 0.0, 700.0], lambda length: length, 2)
    assert (order[0], order[4]) == (900.0, 800.0)
