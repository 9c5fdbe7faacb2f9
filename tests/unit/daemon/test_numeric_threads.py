"""Threads of numeric libraries: who asks for them, and what an algorithm's own process then has."""

from __future__ import annotations

import os

import pytest

from livetrader.numeric_threads import THREAD_VARIABLES, limit_numeric_threads, numeric_threads


@pytest.mark.parametrize(
    ("wanted", "cores", "threads"), [(0, 1, 1), (0, 2, 1), (0, 16, 15), (3, 2, 3), (1, 16, 1)]
)
def test_libraries_leave_a_core_to_trading(wanted: int, cores: int, threads: int) -> None:
    assert numeric_threads(wanted, cores) == threads


def test_what_the_operator_has_set_stays() -> None:
    environment = {"OMP_NUM_THREADS": "5", "PATH": "/bin"}
    limit_numeric_threads(environment)
    most = str(max(1, len(os.sched_getaffinity(0)) - 1))
    assert environment == dict.fromkeys(THREAD_VARIABLES, most) | {"OMP_NUM_THREADS": "5", "PATH": "/bin"}


def test_a_setting_is_for_every_library() -> None:
    environment = {"OMP_NUM_THREADS": "5"}
    limit_numeric_threads(environment, 2)
    assert environment == dict.fromkeys(THREAD_VARIABLES, "2")
