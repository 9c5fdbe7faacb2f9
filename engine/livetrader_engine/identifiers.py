"""LEAN's identifier text of a security, written and read: `SPY R735QTJ8XC9X`.

The text is the ticker the security first had, a space, and a number in base 36 of decimal fields, from the
left: right (1 digit), days (5), style (1), strike (6), scale of the strike (2), market (3), type (2). A
derivative goes on with `|` and the text of its underlying. Source: Common/SecurityIdentifier.cs.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from enum import IntEnum
from functools import lru_cache
from typing import Final

import msgspec

from livetrader_engine.errors import DataError
from livetrader_engine.symbols import MARKET_NUMBERS, SecurityType, base36

_EPOCH: Final = date(1899, 12, 30)  # day 0 of an OLE date; what has no date has this one
_STRIKE_DIGITS: Final = 6  # digits of a strike behind the point; zeros at the end become its scale
_NEGATIVE: Final = 1 << 19  # bit of a negative strike
_STRIKE_BOUND: Final = 475_712  # what a strike without its scale must stay below: the bit above needs room
_CACHED: Final = 50_000  # texts kept apart: chains name the same contracts again and again
_LARGEST: Final = 2**64  # the number is an unsigned 64-bit one in LEAN

_OPTIONS: Final = frozenset({SecurityType.OPTION, SecurityType.FUTURE_OPTION, SecurityType.INDEX_OPTION})
_DATED: Final = _OPTIONS | {SecurityType.BASE, SecurityType.EQUITY, SecurityType.FUTURE}
_MARKETS: Final = {number: market for market, number in MARKET_NUMBERS.items()} | {12: "coinbase"}


class OptionRight(IntEnum):
    """What an option gives the right to; values as in LEAN."""

    CALL = 0
    PUT = 1


class OptionStyle(IntEnum):
    """When an option may be exercised; values as in LEAN."""

    AMERICAN = 0
    EUROPEAN = 1


class Identity(msgspec.Struct, frozen=True):
    """What an identifier says. `ticker` is the one the security first had.

    `day` is the first trading day of an equity, the expiry of a derivative, None where there is none.
    `strike`, `right` and `style` are those of options; `underlying` is the identifier text below.
    """

    ticker: str
    security_type: SecurityType
    market: str
    day: date | None = None
    strike: Decimal = Decimal(0)
    right: OptionRight = OptionRight.CALL
    style: OptionStyle = OptionStyle.AMERICAN
    underlying: str | None = None

    @property
    def is_option(self) -> bool:
        """Whether strike, right and style mean something."""
        return self.security_type in _OPTIONS

    @property
    def text(self) -> str:
        """The identifier text. Raises DataError for an unknown market or a strike that does not fit."""
        days = 0 if self.day is None else (self.day - _EPOCH).days
        strike, scale = _packed_strike(self.strike)
        number = (
            int(self.right) * 10**19 + days * 10**14 + int(self.style) * 10**13
            + strike * 10**7 + scale * 10**5 + market_number(self.market) * 100 + int(self.security_type)
        )  # fmt: skip
        own = f"{self.ticker} {base36(number)}"
        return own if self.underlying is None else f"{own}|{self.underlying}"


@lru_cache(maxsize=_CACHED)
def identity(text: str) -> Identity:
    """Return what an identifier text says. Raises DataError for a text that is none."""
    own, separator, underlying = text.partition("|")
    ticker, space, code = own.rpartition(" ")
    try:
        number = int(code, 36) if code.isalnum() else -1
    except ValueError:
        number = -1
    if not (ticker and space and 0 <= number < _LARGEST) or bool(separator) != bool(underlying):
        raise DataError(f"{text!r} is no security identifier: it should look like 'SPY R735QTJ8XC9X'")
    number, kind = divmod(number, 100)
    number, market = divmod(number, 1_000)
    number, scale = divmod(number, 100)
    number, strike = divmod(number, 10**_STRIKE_DIGITS)
    number, style = divmod(number, 10)
    right, days = divmod(number, 100_000)
    try:
        security_type = SecurityType(kind)
        named = _MARKETS[market]
        day = _EPOCH + timedelta(days=days) if days and security_type in _DATED else None
        return Identity(
            ticker, security_type, named, day, _strike(strike, scale), OptionRight(right),
            OptionStyle(style), underlying or None,
        )  # fmt: skip
    except (ValueError, KeyError, OverflowError) as error:
        raise DataError(f"{text!r} is no security identifier: {error} is not known") from error


def market_number(market: str) -> int:
    """Return LEAN's number of a market. Raises DataError for one that is not known."""
    number = MARKET_NUMBERS.get(market)
    if number is None:
        raise DataError(f"unknown market {market!r}; known: {', '.join(sorted(MARKET_NUMBERS))}")
    return number


def _packed_strike(strike: Decimal) -> tuple[int, int]:
    if not strike:
        return 0, 0
    scaled = abs(strike) * 10**_STRIKE_DIGITS
    scale = 0
    while scaled % 10 == 0:
        scaled /= 10
        scale += 1
    if scaled >= _STRIKE_BOUND or scaled != int(scaled):
        raise DataError(f"a strike of {strike} has no place in an identifier: it has too many digits")
    return (int(scaled) | _NEGATIVE if strike < 0 else int(scaled)), scale


def _strike(packed: int, scale: int) -> Decimal:
    sign = -1 if packed & _NEGATIVE else 1
    size = sign * Decimal(packed & ~_NEGATIVE if sign < 0 else packed).scaleb(scale - _STRIKE_DIGITS)
    return size.quantize(Decimal(1)) if size == size.to_integral_value() else size.normalize()
