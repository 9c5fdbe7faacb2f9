"""Who serves next: pure functions from one serving state to the next.

A version may serve when somebody promoted it. What it replaced goes to the history, newest first; a rollback
takes from there and leaves out what is bad. What was rolled back does not come back by itself, and what never
passed its gate never serves.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from msgspec.structs import replace

from livetrader.models.records import ServingState
from livetrader_engine.models import ModelRefusedError

HISTORY_KEPT: Final = 16  # earlier versions that may serve again
REASON_LENGTH: Final = 500  # characters


def candidates(state: ServingState) -> list[int]:
    """Return the versions that may serve, the promoted one first, then those that served before."""
    order = [] if state.serving is None else [state.serving]
    order += [number for number in state.history if number not in order]
    return [number for number in order if number not in state.bad and number not in state.retired]


def last_good(state: ServingState) -> int | None:
    """Return the version that a rollback leads to, None where there is none."""
    return next((number for number in candidates(state) if number != state.serving), None)


def among(state: ServingState, existing: Collection[int]) -> ServingState:
    """Forget earlier versions that are no longer there: a rollback must lead somewhere."""
    return replace(state, history=tuple(number for number in state.history if number in existing))


def saved(state: ServingState, number: int) -> ServingState:
    """A version was saved and does not serve."""
    state = _cleared(state, number)
    return _said(replace(state, highest=max(state.highest, number)), "save", number, "")


def promoted(state: ServingState, number: int, reason: str) -> ServingState:
    """A version serves from now on, whatever was said against it before."""
    before = _earlier(state, without=number)
    state = replace(_cleared(state, number), serving=number, history=before)
    return _said(replace(state, highest=max(state.highest, number)), "promote", number, reason)


def rolled_back(state: ServingState, to: int | None, reason: str) -> ServingState:
    """An earlier version serves again. Raises ModelRefusedError where there is none."""
    target = last_good(state) if to is None else to
    if target is None:
        raise ModelRefusedError("there is no earlier version that could serve; `promote` one by its number")
    history = tuple(number for number in state.history if number != target)
    state = replace(_cleared(state, target), serving=target, history=history)
    return _said(state, "rollback", target, reason)


def found_bad(state: ServingState, number: int, reason: str) -> ServingState:
    """A version must not serve again; where it did, the last good one does."""
    state = replace(state, bad={**state.bad, number: reason[:REASON_LENGTH]})
    if state.serving == number:
        target = last_good(state)
        history = tuple(other for other in state.history if other not in (number, target))
        state = replace(state, serving=target, history=history)
    else:
        state = replace(state, history=tuple(other for other in state.history if other != number))
    return _said(state, "bad", number, reason)


def removed(state: ServingState, numbers: Collection[int]) -> ServingState:
    """Versions are taken away. Raises ModelRefusedError for the one that serves and the last good one."""
    for number in numbers:
        if number == state.serving:
            raise ModelRefusedError(f"version {number} serves: promote another one, or roll back, first")
        if number == last_good(state):
            raise ModelRefusedError(
                f"version {number} is the one a rollback leads to: it stays while {state.serving} serves"
            )
    gone = tuple(sorted({*state.retired, *numbers}))
    state = replace(state, retired=gone, highest=max([state.highest, *numbers]))
    return _said(_without(state, numbers), "remove", max(numbers, default=None), "")


def removed_all(state: ServingState, numbers: Collection[int]) -> ServingState:
    """The whole model is taken away."""
    highest = max([state.highest, *numbers])
    gone = tuple(sorted(numbers))
    state = replace(state, serving=None, history=(), bad={}, retired=gone, highest=highest)
    return _said(state, "remove", None, "the whole model")


def retired(state: ServingState, existing: Collection[int], keep: int) -> ServingState:
    """Give up the oldest versions beyond `keep`, never the serving one nor the one a rollback leads to."""
    alive = sorted(number for number in existing if number not in state.retired)
    spared = {state.serving, last_good(state), *alive[-keep:]}
    leaving = [number for number in alive if number not in spared]
    still = tuple(sorted({*leaving, *(number for number in state.retired if number in existing)}))
    known = {number: why for number, why in state.bad.items() if number in existing}
    highest = max([state.highest, *existing])
    return _without(replace(state, retired=still, bad=known, highest=highest), still)


def _earlier(state: ServingState, without: int) -> tuple[int, ...]:
    serving = () if state.serving is None or state.serving in state.bad else (state.serving,)
    order = [*serving, *(number for number in state.history if number not in serving)]
    return tuple(number for number in order if number != without)[:HISTORY_KEPT]


def _cleared(state: ServingState, number: int) -> ServingState:
    bad = {other: why for other, why in state.bad.items() if other != number}
    return replace(state, bad=bad, retired=tuple(other for other in state.retired if other != number))


def _without(state: ServingState, numbers: Collection[int]) -> ServingState:
    history = tuple(number for number in state.history if number not in numbers)
    bad = {number: why for number, why in state.bad.items() if number not in numbers}
    return replace(state, history=history, bad=bad)


def _said(state: ServingState, action: str, number: int | None, reason: str) -> ServingState:
    return replace(state, action=action, number=number, reason=reason[:REASON_LENGTH])
