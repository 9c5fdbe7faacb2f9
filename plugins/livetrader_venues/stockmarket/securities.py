"""What is traded: stocks, options, indices, and what companies announce about their stocks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from random import Random
from typing import Literal

Kind = Literal["stocks", "options", "indices"]

_KNOWN = (  # ticker, name, price in dollars, tape, exchange of its listing
    ("SPY", "SPDR S&P 500 ETF Trust", 598.40, 2, "ARCX"),
    ("AAPL", "Apple Inc.", 198.42, 3, "XNAS"),
    ("MSFT", "Microsoft Corp", 478.87, 3, "XNAS"),
    ("IBM", "International Business Machines Corporation", 279.97, 1, "XNYS"),
    ("BRK.B", "Berkshire Hathaway Inc.", 487.54, 1, "XNYS"),
    ("QQQ", "Invesco QQQ Trust, Series 1", 529.92, 3, "XNAS"),
    ("TSLA", "Tesla, Inc.", 325.31, 3, "XNAS"),
    ("NVDA", "Nvidia Corp", 141.97, 3, "XNAS"),
    ("F", "Ford Motor Company", 10.46, 1, "XNYS"),
    ("GE", "GE Aerospace", 236.60, 1, "XNYS"),
)
_RIGHTS: tuple[Literal["call", "put"], ...] = ("call", "put")
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Split:
    """`before` old shares become `after` new ones at the beginning of a day."""

    ex_date: date
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Dividend:
    """Cash for a share that was held before the day."""

    ex_date: date
    amount: float
    frequency: int = 4


@dataclass(frozen=True, slots=True)
class Renaming:
    """From this day on the company is traded under `ticker`."""

    day: date
    ticker: str


@dataclass(frozen=True, slots=True)
class Security:
    """One thing that is traded. `price` is about what it costs today; `trades` and `quotes` are how many
    come in a minute of regular hours.

    `names` are the tickers it had before, with the first day of each; it is known here by its newest.
    """

    ticker: str
    kind: Kind = "stocks"
    name: str = ""
    price: float = 100.0
    trades: float = 4.0
    quotes: float = 6.0
    extended: float = 0.1  # share of those rates outside regular hours
    tape: int = 3
    listing: str = "XNAS"
    type: str = "CS"
    listed: date = date(2003, 9, 10)
    delisted: date | None = None
    splits: tuple[Split, ...] = ()
    dividends: tuple[Dividend, ...] = ()
    names: tuple[Renaming, ...] = ()
    underlying: str = ""
    expires: date | None = None
    right: Literal["call", "put", ""] = ""
    strike: float = 0.0
    style: Literal["american", "european"] = "american"

    def raw_factor(self, day: date) -> float:
        """Return how many of today's shares one share of that day is."""
        factor = 1.0
        for split in self.splits:
            if day < split.ex_date:
                factor *= split.after / split.before
        return factor


def stocks(
    count: int,
    *,
    seed: int = 1,
    trades: float | None = None,
    quotes: float = 6.0,
    listed: date = date(2003, 9, 10),
) -> tuple[Security, ...]:
    """Return so many stocks: the well-known first, then made-up ones. The rates differ a hundredfold, unless
    `trades` a minute are said. A late `listed` keeps questions about the whole past cheap.
    """
    random = Random(seed)
    made = []
    for number in range(count):
        ticker, name, price, tape, listing = (
            _KNOWN[number] if number < len(_KNOWN) else _made_up(number, random)
        )
        rate = 0.3 * 100 ** random.random() if trades is None else trades
        made.append(
            Security(ticker, "stocks", name, price, rate, quotes, tape=tape, listing=listing, listed=listed)
        )
    return tuple(made)


def _made_up(number: int, random: Random) -> tuple[str, str, float, int, str]:
    high, low = divmod(number - len(_KNOWN), 26)
    ticker = "Z" + _LETTERS[high // 26 % 26] + _LETTERS[high % 26] + _LETTERS[low]
    tape, listing = random.choice(((1, "XNYS"), (2, "ARCX"), (3, "XNAS")))
    return ticker, f"Made-up {number} Inc.", round(random.uniform(3.0, 400.0), 2), tape, listing


def index(ticker: str, price: float, name: str = "", *, values: float = 60.0) -> Security:
    """Return an index, ticker like "I:SPX"; so many values a minute."""
    return Security(ticker, "indices", name or ticker, price, values, 0.0, 0.0, type="IX", listing="")


def option(
    underlying: str,
    expires: date,
    right: Literal["call", "put"],
    strike: float,
    *,
    price: float = 2.5,
    style: Literal["american", "european"] = "american",
) -> Security:
    """Return an option with the ticker of the Options Symbology Initiative, like "O:SPY251219C00650000"."""
    letter = "C" if right == "call" else "P"
    ticker = f"O:{underlying}{expires:%y%m%d}{letter}{round(strike * 1000):08d}"
    return Security(
        ticker,
        "options",
        ticker,
        price,
        1.0,
        4.0,
        0.0,
        type="OPT",
        listing="BATO",
        underlying=underlying,
        expires=expires,
        right=right,
        strike=strike,
        style=style,
    )


def chain(underlying: str, expiries: Iterable[date], strikes: Sequence[float]) -> tuple[Security, ...]:
    """Return calls and puts of each expiry and strike."""
    return tuple(
        option(underlying, expires, right, strike)
        for expires in expiries
        for strike in strikes
        for right in _RIGHTS
    )
