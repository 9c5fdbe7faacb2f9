"""When a failed child is started again, and when not."""

from __future__ import annotations

import pytest

from livetrader.restart import GiveUp, Restart, RestartPolicy, decide, recent

POLICY = RestartPolicy(restarts=3, window_s=600.0, delay_s=0.1, delay_max_s=1.0)
FOREVER = RestartPolicy(restarts=-1, window_s=600.0, delay_s=0.5, delay_max_s=30.0)


@pytest.mark.parametrize(
    ("failures", "now_s", "chance", "expected"),
    [
        ([100.0], 100.0, 1.0, Restart(0.1)),
        ([100.0], 100.0, 0.0, Restart(0.0)),
        ([100.0, 101.0], 101.0, 1.0, Restart(0.2)),
        ([100.0, 101.0, 102.0], 102.0, 0.5, Restart(0.2)),
        ([100.0, 101.0, 102.0, 103.0], 103.0, 0.5, GiveUp(4)),
        ([100.0, 101.0, 102.0, 703.0], 703.0, 1.0, Restart(0.1)),  # the first three are out of the window
        ([100.0, 101.0, 102.0, 699.9], 699.9, 1.0, GiveUp(4)),  # just inside it
    ],
)
def test_restarts_are_budgeted_and_jittered(
    failures: list[float], now_s: float, chance: float, expected: Restart | GiveUp
) -> None:
    assert decide(failures, now_s, POLICY, chance) == expected


def test_the_pause_is_capped_however_often_it_failed() -> None:
    failures = [float(at_s) for at_s in range(500)]
    assert decide(failures, 499.0, FOREVER, 1.0) == Restart(30.0)


def test_a_budget_of_nothing_gives_up_at_the_first_failure() -> None:
    assert decide([1.0], 1.0, RestartPolicy(0, 600.0, 0.1, 1.0), 0.5) == GiveUp(1)


def test_only_failures_inside_the_window_count() -> None:
    assert recent([0.0, 1.0, 600.0], 600.5, POLICY) == [1.0, 600.0]
