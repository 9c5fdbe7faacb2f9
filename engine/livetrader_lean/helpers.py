"""The helper methods of LEAN (`sma`, `SMA`): one per registered indicator, generated from its constructor.

A helper takes its symbol or symbols, the constructor's parameters, a resolution and a selector. LEAN's overloads
let parameters be left out in front of the resolution; so positional arguments are told apart by what they are.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.indicators import Entry, Indicator
from livetrader_engine.indicators.base import SymbolsTaken
from livetrader_lean.enums import Resolution
from livetrader_lean.indicators import FACES

_DAILY_BY_DEFAULT: Final = frozenset(
    {"VP", "TP", "RDV", "SI", "ASI"}
)  # LEAN's helpers with a default resolution
_NAMED_BY_TYPE: Final = frozenset(
    {"RSI", "AO", "RVI", "DEM", "SWISS"}
)  # whose names tell the kind of average
_SHORT: Final = {
    Resolution.TICK: "tick", Resolution.SECOND: "sec", Resolution.MINUTE: "min", Resolution.HOUR: "hr",
    Resolution.DAILY: "day",
}  # fmt: skip


class Call:
    """One call of a helper, understood: whose data, the constructor's arguments, resolution and selector."""

    def __init__(self, helper: str, entry: Entry, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
        self.helper = helper
        self._entry = entry
        self._given = list(arguments)
        self._named = dict(named)
        self.symbols = self._take_symbols()
        self.resolution: Any = Resolution.DAILY if helper.upper() in _DAILY_BY_DEFAULT else None
        self.selector: Any = None
        self.parameters: dict[str, Any] = dict(entry.defaults)
        self._take_parameters()
        self._take_rest()

    def _take_symbols(self) -> list[Any]:
        if self._entry.symbols is SymbolsTaken.PAIR:
            return [self._take("target"), self._take("reference")]
        if self._entry.symbols is SymbolsTaken.MANY:
            found = self._named.pop("symbols", None)
            if found is None and self._given:
                found = self._given.pop(0)
            return list(found) if isinstance(found, list | tuple | set) else [found]
        return [self._take("symbol")]

    def _take(self, name: str) -> Any:
        if name in self._named:
            return self._named.pop(name)
        if not self._given:
            raise AlgorithmError(f"{self.helper} needs a {name}")
        return self._given.pop(0)

    def _take_parameters(self) -> None:
        shown = {own: alias for alias, own in self._entry.aliases.items()}
        for name, default in parameters_of(self._entry):
            alias = shown.get(name, name)
            if alias in self._named:
                self.parameters[name] = self._named.pop(alias)
            elif name in self._named:
                self.parameters[name] = self._named.pop(name)
            elif self._given and self._belongs(name, default):
                self.parameters[name] = self._given.pop(0)

    def _belongs(self, name: str, default: object) -> bool:
        """Whether the next positional argument is this parameter."""
        given = self._given[0]
        if given is None:
            return default is None
        if isinstance(given, Resolution):
            if len(self._given) > 1 and not callable(self._given[1]) and self._given[1] is not None:
                self.resolution = self._given.pop(0)  # parameters follow it
                return self._belongs(name, default)
            return False
        if isinstance(given, timedelta) or (callable(given) and not isinstance(given, type)):
            return False
        is_kind = type(given).__name__.endswith(("Type", "Tool", "Model"))
        return is_kind == name.endswith(("type", "tool", "model")) or not is_kind

    def _take_rest(self) -> None:
        if "resolution" in self._named:
            self.resolution = self._named.pop("resolution")
        elif self._given and (self._given[0] is None or isinstance(self._given[0], Resolution | timedelta)):
            given = self._given.pop(0)
            self.resolution = self.resolution if given is None else given
        if "selector" in self._named:
            self.selector = self._named.pop("selector")
        elif self._given:
            self.selector = self._given.pop(0)
        if self._given or self._named:
            raise AlgorithmError(f"{self.helper} does not understand {self._given or sorted(self._named)}")

    def name(self) -> str:
        """Return LEAN's name of the indicator: `SMA(14,SPY_min)`."""
        shown = [
            _text(value)
            for name, value in self.parameters.items()
            if name not in ("target", "reference") and _in_name(self.helper, name)
        ]
        places = "_".join([str(symbol) for symbol in self.symbols[:2]])
        if isinstance(self.resolution, Resolution):
            places += "_" + _SHORT.get(self.resolution, "")
        return f"{self.helper}({','.join([*shown, places])})"

    def make(self, named: str) -> Indicator:
        """Return a new indicator."""
        face: Callable[..., Indicator] = FACES[self._entry.indicator]
        if self._entry.symbols is SymbolsTaken.PAIR:
            return face(named, *self.symbols, **self.parameters)
        made = face(named, **self.parameters)
        if self._entry.symbols is SymbolsTaken.MANY:
            for symbol in self.symbols:
                made.add(symbol)  # type: ignore[attr-defined]  # indicators of many symbols have it
        return made


def parameters_of(entry: Entry) -> list[tuple[str, object]]:
    """Return names and defaults of the constructor's parameters beside the name and a pair's symbols."""
    hidden = {"self", "name"}
    if entry.symbols is SymbolsTaken.PAIR:
        hidden |= {"target", "reference"}
    found = inspect.signature(entry.indicator.__init__).parameters.values()
    return [(p.name, p.default) for p in found if p.name not in hidden]


def _in_name(helper: str, parameter: str) -> bool:
    return helper in _NAMED_BY_TYPE or not parameter.endswith("type")


def _text(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
