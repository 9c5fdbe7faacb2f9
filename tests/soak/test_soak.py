"""A daemon that trades, trains and plots for hours stays as it was: memory, descriptors, threads, lag."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from tests.soak.plot import svg
from tests.soak.run import Soak
from tests.soak.watch import Sample, judged, percentile, slope

HOURS = float(os.environ.get("LIVETRADER_SOAK_HOURS", "0.0035"))  # `make soak` sets 8
SPEED = float(os.environ.get("LIVETRADER_SOAK_SPEED", "1500"))  # and 100
KEPT = os.environ.get("LIVETRADER_SOAK_OUTPUT", "")

STEADY = Sample(
    seconds=0.0, steps=0, orders=0, trainings=0, daemon_mb=80.0, engine_mb=120.0, descriptors=20, threads=6,
    engine_threads=5, lag_s=0.001, journal_mb=1.0, outbox=0, results_mb=1.0, restarts=0,
)  # fmt: skip


def soak(hours: float = 8.0, **growth: float) -> list[Sample]:
    """Return the samples of a made-up soak; `growth` is an hour's."""
    rows = []
    for number in range(200):
        at = hours * number / 200
        changed = {
            name: type(getattr(STEADY, name))(getattr(STEADY, name) + more * at)
            for name, more in growth.items()
        }
        given = {"seconds": at * 3600, "steps": number * 10, "orders": number * 5, **changed}
        rows.append(msgspec.structs.replace(STEADY, **given))
    return rows


def test_a_steady_soak_is_fine() -> None:
    assert judged(soak(), 0.01) == []


@pytest.mark.parametrize(
    ("growth", "word"),
    [
        ({"daemon_mb": 12.0}, "daemon_mb grew"),
        ({"engine_mb": 12.0}, "engine_mb grew"),
        ({"descriptors": 5}, "descriptors"),
        ({"threads": 3}, "threads"),
        ({"outbox": 1}, "notifications wait"),
        ({"restarts": 1}, "restarted"),
        ({"orders": 0.0, "steps": 0.0}, "nothing was traded"),
    ],
)
def test_what_grows_is_found(growth: dict[str, float], word: str) -> None:
    found = judged(soak(**growth), 0.01)
    assert len(found) == 1 and word in found[0]


def test_a_loop_that_is_late_is_found() -> None:
    assert "late" in judged(soak(), 1.0)[0]


def test_the_figures_of_the_watch() -> None:
    assert percentile({0.01: 990.0, 0.1: 999.0, float("inf"): 1000.0}, 0.999) == 0.1
    assert round(slope(soak(daemon_mb=3.0), "daemon_mb"), 6) == 3.0
    assert svg(soak(), "eight hours").count("<polyline") == 8


@pytest.mark.slow
@pytest.mark.timeout(180 + HOURS * 3600 * 1.1)
def test_a_daemon_that_trades_trains_and_plots_does_not_grow(tmp_path: Path) -> None:
    run = Soak(tmp_path, HOURS, SPEED, lambda line: print(line, flush=True))
    try:
        wrong = run.run()
    finally:
        if KEPT and run.samples:
            run.keep(Path(KEPT))
    print(run.samples[-1])
    assert not wrong, "\n".join(wrong)
    assert run.samples[-1].orders > 20 and run.samples[-1].trainings > 0
