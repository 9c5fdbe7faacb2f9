"""`self.active_securities`: the securities whose data the algorithm gets."""

from __future__ import annotations

from collections.abc import Iterator

from livetrader_engine.symbols import Symbol as CoreSymbol
from livetrader_lean.securities import Securities, Security
from livetrader_lean.views import SymbolView


class ActiveSecurities(SymbolView[Security]):
    """`self.active_securities`: what was added and not removed since."""

    __slots__ = ("_securities",)

    def __init__(self, securities: Securities) -> None:
        self._securities = securities

    def _symbols(self) -> Iterator[CoreSymbol]:
        engine = self._securities._binding.engine
        return (symbol for symbol in engine.securities if engine.securities[symbol].subscriptions)

    def _value(self, symbol: CoreSymbol) -> Security:
        return self._securities._value(symbol)
