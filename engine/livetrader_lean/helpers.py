"""The helper methods of LEAN (`sma`, `SMA`): one per registered indicator, generated from its constructor.

A helper takes its symbol or symbols, the constructor's parameters, a resolution and a selector. LEAN's
overloads let parameters be left out in front of the resolution; so positional arguments are told apart by
what they are.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.indicators import Entry, Indicator
from livetrader_engine.indicators.base import SymbolsTaken
from livetrader_lean.enums import Resolution
from livetrader_lean.indicator_names import indicator_name, kind_name, span_text
from livetrader_lean.indicators import FACES, own_names

_DAILY_BY_DEFAULT: Final = frozenset(
    {"VP", "TP", "RDV", "SI", "ASI"}
)  # LEAN's helpers with a default resolution
_SELECTOR_FIRST: Final = frozenset({"Identity", "FilteredIdentity"})  # their selector precedes the parameters


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
        self._named = own_names(entry.indicator, self._named, entry.aliases)
        self._field = str(self._named.pop("field_name", None) or self._named.pop("fieldName", None) or "")
        if helper not in _SELECTOR_FIRST:
            self._take_parameters()
        self._take_rest()
        self._refuse_what_is_missing_or_left()

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
        for name, default in parameters_of(self._entry):
            if name in self._named:
                self.parameters[name] = self._named.pop(name)
            elif self._given and self._belongs(name, default):
                self.parameters[name] = self._given.pop(0)

    def _belongs(self, name: str, default: object) -> bool:
        """Whether the next positional argument is this parameter."""
        given = self._given[0]
        if given is None:
            return default in (None, inspect.Parameter.empty)
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
        elif self._given and (self._given[0] is None or callable(self._given[0])):
            self.selector = self._given.pop(0)
        if self.helper in _SELECTOR_FIRST:
            self._take_parameters_of_identity()

    def _take_parameters_of_identity(self) -> None:
        """Take what follows the selector: a filter where there is one, and the name of the field."""
        for name, _ in parameters_of(self._entry):
            if name in self._named:
                self.parameters[name] = self._named.pop(name)
            elif self._given and (self._given[0] is None or callable(self._given[0])):
                self.parameters[name] = self._given.pop(0)
        if self._given and isinstance(self._given[0], str):
            self._field = self._given.pop(0)

    def _refuse_what_is_missing_or_left(self) -> None:
        if self._given or self._named:
            raise AlgorithmError(f"{self.helper} does not understand {self._given or sorted(self._named)}")
        for name, default in parameters_of(self._entry):
            if default is inspect.Parameter.empty and name not in self.parameters:
                raise AlgorithmError(f"{self.helper} needs a {name}")

    def name(self, resolution: object) -> str:
        """Return LEAN's name of the indicator; `resolution` is the data's where the call names none."""
        shown = dict(parameters_of(self._entry)) | self.parameters
        kind = self._field or kind_name(self.helper, shown)
        one = self._entry.symbols is SymbolsTaken.ONE or self.helper == "A"
        if isinstance(self.resolution, timedelta) and self.helper in _SELECTOR_FIRST:
            mark = "," if self.helper == "Identity" else "_"
            return f"{self.symbols[0]}({kind}{mark}{span_text(self.resolution)})"
        told = self.resolution if isinstance(self.resolution, Resolution) else None
        if told is None and (one or self._entry.symbols is SymbolsTaken.MANY):
            told = resolution  # type: ignore[assignment]  # the data's own, of either enum
        return indicator_name(kind, self.symbols[0] if one else None, told)

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


def understood(
    helper: str, entries: Sequence[Entry], arguments: tuple[Any, ...], named: dict[str, Any]
) -> Call:
    """Return the call of the first of LEAN's overloads that takes these arguments.

    Raises AlgorithmError, what the first overload says, where none does.
    """
    problems: list[AlgorithmError] = []
    for entry in entries:
        try:
            return Call(helper, entry, arguments, named)
        except AlgorithmError as problem:
            problems.append(problem)
    raise problems[0]
