"""Past data and warm-up."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.symbols import Resolution
from livetrader_lean.algorithm.part import Part
from livetrader_lean.binding import WarmUpRequest
from livetrader_lean.dotnet import Dictionary
from livetrader_lean.history import History, last_known
from livetrader_lean.market import BaseData
from livetrader_lean.names import known_as
from livetrader_lean.symbols import Symbol
from livetrader_lean.times import span_ns


class HistoryMixin(Part):
    """`history` and `set_warm_up`."""

    @property
    def history(self) -> History:
        """Past data: `history(symbol, 20, Resolution.DAILY)` is a DataFrame, `history[TradeBar](…)` bars."""
        return History(self._lean)

    @known_as(security="symbol", symbols="symbol", securities="symbol")
    def get_last_known_prices(self, symbol: Any) -> Any:
        """Return the newest point before now of each kind of data a symbol has, trades before quotes.

        Of several symbols it is a dictionary of such lists.
        """
        if isinstance(symbol, list | tuple | set):
            several = [Symbol(self._lean.resolve(item)) for item in symbol]
            found = {item: last_known(self._lean, item.core) for item in several}
            return Dictionary({item: points for item, points in found.items() if points})
        return last_known(self._lean, self._lean.resolve(symbol))

    @known_as(security="symbol")
    def get_last_known_price(self, symbol: Any) -> BaseData | None:
        """Return the newest point before now, of trades where there are any; None where there is none."""
        found = HistoryMixin.get_last_known_prices(self, symbol)
        return found[0] if found else None

    @known_as(bar_count="period", time_span="period")
    def set_warm_up(self, period: Any, resolution: int | None = None) -> None:
        """Feed the algorithm data from before the start: a number of bars, or a timedelta.

        Orders are refused meanwhile and `is_warming_up` is True. Only from `initialize`.
        """
        if self._lean.initialized:
            raise AlgorithmError("set_warm_up can only be called from initialize")
        chosen = None if resolution is None else Resolution(int(resolution))
        if isinstance(period, timedelta):
            self._lean.warm_up = WarmUpRequest(span_ns=span_ns(period), resolution=chosen)
        else:
            self._lean.warm_up = WarmUpRequest(bars=int(period), resolution=chosen)

    @known_as(bar_count="period", time_span="period")
    def set_warmup(self, period: Any, resolution: int | None = None) -> None:
        """Do what `set_warm_up` does; LEAN has both names."""
        HistoryMixin.set_warm_up(self, period, resolution)

    @property
    def is_warming_up(self) -> bool:
        """Whether warm-up is not over."""
        return self._lean.engine.is_warming_up or (
            not self._lean.initialized and self._lean.warm_up is not None
        )
