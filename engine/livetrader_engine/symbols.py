"""Identity of what is traded: symbols, security types, resolutions.

A `Symbol` is interned: one object per identity in a process, so comparison and hashing cost what they
cost for any Python object. It travels on the wire and in the journal as its `text`.

Sources: the numbering of `SecurityType`, `Resolution` and the identifier text follow LEAN's
Common/Global.cs and Common/SecurityIdentifier.cs.
"""

from __future__ import annotations

from datetime import date
from enum import IntEnum
from typing import Final

from livetrader_engine.errors import DataError


class SecurityType(IntEnum):
    """Kind of security; values as in LEAN."""

    BASE = 0
    EQUITY = 1
    OPTION = 2
    COMMODITY = 3
    FOREX = 4
    FUTURE = 5
    CFD = 6
    CRYPTO = 7
    FUTURE_OPTION = 8
    INDEX = 9
    INDEX_OPTION = 10
    CRYPTO_FUTURE = 11


class Resolution(IntEnum):
    """Period of a bar; values as in LEAN."""

    TICK = 0
    SECOND = 1
    MINUTE = 2
    HOUR = 3
    DAILY = 4

    @property
    def period_ns(self) -> int:
        """Nominal length of one bar in nanoseconds; 0 for ticks."""
        return _PERIOD_NS[self]


NS_PER_SECOND: Final = 1_000_000_000
NS_PER_MINUTE: Final = 60 * NS_PER_SECOND
NS_PER_HOUR: Final = 60 * NS_PER_MINUTE
NS_PER_DAY: Final = 24 * NS_PER_HOUR

_PERIOD_NS: Final = {
    Resolution.TICK: 0,
    Resolution.SECOND: NS_PER_SECOND,
    Resolution.MINUTE: NS_PER_MINUTE,
    Resolution.HOUR: NS_PER_HOUR,
    Resolution.DAILY: NS_PER_DAY,
}

# LEAN's market numbers (Common/Market.cs); they are part of the identifier text. 12 is coinbase too.
MARKET_NUMBERS: Final[dict[str, int]] = {
    "empty": 0, "usa": 1, "fxcm": 2, "oanda": 3, "dukascopy": 4, "bitfinex": 5, "cmeglobex": 6, "nymex": 7,
    "cbot": 8, "ice": 9, "cboe": 10, "india": 11, "kraken": 13, "bittrex": 14, "bithumb": 15, "binance": 16,
    "poloniex": 17, "coinone": 18, "hitbtc": 19, "okcoin": 20, "bitstamp": 21, "comex": 22, "cme": 23,
    "sgx": 24, "hkfe": 25, "nyseliffe": 26, "cfe": 33, "ftx": 34, "ftxus": 35, "binanceus": 36, "bybit": 37,
    "coinbase": 38, "interactivebrokers": 39, "eurex": 40, "ose": 41, "dydx": 42, "krx": 43,
}  # fmt: skip

_SEPARATOR: Final = "\t"  # appears in no ticker and in no identifier
_OLE_EPOCH: Final = date(1899, 12, 30)
_BASE36: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Symbol:
    """Identity of one security: LEAN's identifier text and the ticker of today.

    Make one with `Symbol.create`; equal arguments give the same object. `str(symbol)` is the
    identifier text (`SPY R735QTJ8XC9X`), `symbol.value` the ticker.
    """

    __slots__ = ("id", "market", "security_type", "text", "value")

    id: str
    value: str
    security_type: SecurityType
    market: str
    text: str

    _interned: dict[str, Symbol] = {}  # noqa: RUF012 — the intern table is meant to be shared

    def __new__(cls) -> Symbol:
        raise TypeError("use Symbol.create(...) or Symbol.parse(...): symbols are interned")

    @classmethod
    def create(cls, identifier: str, value: str, security_type: SecurityType, market: str) -> Symbol:
        """Return the symbol of this identifier text, ticker, type and market (lower case)."""
        text = _SEPARATOR.join((identifier, value, str(int(security_type)), market))
        found = cls._interned.get(text)
        if found is None:
            found = object.__new__(cls)
            found.id = identifier
            found.value = value
            found.security_type = SecurityType(security_type)
            found.market = market
            found.text = text
            # setdefault: two threads may make the same symbol at once; both must get one object
            found = cls._interned.setdefault(text, found)
        return found

    @classmethod
    def parse(cls, text: str) -> Symbol:
        """Return the symbol written as `text` (its wire and journal form).

        Raises DataError for a text that `Symbol.text` cannot have produced.
        """
        found = cls._interned.get(text)
        if found is not None:
            return found
        parts = text.split(_SEPARATOR)
        if len(parts) != 4 or not parts[2].isdigit():
            raise DataError(f"{text!r} is not the text of a symbol")
        try:
            kind = SecurityType(int(parts[2]))
        except ValueError as error:
            raise DataError(f"{text!r} names an unknown security type") from error
        return cls.create(parts[0], parts[1], kind, parts[3])

    def __str__(self) -> str:
        return self.id

    def __repr__(self) -> str:
        return f"Symbol({self.id!r}, {self.value!r})"

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (Symbol.parse, (self.text,))

    def __copy__(self) -> Symbol:
        return self

    def __deepcopy__(self, memo: object) -> Symbol:
        return self


def base36(number: int) -> str:
    """Return a number that is not negative in base 36, upper case."""
    digits = ""
    while True:
        number, rest = divmod(number, 36)
        digits = _BASE36[rest] + digits
        if number == 0:
            return digits


def equity_identifier(ticker: str, first_date: date | None, market: str = "usa") -> str:
    """Return LEAN's identifier text of an equity.

    `ticker` is the one it first traded under and `first_date` the first row of its map file, None where
    there is none. Raises DataError for an unknown market.
    """
    return _identifier(ticker, SecurityType.EQUITY, market, first_date)


def plain_identifier(ticker: str, security_type: SecurityType, market: str) -> str:
    """Return LEAN's identifier text of a security without dates: forex, crypto, index, cfd.

    Not for equities (they carry their first date) nor derivatives (they carry their contract). Raises
    DataError for an unknown market.
    """
    return _identifier(ticker, security_type, market, None)


def _identifier(ticker: str, security_type: SecurityType, market: str, day: date | None) -> str:
    """Source: Common/SecurityIdentifier.cs, GenerateEquity and the layout of the properties."""
    number = MARKET_NUMBERS.get(market)
    if number is None:
        raise DataError(f"unknown market {market!r}; known: {', '.join(sorted(MARKET_NUMBERS))}")
    days = (day - _OLE_EPOCH).days if day else 0
    packed = days * 10**14 + number * 100 + int(security_type)
    return f"{ticker.upper()} {base36(packed)}"
