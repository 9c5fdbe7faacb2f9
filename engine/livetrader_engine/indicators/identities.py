"""Values handed on where a condition of the user's holds. Source: LEAN Indicators/FilteredIdentity.cs."""

from __future__ import annotations

from collections.abc import Callable

from livetrader_engine.indicators.base import BarLike, Indicator, InputKind, indicator

Filter = Callable[[BarLike], bool]


@indicator("FilteredIdentity")
class FilteredIdentity(Indicator):
    """The value of the newest point that passed `filter` (all do without one); 0 before the first."""

    kind = InputKind.DATA

    def __init__(self, filter: Filter | None = None, *, name: str = "") -> None:
        super().__init__(name)
        self._filter = filter
        self._passed = 0.0

    @property
    def is_ready(self) -> bool:
        """Whether a value above zero has passed."""
        return self.samples > 0 and self.value > 0

    def _compute_bar(self, bar: BarLike) -> float:
        if self._filter is None or self._filter(bar):
            self._passed = bar.value
        return self._passed

    def _clear(self) -> None:
        self._passed = 0.0
