"""The daemon's state table."""

from __future__ import annotations

import pytest

from livetrader.supervisor.states import TRANSITIONS, DaemonState, StateMachine
from livetrader_engine.errors import InvariantError

S = DaemonState


def machine_in(state: DaemonState) -> StateMachine:
    machine = StateMachine(lambda old, new, reason: None)
    machine.current = state
    return machine


@pytest.mark.parametrize("state", [state for state in DaemonState if state is not S.STOPPED])
def test_whoever_wants_out_is_never_told_to_wait(state: DaemonState) -> None:
    machine = machine_in(state)
    machine.move(S.LIQUIDATING, "the operator")
    assert machine.current is S.LIQUIDATING


@pytest.mark.parametrize("state", [state for state in DaemonState if state not in (S.STOPPED, S.FAILED)])
def test_failing_and_stopping_are_possible_from_every_living_state(state: DaemonState) -> None:
    assert machine_in(state).can(S.FAILED)
    assert machine_in(state).can(S.STOPPED)


@pytest.mark.parametrize(
    ("old", "new"),
    [(S.STARTING, S.RUNNING), (S.LIQUIDATING, S.HALTED), (S.FLAT, S.HALTED), (S.STOPPED, S.STARTING),
     (S.STOPPED, S.LIQUIDATING), (S.FAILED, S.RUNNING), (S.RUNNING, S.FLAT), (S.RUNNING, S.STARTING)],
)  # fmt: skip
def test_a_move_that_the_table_does_not_have_is_our_bug(old: DaemonState, new: DaemonState) -> None:
    with pytest.raises(InvariantError, match="cannot go"):
        machine_in(old).move(new, "x")


def test_only_reconciling_halted_and_an_operator_lead_to_running() -> None:
    sources = {state for state, targets in TRANSITIONS.items() if S.RUNNING in targets}
    assert sources == {S.RECONCILING, S.HALTED, S.LIQUIDATING, S.FLAT}


def test_a_move_is_told_once_with_its_reason() -> None:
    told: list[tuple[DaemonState, DaemonState, str]] = []
    machine = StateMachine(lambda old, new, reason: told.append((old, new, reason)))
    machine.move(S.RECONCILING, "connected")
    machine.move(S.RECONCILING, "again")
    assert told == [(S.STARTING, S.RECONCILING, "connected")]
    assert machine.reason == "connected"
