"""Scripts: a TOML file that says what happens to a peer, and when.

[[stock]]                       # contracts beside those of the standard catalogue
symbol = "XYZ"
price = 25.0

[[fault]]                       # armed from the start: `faults.Rule`, names of requests or messages
kind = "delay"
message = "orderStatus"
by_s = 0.5
count = 3                       # 0: for ever

[[step]]                        # once, so many seconds after the start
at_s = 10.0
do = "quote"                    # an action of `director.Director` and its keywords
symbol = "SPY"
bid = 99.0
ask = 99.02

[[step]]                        # when a client has sent the second order
on = "placeOrder"
nth = 2
do = "lose_link"

[[daily]]                       # every day at this time, UTC; or on some days only
at = "04:45:00"
days = ["mon", "tue"]
do = "nightly_reset"
down_s = 90.0

[walk]                          # prices that move by chance
every_s = 1.0
volatility = 0.0002
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from random import Random  # noqa: TID251 — only the type; a seeded one is passed in

from livetrader_venues.tws.contracts import FIRST_MADE_UP_ID, Contract, stock
from livetrader_venues.tws.director import REQUEST_NAMES, Director, ScriptError, check, rule_of
from livetrader_venues.tws.faults import Rule
from livetrader_venues.tws.gateway import Gateway
from livetrader_venues.tws.requests import Request
from livetrader_venues.tws.settings import SECOND_NS
from livetrader_venues.tws.switchboard import Session

_SECTIONS = {"stock", "fault", "step", "daily", "walk"}
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_OWN_STOCKS_ID = FIRST_MADE_UP_ID + 100_000


@dataclass(frozen=True, slots=True)
class Step:
    """One action, at a time after the start or after the nth request of a name."""

    action: str
    keywords: Mapping[str, object]
    at_ns: int | None = None
    on: str = ""
    nth: int = 1


@dataclass(frozen=True, slots=True)
class Daily:
    """One action every day, or on some days of the week."""

    action: str
    keywords: Mapping[str, object]
    at: time
    days: frozenset[int]


@dataclass(frozen=True, slots=True)
class Walk:
    """Prices move by chance: how often, and by which share of the price."""

    every_ns: int
    volatility: float


@dataclass(frozen=True, slots=True)
class Script:
    """All that a file says."""

    stocks: tuple[Contract, ...] = ()
    faults: tuple[Rule, ...] = ()
    steps: tuple[Step, ...] = ()
    daily: tuple[Daily, ...] = ()
    walk: Walk | None = None


def parsed(text: str) -> Script:
    """Return a script. Raises ScriptError with the place and what would be right."""
    try:
        said = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ScriptError(f"not TOML: {error}") from error
    unknown = set(said) - _SECTIONS
    if unknown:
        raise ScriptError(
            f"unknown section {', '.join(sorted(unknown))}; known: {', '.join(sorted(_SECTIONS))}"
        )
    walk = said.get("walk")
    return Script(
        tuple(_stock(number, each) for number, each in enumerate(said.get("stock", []))),
        tuple(rule_of(each) for each in said.get("fault", [])),
        tuple(_step(each) for each in said.get("step", [])),
        tuple(_daily(each) for each in said.get("daily", [])),
        None
        if walk is None
        else Walk(_nanoseconds(walk, "every_s", 1.0), float(walk.get("volatility", 0.0002))),
    )


def _stock(number: int, said: Mapping[str, object]) -> Contract:
    if "symbol" not in said or "price" not in said:
        raise ScriptError("[[stock]] needs symbol and price")
    symbol = str(said["symbol"])
    return stock(_OWN_STOCKS_ID + number, symbol, "NASDAQ", str(said["price"]), symbol)


def _step(said: dict[str, object]) -> Step:
    rest = {key: value for key, value in said.items() if key not in ("at_s", "on", "nth", "do")}
    name, on = str(said.get("do", "")), str(said.get("on", ""))
    if ("at_s" in said) == bool(on):
        raise ScriptError(f"[[step]] {name} needs either at_s or on")
    if on and on not in REQUEST_NAMES:
        raise ScriptError(f"[[step]] {name}: no request is named {on!r}")
    check(name, rest)
    at_ns = None if on else _nanoseconds(said, "at_s", 0.0)
    return Step(name, rest, at_ns, on, int(str(said.get("nth", 1))))


def _daily(said: dict[str, object]) -> Daily:
    rest = {key: value for key, value in said.items() if key not in ("at", "days", "do")}
    name = str(said.get("do", ""))
    check(name, rest)
    try:
        at = time.fromisoformat(str(said.get("at")))
        named = said.get("days", _DAYS)
        assert isinstance(named, list | tuple)
        days = frozenset(_DAYS.index(str(day)) for day in named)
    except (ValueError, AssertionError) as error:
        raise ScriptError(f"[[daily]] {name} needs at = 'hh:mm:ss' and days like 'mon'") from error
    return Daily(name, rest, at, days)


def _nanoseconds(said: Mapping[str, object], key: str, default: float) -> int:
    try:
        return int(float(str(said.get(key, default))) * SECOND_NS)
    except ValueError as error:
        raise ScriptError(f"{key} must be a number of seconds") from error


@dataclass(slots=True)
class Player:
    """Plays a script on a gateway. It owns the counts of requests."""

    gateway: Gateway
    script: Script
    random: Random
    counts: dict[str, int] = field(default_factory=dict)

    def start(self) -> None:
        """Arm the faults, set the timers, watch the requests."""
        board = self.gateway.board
        for rule in self.script.faults:
            self.gateway.faults.add(rule)
        for step in self.script.steps:
            if step.at_ns is not None:
                board.later(step.at_ns, lambda step=step: self._perform(step.action, step.keywords))  # type: ignore[misc]
        for daily in self.script.daily:
            self._set_daily(daily)
        if self.script.walk is not None:
            board.later(self.script.walk.every_ns, self._walk)
        self.gateway.observers.append(self._saw)

    def _saw(self, session: Session, request: Request) -> None:
        self.counts[request.name] = self.counts.get(request.name, 0) + 1
        for step in self.script.steps:
            if step.on == request.name and step.nth == self.counts[request.name]:
                self._perform(step.action, step.keywords)

    def _perform(self, action: str, keywords: Mapping[str, object]) -> None:
        Director(self.gateway).perform(action, keywords)

    def _set_daily(self, daily: Daily) -> None:
        now = datetime.fromtimestamp(self.gateway.board.now_ns / SECOND_NS, UTC)
        wanted = datetime.combine(now.date(), daily.at, UTC)
        while wanted <= now or wanted.weekday() not in daily.days:
            wanted += timedelta(days=1)
        delay_ns = int((wanted - now).total_seconds() * SECOND_NS)
        self.gateway.board.later(max(delay_ns, 1), lambda: self._play_daily(daily))

    def _play_daily(self, daily: Daily) -> None:
        self._perform(daily.action, daily.keywords)
        self._set_daily(daily)

    def _walk(self) -> None:
        walk, exchange = self.script.walk, self.gateway.exchange
        assert walk is not None
        for contract in exchange.catalogue:
            quote, tick = exchange.quotes[contract.con_id], contract.minimum_tick
            moved = quote.last * Decimal(str(1 + self.random.gauss(0, walk.volatility)))
            last = max((moved / tick).quantize(Decimal(1)), Decimal(2)) * tick
            size = Decimal(1_000_000)
            new = replace(quote, bid=last - tick, ask=last + tick, last=last, bid_size=size, ask_size=size)
            exchange.quote(contract, new)
        self.gateway.board.later(walk.every_ns, self._walk)
