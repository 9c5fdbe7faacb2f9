"""Figures of different exact types, made comparable with plain numbers."""

from __future__ import annotations

from decimal import Decimal


def floats(*values: Decimal | int) -> tuple[float, ...]:
    """Return the values as floats: Decimals and integers of one assertion may then be mixed."""
    return tuple(float(value) for value in values)
