"""Bars of the past: made from a seed, the same for the same contract and instant, ending at today's first
price.

Nothing here remembers what the venue traded; a bar is a function of its contract, its start and the seed.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from livetrader_venues.tws.contracts import Contract
from livetrader_venues.tws.settings import SECOND_NS, Settings

DAY_S = 86_400
ADJUSTED = "ADJUSTED_LAST"
BARS_LIMIT = 20_000  # of one answer; IB cuts long requests, too
_UNITS_S = {"S": 1, "D": DAY_S, "W": 7 * DAY_S, "M": 30 * DAY_S, "Y": 365 * DAY_S}
_BAR_SIZE = re.compile(r"(\d+) (sec|secs|min|mins|hour|hours|day|week|month|days|weeks|months)")
_SIZES_S = {"sec": 1, "min": 60, "hour": 3600, "day": DAY_S, "week": 7 * DAY_S, "month": 30 * DAY_S}


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar; prices of data are what a client reads, so they are rounded to the tick."""

    start_ns: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: int
    count: int

    @property
    def average(self) -> Decimal:
        """A price in the middle of it."""
        return (self.high + self.low + self.close) / 3


class BadRequest(Exception):
    """A duration or a bar size that TWS does not know: error 321 with its text."""


def bar_size_ns(said: str) -> int:
    """Return the length of `5 mins`. Raises BadRequest."""
    found = _BAR_SIZE.fullmatch(said)
    if found is None:
        raise BadRequest(f"Invalid bar size: {said}")
    return int(found[1]) * _SIZES_S[found[2].rstrip("s")] * SECOND_NS


def duration_ns(said: str) -> int:
    """Return the length of `30 D`. Raises BadRequest."""
    number, _, unit = said.partition(" ")
    if not number.isdigit() or unit not in _UNITS_S:
        raise BadRequest(f"Invalid duration: {said}")
    return int(number) * _UNITS_S[unit] * SECOND_NS


def instant_ns(said: str, now_ns: int) -> int:
    """Return the end of a request: now where it is empty. Raises BadRequest."""
    if not said:
        return now_ns
    digits = re.sub(r"[^0-9]", "", said)[:14]
    try:
        moment = datetime.strptime(digits + "+0000", "%Y%m%d%H%M%S%z")
    except ValueError as error:
        raise BadRequest(f"Invalid end date: {said}") from error
    return int(moment.timestamp()) * SECOND_NS


def bars(contract: Contract, end_ns: int, long_ns: int, size_ns: int, seed: int) -> list[Bar]:
    """Return whole bars, the newest last; days of the weekend are left out of daily bars."""
    last = end_ns // size_ns
    first = max((end_ns - long_ns) // size_ns, last - BARS_LIMIT)
    made = [bar(contract, index * size_ns, size_ns, seed) for index in range(first, last)]
    if size_ns == DAY_S * SECOND_NS and contract.security_type != "CRYPTO":
        made = [
            each for each in made if datetime.fromtimestamp(each.start_ns // SECOND_NS, UTC).weekday() < 5
        ]
    return made


def bar(contract: Contract, start_ns: int, size_ns: int, seed: int) -> Bar:
    """Return the bar that begins at an instant; one opens where the one before it closed."""
    opening = _price(contract, start_ns, seed)
    closing = _price(contract, start_ns + size_ns, seed)
    chance = random.Random(f"{seed}/{contract.con_id}/{start_ns}/{size_ns}")
    tick = contract.minimum_tick
    high = max(opening, closing) + tick * chance.randrange(0, 5)
    low = min(opening, closing) - tick * chance.randrange(0, 5)
    volume = chance.randrange(100, 10_000)
    return Bar(start_ns, opening, high, low, closing, volume, max(volume // 100, 1))


def shown_as(what: str, made: list[Bar], tick: Decimal, settings: Settings) -> list[Bar]:
    """Return bars as `what` shows them: bids a tick below the trades, asks above; older ones not at all."""
    shift = {"BID": -tick, "ASK": tick}.get(what, Decimal(0))
    shown = []
    for each in made:
        old = what == ADJUSTED and each.start_ns < settings.dividend_ns
        factor = settings.dividend_factor if old else Decimal(1)
        if each.start_ns >= settings.history_from_ns:
            prices = (each.open, each.high, each.low, each.close)
            opening, high, low, close = (price * factor + shift for price in prices)
            shown.append(Bar(each.start_ns, opening, high, low, close, each.volume, each.count))
    return shown


def _price(contract: Contract, at_ns: int, seed: int) -> Decimal:
    chance = random.Random(f"{seed}/{contract.con_id}/{at_ns}")
    tick = contract.minimum_tick
    return (contract.price * Decimal(str(round(chance.gauss(1, 0.01), 6))) / tick).quantize(Decimal(1)) * tick


def shown(start_ns: int, size_ns: int, format_date: int, version: int) -> str:
    """Return the date of a bar: seconds where asked for, days without a time, else the time and its zone."""
    seconds = start_ns // SECOND_NS
    moment = datetime.fromtimestamp(seconds, UTC)
    if size_ns >= DAY_S * SECOND_NS:
        return f"{moment:%Y%m%d}"
    if format_date == 2:
        return str(seconds)
    return f"{moment:%Y%m%d %H:%M:%S} UTC" if version >= 174 else f"{moment:%Y%m%d  %H:%M:%S}"
