"""How far data have moved from those that a model was made of: the population stability index.

For each column the range is cut where the reference has equal shares, and the shares of both are compared:
sum of (recent - reference) * ln(recent / reference). By convention below 0.1 nothing has moved, from 0.25 on
it has. What equals a cut, and what is missing, is counted apart, so that columns of few values and columns
that begin to lack values are compared as well. Pure.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from livetrader_engine.errors import AlgorithmError

CUTS: Final = 10  # shares of the reference
LEAST_ROWS: Final = 20  # two of each share: with fewer, chance alone looks like drift
_LEAST_SHARE: Final = 1e-4  # of a range that one side has nothing in; else the index were infinite


def drift(reference: Any, recent: Any) -> float:
    """Return the index of the column that has moved furthest, 0 where none has.

    Takes what numpy makes a table or a column of numbers of: frames, arrays, lists. Raises AlgorithmError
    where the two do not have the same columns, are not numbers, or are too few rows.
    """
    before, now = _columns(reference, "the reference"), _columns(recent, "the recent data")
    if before.shape[1] != now.shape[1]:
        raise AlgorithmError(
            f"the reference has {before.shape[1]} columns, the recent data {now.shape[1]}: give both the same"
        )
    named = hasattr(reference, "columns") and hasattr(recent, "columns")
    if named and list(reference.columns) != list(recent.columns):
        raise AlgorithmError("the columns of reference and recent data have other names or another order")
    return max(stability_index(before[:, at], now[:, at]) for at in range(before.shape[1]))


def stability_index(reference: NDArray[np.float64], recent: NDArray[np.float64]) -> float:
    """Return the index of one column."""
    known = reference[np.isfinite(reference)]
    cuts = np.unique(np.quantile(known, np.linspace(0, 1, CUTS + 1))) if known.size else np.empty(0)
    expected, found = _shares(reference, cuts), _shares(recent, cuts)
    used = (expected > 0) | (found > 0)
    least = np.maximum(expected[used], _LEAST_SHARE), np.maximum(found[used], _LEAST_SHARE)
    index = float(np.sum((least[1] - least[0]) * np.log(least[1] / least[0])))
    return max(0.0, index) if math.isfinite(index) else math.inf


def _shares(values: NDArray[np.float64], cuts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of the values below, at and above each cut, and last of those that are missing."""
    missing = ~np.isfinite(values)
    known = values[~missing]
    places = np.searchsorted(cuts, known, "left") + np.searchsorted(cuts, known, "right")
    counts = np.bincount(places, minlength=2 * cuts.size + 1)
    return np.append(counts, missing.sum()) / values.size


def _columns(values: Any, what: str) -> NDArray[np.float64]:
    try:
        table = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise AlgorithmError(f"{what} has columns that are not numbers: {error}") from error
    if table.ndim == 1:
        table = table.reshape(-1, 1)
    if table.ndim != 2 or table.shape[1] == 0:
        raise AlgorithmError(f"{what} is a column or a table, not of {table.ndim} dimensions")
    if len(table) < LEAST_ROWS:
        raise AlgorithmError(f"{what} has {len(table)} rows; drift can be told from {LEAST_ROWS} on")
    return table
