"""Who serves next: every decision from every interesting state."""

from __future__ import annotations

import pytest

from livetrader.models import decisions
from livetrader.models.records import ServingState
from livetrader_engine.models import ModelRefusedError


def state(
    serving: int | None = None,
    history: tuple[int, ...] = (),
    bad: dict[int, str] | None = None,
    highest: int = 9,
) -> ServingState:
    return ServingState(serving=serving, history=history, bad=bad or {}, highest=highest)


@pytest.mark.parametrize(
    ("before", "number", "serving", "history"),
    [
        (state(), 1, 1, ()),
        (state(1), 2, 2, (1,)),
        (state(2, (1,)), 1, 1, (2,)),
        (state(2, (1,)), 2, 2, (1,)),
        (state(2, (1,), {2: "NaN"}), 3, 3, (1,)),  # a bad one is no place to go back to
        (state(1, (), {3: "NaN"}), 3, 3, (1,)),  # who promotes it answers for it
    ],
)
def test_promoting(before: ServingState, number: int, serving: int, history: tuple[int, ...]) -> None:
    after = decisions.promoted(before, number, "because")
    assert (after.serving, after.history, after.action, after.reason) == (
        serving,
        history,
        "promote",
        "because",
    )
    assert number not in after.bad


@pytest.mark.parametrize(
    ("before", "to", "serving", "history"),
    [
        (state(3, (2, 1)), None, 2, (1,)),
        (state(3, (2, 1), {2: "NaN"}), None, 1, (2,)),
        (state(3, (2, 1)), 1, 1, (2,)),
        (state(None, (2,)), None, 2, ()),
        (state(3), 2, 2, ()),
    ],
)
def test_rolling_back(before: ServingState, to: int | None, serving: int, history: tuple[int, ...]) -> None:
    after = decisions.rolled_back(before, to, "")
    assert (after.serving, after.history) == (serving, history)
    assert 3 not in decisions.candidates(after), "what was rolled back does not come back by itself"


@pytest.mark.parametrize("before", [state(), state(1), state(2, (1,), {1: "NaN"})])
def test_rolling_back_without_an_earlier_version_is_refused(before: ServingState) -> None:
    with pytest.raises(ModelRefusedError, match="no earlier version"):
        decisions.rolled_back(before, None, "")


@pytest.mark.parametrize(
    ("before", "number", "serving", "left"),
    [
        (state(3, (2, 1)), 3, 2, [2, 1]),
        (state(3, (2, 1)), 2, 3, [3, 1]),
        (state(3), 3, None, []),
        (state(3, (2,), {2: "NaN"}), 3, None, []),
    ],
)
def test_a_bad_version_never_serves(
    before: ServingState, number: int, serving: int | None, left: list[int]
) -> None:
    after = decisions.found_bad(before, number, "NaN")
    assert (after.serving, decisions.candidates(after), after.bad[number]) == (serving, left, "NaN")


def test_the_serving_version_and_the_one_before_cannot_be_removed() -> None:
    before = state(3, (2, 1))
    with pytest.raises(ModelRefusedError, match="serves"):
        decisions.removed(before, [3])
    with pytest.raises(ModelRefusedError, match="rollback leads to"):
        decisions.removed(before, [1, 2])
    assert decisions.removed(before, [1]).history == (2,)


@pytest.mark.parametrize(
    ("before", "existing", "keep", "leaving"),
    [
        (state(5, (4,)), [1, 2, 3, 4, 5], 2, (1, 2, 3)),
        (state(1, (2,)), [1, 2, 3, 4, 5], 2, (3,)),  # in use, however old
        (state(1), [1, 2, 3], 5, ()),
        (state(), [1, 2, 3], 1, (1, 2)),
    ],
)
def test_old_versions_leave_and_those_in_use_stay(
    before: ServingState, existing: list[int], keep: int, leaving: tuple[int, ...]
) -> None:
    after = decisions.retired(before, existing, keep)
    assert after.retired == leaving
    assert not set(after.history) & set(leaving)


def test_the_history_is_bounded() -> None:
    now = state()
    for number in range(1, 100):
        now = decisions.promoted(now, number, "")
    assert len(now.history) == decisions.HISTORY_KEPT and now.history[0] == 98
