"""Scripts: a TOML file that says what a vendor's peer has, and what goes wrong when.

[[stock]]                       # besides, or instead of, those that are made up
ticker = "XYZ"
price = 25.0
trades = 30.0                   # a minute
split = ["2025-06-20 1:4"]      # on that day one share becomes four
dividend = ["2025-06-18 0.25"]  # dollars for a share that was held before the day

[[fault]]                       # armed from the start: `faults.Fault`
kind = "delay"
on = "T"
by_s = 0.5
count = 3                       # 0: for ever

[[step]]                        # so many seconds of the peer's clock after its start
at_s = 60.0
do = "mute"                     # what the peer can do, and its keywords
ticker = "AAPL"
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date

from livetrader_venues.stockmarket.securities import Dividend, Security, Split
from livetrader_venues.web.faults import Fault, FaultError, Kind

_SECTIONS = ("stock", "fault", "step")
_STOCK = {"ticker", "price", "trades", "quotes", "split", "dividend"}


class ScriptError(Exception):
    """A script cannot be played; the message says where and what would be right."""


@dataclass(frozen=True, slots=True)
class Step:
    """One action, so many seconds after the start."""

    at_s: float
    action: str
    keywords: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Script:
    """All that a file says."""

    stocks: tuple[Security, ...] = ()
    faults: tuple[Fault, ...] = ()
    steps: tuple[Step, ...] = ()


def parsed(text: str, actions: Mapping[str, frozenset[str]]) -> Script:
    """Return a script whose steps are among the actions, with their keywords. Raises ScriptError."""
    try:
        said = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ScriptError(f"not TOML: {error}") from error
    unknown = sorted(set(said) - set(_SECTIONS))
    if unknown:
        raise ScriptError(f"unknown section {', '.join(unknown)}; known: {', '.join(_SECTIONS)}")
    steps = tuple(sorted((_step(each, actions) for each in said.get("step", [])), key=lambda step: step.at_s))
    return Script(
        tuple(_stock(each) for each in said.get("stock", [])),
        tuple(_fault(each) for each in said.get("fault", [])),
        steps,
    )


def _stock(said: Mapping[str, object]) -> Security:
    ticker = str(said.get("ticker", ""))
    if not ticker or set(said) - _STOCK:
        raise ScriptError(f"[[stock]] {ticker} needs a ticker; it can have {', '.join(sorted(_STOCK))}")
    try:
        return Security(
            ticker,
            name=ticker,
            price=float(str(said.get("price", 100.0))),
            trades=float(str(said.get("trades", 4.0))),
            quotes=float(str(said.get("quotes", 6.0))),
            splits=tuple(_split(text) for text in _texts(said.get("split", []))),
            dividends=tuple(_dividend(text) for text in _texts(said.get("dividend", []))),
        )
    except ValueError as error:
        raise ScriptError(
            f'[[stock]] {ticker}: {error}; numbers are numbers, split = ["2025-06-20 1:4"], '
            'dividend = ["2025-06-18 0.25"]'
        ) from error


def _texts(said: object) -> list[str]:
    if not isinstance(said, list):
        raise ValueError(f"{said!r} is no list")
    return [str(each) for each in said]


def _split(text: str) -> Split:
    day, _, ratio = text.partition(" ")
    before, _, after = ratio.partition(":")
    return Split(date.fromisoformat(day), int(before), int(after))


def _dividend(text: str) -> Dividend:
    day, _, amount = text.partition(" ")
    return Dividend(date.fromisoformat(day), float(amount))


def _fault(said: Mapping[str, object]) -> Fault:
    known = {field.name for field in fields(Fault)} - {"kind"}
    rest = {name: value for name, value in said.items() if name != "kind"}
    kinds = [kind.value for kind in Kind]
    if said.get("kind") not in kinds:
        raise ScriptError(f"[[fault]] needs a kind, one of {', '.join(kinds)}; not {said.get('kind')!r}")
    if set(rest) - known:
        wrong = ", ".join(sorted(set(rest) - known))
        raise ScriptError(f"[[fault]] {said['kind']} knows {', '.join(sorted(known))}, not {wrong}")
    try:
        return Fault(Kind(said["kind"]), **rest)  # type: ignore[arg-type]  # TOML's types; a wrong one is told
    except (FaultError, TypeError) as error:
        raise ScriptError(f"[[fault]] {error}") from error


def _step(said: Mapping[str, object], actions: Mapping[str, frozenset[str]]) -> Step:
    name = str(said.get("do", ""))
    rest = {key: value for key, value in said.items() if key not in ("at_s", "do")}
    if name not in actions:
        raise ScriptError(f"[[step]] do = {name!r}: there is {', '.join(sorted(actions)) or 'nothing to do'}")
    if set(rest) - actions[name]:
        can = ", ".join(sorted(actions[name])) or "no keywords"
        raise ScriptError(f"[[step]] {name} takes {can}, not {', '.join(sorted(rest))}")
    at_s = said.get("at_s")
    if not isinstance(at_s, int | float):
        raise ScriptError(f"[[step]] {name} needs at_s, a number of seconds")
    return Step(float(at_s), name, rest)
