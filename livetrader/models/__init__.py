"""Versions of models in the object store, behind `self.models` of an algorithm.

A training process may use `pack`: `self.models.save(name, pack(model))` then costs the engine no time.
"""

from __future__ import annotations

from typing import Any


def pack(model: Any, format: str | None = None) -> Any:
    """Return a model ready to be saved: what takes long is done here. See livetrader.models.packing."""
    from livetrader.models import packing  # formats are not needed by who only lists versions

    return packing.pack(model, format)


__all__ = ["pack"]
