"""Versions of models."""

from __future__ import annotations

from functools import cached_property

from livetrader_lean.algorithm.part import Part
from livetrader_lean.models import Models


class ModelsMixin(Part):
    """`models`. Not in LEAN, so an algorithm's own attribute of that name takes its place."""

    @cached_property
    def models(self) -> Models:
        """Save, load, promote and roll back versions of models."""
        return Models(self._lean)
