"""Ticks made from a seed: those of one security and one minute are a function of the two, so any minute of
any year can be asked for at any time, and is the same each time.

Prices follow a slow path over the days and a random one within each day that ends where the next day begins.
What must not move a bar is priced off the market, so that a bar which heeds it is visibly wrong.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import accumulate
from random import Random
from typing import Any
from zlib import crc32

from livetrader_venues.stockmarket import conditions as C
from livetrader_venues.stockmarket.clocks import day_number, day_of, midnight_ns
from livetrader_venues.stockmarket.securities import Security
from livetrader_venues.stockmarket.sessions import Session, session
from livetrader_venues.stockmarket.tape import (
    MILLISECOND_NS,
    MINUTE_NS,
    SECOND_NS,
    Quote,
    Trade,
    Value,
    tape_order,
)

DAY_MINUTES = 24 * 60
KEPT_DAYS = 512  # price paths of one security and day that are remembered
BLOCK = 10  # minutes that are made at once
BUSY = 100  # ticks a minute; of what is busier one minute is made at once, lest a live peer stalls
KEPT_BLOCKS = 4_000  # blocks that are remembered: trades and quotes of 100 stocks for three hours
SEQUENCES = 100_000  # room for the sequence numbers of one minute
TRF = 4  # the vendor's number of the trade reporting facilities, where half of the odd lots are told
_Block = tuple[tuple[Any, ...], ...]
_EXCHANGES = (1, 2, 8, 9, 10, 11, 12, 15, 19, 21)


@dataclass(frozen=True, slots=True)
class Habits:
    """Of which kinds ticks are, as shares of all trades."""

    odd_lots: float = 0.35
    sweeps: float = 0.3
    off_market: float = 0.06  # averages, derivatives, contingents, sold out of sequence: at odd prices
    off_market_by: float = 0.02  # of the price
    bursts: float = 0.15  # trades in the same millisecond as the one before
    told_late: float = 0.02  # told later than the usual few milliseconds, by up to:
    latest_ns: int = 300 * MILLISECOND_NS
    usual_delay_ns: int = 12 * MILLISECOND_NS
    swing: float = 0.0004  # of the price, in a minute


_OFF_MARKET = (
    (C.AVERAGE_PRICE,),
    (C.DERIVATIVELY_PRICED,),
    (C.CONTINGENT,),
    (C.QUALIFIED_CONTINGENT, C.TRADE_THROUGH_EXEMPT),
    (C.SOLD_OUT_OF_SEQUENCE,),
    (C.PRIOR_REFERENCE_PRICE,),
    (C.INTERMARKET_SWEEP, C.ODD_LOT),
)


class Generator:
    """Makes the ticks of any minute. It owns what it remembers of them."""

    def __init__(self, seed: int, habits: Habits | None = None) -> None:
        self.seed = seed
        self.habits = habits or Habits()
        self._path = lru_cache(KEPT_DAYS)(self._day_path)
        self._blocks: dict[tuple[str, str, int], tuple[Security, _Block]] = {}

    def trades(self, security: Security, number: int) -> tuple[Trade, ...]:
        """Return the trades of a minute, counted since 1970, in the tape's order."""
        return self._block("trades", security, number)

    def quotes(self, security: Security, number: int) -> tuple[Quote, ...]:
        """Return the quotes of a minute, in the tape's order."""
        return self._block("quotes", security, number)

    def values(self, security: Security, number: int) -> tuple[Value, ...]:
        """Return the values of an index in a minute, ascending."""
        return self._block("values", security, number)

    def _block(self, what: str, security: Security, number: int) -> tuple[Any, ...]:
        """Return one minute of a block, which is made at once: seeding costs more than a quiet minute."""
        size = BLOCK if security.trades + security.quotes <= BUSY else 1
        key = what, security.ticker, number // size
        kept = self._blocks.get(key)
        if kept is None or kept[0] is not security:
            if len(self._blocks) >= KEPT_BLOCKS:
                self._blocks.clear()
            random = self._random(security, what, number // size)
            make = {"trades": self._trades, "quotes": self._quotes, "values": self._values}[what]
            first = number - number % size
            kept = security, tuple(make(security, each, random) for each in range(first, first + size))
            self._blocks[key] = kept
        return kept[1][number % size]

    # ---- prices

    def level(self, security: Security, day: date) -> float:
        """Return about what a share of today costs on a day."""
        number = day_number(day)
        phase = crc32(f"{self.seed}:{security.ticker}".encode()) % 10_000 / 10_000 * math.tau
        swing = 0.2 * math.sin(number / 97 + phase) + 0.05 * math.sin(number / 11 + 3 * phase)
        return security.price * math.exp(swing - 0.2 * math.sin(20_255 / 97 + phase))

    def _day_path(self, security: Security, day: date) -> list[float]:
        """Return the price at each minute of a day, in shares of that day."""
        random = self._random(security, "path", day_number(day))
        swing = self.habits.swing
        noise = list(accumulate(random.gauss(0.0, swing) for _ in range(DAY_MINUTES + 1)))
        begin, end = self.level(security, day), self.level(security, date.fromordinal(day.toordinal() + 1))
        factor = security.raw_factor(day)
        return [
            factor
            * (begin + (end - begin) * k / DAY_MINUTES)
            * math.exp(noise[k] - noise[-1] * k / DAY_MINUTES)
            for k in range(DAY_MINUTES + 1)
        ]

    def _random(self, security: Security, what: str, number: int) -> Random:
        return Random(self.seed << 96 | crc32(f"{security.ticker}/{what}".encode()) << 64 | number)

    # ---- minutes

    def _open(self, security: Security, number: int) -> tuple[date, Session, int] | None:
        """Return the day, its hours and the minute's place in the day, where a security trades then."""
        start = number * MINUTE_NS
        day = day_of(start)
        hours = session(day)
        if hours is None or day < security.listed or (security.delisted and day >= security.delisted):
            return None
        if security.expires is not None and day > security.expires:
            return None
        extended = security.extended > 0
        begin = hours.extended_open_ns if extended else hours.open_ns
        end = hours.extended_close_ns if extended else hours.close_ns
        if not begin <= start < end:
            return None
        return day, hours, (start - midnight_ns(day)) // MINUTE_NS

    def _trades(self, security: Security, number: int, random: Random) -> tuple[Trade, ...]:
        found = None if security.kind == "indices" else self._open(security, number)
        if found is None:
            return ()
        day, hours, place = found
        start = number * MINUTE_NS
        regular = hours.open_ns <= start < hours.close_ns
        path = self._path(security, day)
        maker = _TradeMaker(security, self.habits, random, regular)
        rate = security.trades * (1.0 if regular else security.extended)
        made = [
            maker.trade(start, time_ns, path[place] + (path[place + 1] - path[place]) * time_ns / MINUTE_NS)
            for time_ns in _moments(random, rate, self.habits.bursts)
        ]
        if security.kind == "stocks":
            made += _auctions(maker, hours, start, path[place])
        return _numbered(made, place)

    def _quotes(self, security: Security, number: int, random: Random) -> tuple[Quote, ...]:
        found = None if security.kind == "indices" else self._open(security, number)
        if found is None:
            return ()
        day, hours, place = found
        start = number * MINUTE_NS
        path = self._path(security, day)
        rate = security.quotes * (1.0 if hours.open_ns <= start < hours.close_ns else security.extended)
        made = []
        for count, time_ns in enumerate(_moments(random, rate, 0.0)):
            middle = path[place] + (path[place + 1] - path[place]) * time_ns / MINUTE_NS
            bid = max(math.floor(middle * 100 - random.random() * 2), 1) / 100
            ask = round(bid + random.randint(1, 4) / 100, 2)
            made.append(
                Quote(
                    security.ticker,
                    start + time_ns,
                    place * SEQUENCES + count * 3 + 1,
                    bid,
                    random.randint(1, 20) * 100,
                    ask,
                    random.randint(1, 20) * 100,
                    start + time_ns + self._delay(random),
                    random.choice(_EXCHANGES),
                    random.choice(_EXCHANGES),
                    tape=security.tape,
                )
            )
        return tuple(made)

    def _values(self, security: Security, number: int, random: Random) -> tuple[Value, ...]:
        found = self._open(security, number) if security.kind == "indices" else None
        if found is None:
            return ()
        day, _, place = found
        start = number * MINUTE_NS
        path = self._path(security, day)
        return tuple(
            Value(
                security.ticker,
                start + time_ns,
                round(path[place] + (path[place + 1] - path[place]) * time_ns / MINUTE_NS, 2),
                start + time_ns + self._delay(random),
            )
            for time_ns in _moments(random, security.trades, 0.0)
        )

    def _delay(self, random: Random) -> int:
        return MILLISECOND_NS + random.randrange(self.habits.usual_delay_ns)


class _TradeMaker:
    """Makes trades of one minute; the random source is the minute's."""

    def __init__(self, security: Security, habits: Habits, random: Random, regular: bool) -> None:
        self.security = security
        self.random = random
        self._habits = habits
        self._regular = regular

    def trade(self, start_ns: int, time_ns: int, market: float) -> Trade:
        """Return a trade of the ordinary stream."""
        random, habits = self.random, self._habits
        size = random.randint(1, 9) * 100
        numbers: tuple[int, ...] = ()
        if self.security.kind == "options":
            size = random.randint(1, 20)
            numbers = (
                random.choice((C.OPTION_AUTOMATIC, C.OPTION_SWEEP, C.OPTION_AUCTION, C.OPTION_COMPLEX)),
            )
            if random.random() < habits.off_market:
                numbers = (C.OPTION_OUT_OF_SEQUENCE,)
                market *= 1 + random.choice((-1, 1)) * habits.off_market_by
        elif random.random() < habits.off_market:
            numbers = random.choice(_OFF_MARKET)
            market *= 1 + random.choice((-1, 1)) * habits.off_market_by
        else:
            if random.random() < habits.sweeps:
                numbers = (C.INTERMARKET_SWEEP,)
            if random.random() < habits.odd_lots:
                size = random.randint(1, 99)
                numbers = (*numbers, C.ODD_LOT)
                market *= 1 + random.gauss(0.0, habits.off_market_by / 4)
        if not self._regular:
            numbers = (*numbers, C.EXTENDED_HOURS)
        price = max(round(market + random.gauss(0.0, 0.01), 2), 0.01)
        return self.made(start_ns + time_ns, price, size, numbers)

    def made(self, sip_ns: int, price: float, size: int, numbers: tuple[int, ...]) -> Trade:
        """Return a trade, told after a delay; its number on the tape comes later."""
        random, habits = self.random, self._habits
        delay = MILLISECOND_NS + random.randrange(habits.usual_delay_ns)
        if random.random() < habits.told_late:
            delay += random.randrange(max(habits.latest_ns, 1))
        is_reported = random.random() < 0.2 and self.security.kind == "stocks"
        before = random.randrange(20 * MILLISECOND_NS)
        if C.SOLD_OUT_OF_SEQUENCE in numbers:
            before += random.randrange(90 * SECOND_NS)
        return Trade(
            self.security.ticker,
            sip_ns,
            0,
            "",
            price,
            size,
            sip_ns + delay,
            TRF if is_reported else random.choice(_EXCHANGES),
            self.security.tape,
            numbers,
            sip_ns - before,
            random.choice((201, 202, 203)) if is_reported else 0,
        )


def _moments(random: Random, rate: float, bursts: float) -> list[int]:
    """Return when ticks come within a minute: so many on average, ascending, some in bursts."""
    count = int(rate) + (random.random() < rate - int(rate))
    if count > 1:
        count = max(0, count + random.randint(-int(count**0.5), int(count**0.5)))
    moments = sorted(random.randrange(MINUTE_NS) for _ in range(count))
    for place in range(1, count):
        if random.random() < bursts:  # another trade of the same sweep, microseconds later
            moments[place] = min(moments[place - 1] + random.randrange(1, 400_000), MINUTE_NS - 1)
    return moments


def _auctions(maker: _TradeMaker, hours: Session, start_ns: int, market: float) -> list[Trade]:
    """Return the prints of the opening and the closing auction, in the minutes where they come."""
    random, price = maker.random, round(market, 2)
    if start_ns == hours.open_ns:
        at = start_ns + random.randrange(100 * MILLISECOND_NS, 900 * MILLISECOND_NS)
        return [
            maker.made(at, price, random.randint(100, 900) * 100, (C.OPENING_PRINT,)),
            maker.made(at + 1000, price, random.randint(100, 900) * 100, (C.OFFICIAL_OPEN,)),
        ]
    if start_ns == hours.close_ns:
        at = start_ns + random.randrange(50 * MILLISECOND_NS, 900 * MILLISECOND_NS)
        return [
            maker.made(at, price, random.randint(100, 900) * 100, (C.CLOSING_PRINT,)),
            maker.made(at + 1000, price, random.randint(100, 900) * 100, (C.OFFICIAL_CLOSE,)),
        ]
    return []


def _numbered(made: list[Trade], place: int) -> tuple[Trade, ...]:
    """Give trades their numbers on the tape, ascending with time, and ids."""
    made.sort(key=tape_order)
    return tuple(
        Trade(
            trade.ticker,
            trade.sip_ns,
            place * SEQUENCES + number * 7 + 1,
            f"{place}{number:04d}",
            trade.price,
            trade.size,
            trade.told_ns,
            trade.exchange,
            trade.tape,
            trade.conditions,
            trade.participant_ns,
            trade.trf_id,
        )
        for number, trade in enumerate(made)
    )
