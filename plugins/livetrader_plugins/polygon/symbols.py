"""What LEAN calls a symbol and Polygon a ticker, both ways. Pure: nothing is asked, nothing is remembered.

    equity          AAPL, BRK.B             AAPL, BRK.B
    index           SPX                     I:SPX
    option          AAPL  251219C00200000   O:AAPL251219C00200000
    index option    SPXW  251219C05000000   O:SPXW251219C05000000

The root of an option's ticker has no dot (OSI): options on BRK.B are O:BRKB….
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Final, Literal

from livetrader_engine.errors import DataError
from livetrader_engine.identifiers import Identity, OptionRight, OptionStyle, identity
from livetrader_engine.ports import ReferenceData
from livetrader_engine.symbols import SecurityType, Symbol, equity_identifier, plain_identifier

Market = Literal["stocks", "options", "indices"]

MARKETS: Final[tuple[Market, ...]] = ("stocks", "options", "indices")
_MARKET_OF: Final[dict[SecurityType, Market]] = {
    SecurityType.EQUITY: "stocks",
    SecurityType.OPTION: "options",
    SecurityType.INDEX_OPTION: "options",
    SecurityType.INDEX: "indices",
}
_STRIKE_UNIT: Final = Decimal("0.001")  # OSI writes strikes in thousandths
_OSI: Final = re.compile(r"O:([A-Z]{1,6}\d?)(\d{2})(\d{2})(\d{2})([CP])(\d{8})")
_EQUITY: Final = re.compile(r"[A-Za-z][A-Za-z0-9]{0,9}([./][A-Za-z0-9]{1,4})*")

# Option classes of indices, and the index below. Source: Cboe's and Nasdaq's product lists.
_INDEX_CLASSES: Final = {
    "SPX": "SPX", "SPXW": "SPX", "XSP": "XSP", "NDX": "NDX", "NDXP": "NDX", "XND": "XND", "RUT": "RUT",
    "RUTW": "RUT", "MRUT": "MRUT", "VIX": "VIX", "VIXW": "VIX", "OEX": "OEX", "XEO": "OEX", "DJX": "DJX",
}  # fmt: skip
_AMERICAN_CLASSES: Final = frozenset({"OEX"})  # index options that may be exercised early

# Shares whose ticker has a dot, by the root of their options.
_DOTTED: Final = {
    "BRKA": "BRK.A", "BRKB": "BRK.B", "BFA": "BF.A", "BFB": "BF.B", "HEIA": "HEI.A", "LENB": "LEN.B",
    "MOGA": "MOG.A", "CWENA": "CWEN.A", "AGMA": "AGM.A", "GEFB": "GEF.B",
}  # fmt: skip


def market_of(symbol: Symbol) -> Market:
    """Return which of Polygon's clusters has a symbol. Raises DataError where none has."""
    market = _MARKET_OF.get(symbol.security_type)
    if market is None or symbol.market != "usa":
        raise DataError(
            f"{symbol.value}: Polygon is asked for equities, options and indices of the market usa, not for "
            f"{symbol.security_type.name.lower().replace('_', ' ')} of {symbol.market}; name another feed"
        )
    return market


def ticker_of(symbol: Symbol) -> str:
    """Return Polygon's ticker of a symbol. Raises DataError for what it has no ticker for."""
    market = market_of(symbol)
    if market == "stocks":
        return symbol.value
    if market == "indices":
        return f"I:{symbol.value}"
    said = identity(symbol.id)
    if said.day is None or not said.strike:
        raise DataError(f"{symbol.value} is a chain, not a contract: subscribe to its contracts")
    thousandths = said.strike / _STRIKE_UNIT
    if thousandths != int(thousandths) or not 0 < thousandths < 10**8:
        raise DataError(f"{symbol.value}: an option ticker has no room for a strike of {said.strike}")
    root = _option_root(symbol, said)
    return f"O:{root}{said.day:%y%m%d}{said.right.name[0]}{int(thousandths):08d}"


def symbol_of(ticker: str, reference: ReferenceData | None = None) -> Symbol:
    """Return the symbol of a ticker. `reference` knows the dates that belong to an equity's identifier.

    Raises DataError for what LEAN has no name for: other markets, options of changed shares (O:AAPL1…).
    """
    if ticker.startswith("O:"):
        return _option(ticker, reference)
    if ticker.startswith("I:") and len(ticker) > len("I:"):
        return _plain(ticker[len("I:") :], SecurityType.INDEX, reference)
    if not _EQUITY.fullmatch(ticker):
        raise DataError(f"{ticker!r} is no ticker of a US equity, option (O:…) or index (I:…)")
    return _plain(ticker, SecurityType.EQUITY, reference)


def _option_root(symbol: Symbol, said: Identity) -> str:
    """Return the root of today's ticker; the identifier has the one the share first had."""
    if symbol.security_type is SecurityType.INDEX_OPTION:
        return said.ticker
    root = symbol.value[:-15].strip() if len(symbol.value) > len("251219C00200000") else said.ticker
    return root.replace(".", "")


def _plain(ticker: str, kind: SecurityType, reference: ReferenceData | None) -> Symbol:
    if reference is not None:
        return reference.symbol(ticker, kind, "usa")
    if kind is SecurityType.EQUITY:
        return Symbol.create(equity_identifier(ticker, None), ticker, kind, "usa")
    return Symbol.create(plain_identifier(ticker, kind, "usa"), ticker, kind, "usa")


def _option(ticker: str, reference: ReferenceData | None) -> Symbol:
    found = _OSI.fullmatch(ticker)
    if found is None:
        raise DataError(f"{ticker!r} is no option ticker: it should look like O:SPY251219C00650000")
    root, year, month, day, right_letter, strike_digits = found.groups()
    if root[-1].isdigit():
        raise DataError(f"{ticker}: LEAN has no name for options of a share that a corporate action changed")
    try:
        expiry = date(2000 + int(year), int(month), int(day))
    except ValueError as error:
        raise DataError(f"{ticker!r} has no such expiry: {error}") from error
    strike = (int(strike_digits) * _STRIKE_UNIT).normalize()
    right = OptionRight.CALL if right_letter == "C" else OptionRight.PUT
    index = _INDEX_CLASSES.get(root)
    if index is not None:
        below = _plain(index, SecurityType.INDEX, reference)
        kind, name, shown = SecurityType.INDEX_OPTION, root, root
    else:
        below = _plain(_DOTTED.get(root, root), SecurityType.EQUITY, reference)
        kind, name, shown = SecurityType.OPTION, identity(below.id).ticker, below.value
    european = index is not None and root not in _AMERICAN_CLASSES
    style = OptionStyle.EUROPEAN if european else OptionStyle.AMERICAN
    said = Identity(name, kind, "usa", expiry, strike, right, style, below.id)
    return Symbol.create(said.text, _lean_ticker(shown, expiry, right, strike_digits), kind, "usa")


def _lean_ticker(root: str, expiry: date, right: OptionRight, strike_digits: str) -> str:
    """Return LEAN's ticker of an option: OSI's, with six columns for the root."""
    name = root + " " if len(root) > 5 else root
    return f"{name:<6}{expiry:%y%m%d}{right.name[0]}{strike_digits}"
