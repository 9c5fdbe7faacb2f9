"""What daemons and backtests of the examples have logged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RUN_LIMIT_S = 240.0  # networks on a machine with other work
TRAINED = "Model trained"


def records(output: str, action: str) -> list[dict[str, Any]]:
    """Return what a daemon's log has of one kind."""
    found = (json.loads(line) for line in output.splitlines() if line.startswith("{"))
    return [one for one in found if one["action"] == action]


def logged(output: str) -> list[str]:
    """Return what the algorithm of a daemon logged."""
    return [one["text"] for one in records(output, "algorithm_log")]


def trainings_logged(output: str) -> list[str]:
    """Return what the algorithm of a daemon logged of each training."""
    return [text for text in logged(output) if text.startswith(TRAINED)]


def trainings_of_backtest(folder: Path) -> list[tuple[str, str]]:
    """Return (time, text) of each training that a backtest logged."""
    lines = (folder / "log.txt").read_text(encoding="utf-8").splitlines()
    split = (line.split(" ", 2) for line in lines)
    return [(time, text) for time, _, text in split if text.startswith(TRAINED)]
