"""Whether numbers can be traded on: pure, for whatever shape a library answers in."""

from __future__ import annotations

from typing import Any


def is_finite(values: Any) -> bool:
    """Return whether no number in an array, table, list or tensor is NaN or infinite. Labels are finite."""
    import numpy as np

    if hasattr(values, "select_dtypes"):  # a table: columns of texts hold no numbers
        values = values.select_dtypes("number").to_numpy(dtype=float, na_value=np.nan)
    elif hasattr(values, "detach"):
        values = values.detach().cpu().numpy()
    if isinstance(values, dict):
        return all(is_finite(value) for value in values.values())
    try:
        array = np.asarray(values)
    except ValueError:  # rows of different lengths
        return all(is_finite(value) for value in values)
    if array.dtype.kind in "fc":
        return bool(np.isfinite(array).all())
    if array.dtype.kind == "O":
        return all(_is_finite_item(item) for item in array.flat)
    return True


def _is_finite_item(item: Any) -> bool:
    if isinstance(item, dict | list | tuple):
        return is_finite(item)
    if isinstance(item, float | complex) or type(item).__module__ == "numpy":
        return is_finite(item) if getattr(item, "shape", ()) else bool(item - item == 0)
    return item is not None
