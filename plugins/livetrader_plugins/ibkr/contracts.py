"""What LEAN calls a symbol and IB a contract, both ways. Pure: nothing is asked, nothing is remembered.

A `Description` is a contract in plain words, as IB names its parts. `description_of` gives what a symbol
determines; the number and what else is missing comes from IB (resolver.py). What IB has and LEAN has no name
for becomes an opaque symbol: it carries IB's number, so it can be shown, counted and sold.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final

import msgspec

from livetrader_engine.errors import DataError
from livetrader_engine.identifiers import Identity, OptionRight, OptionStyle, identity
from livetrader_engine.ports import ReferenceData
from livetrader_engine.spi import VenueError
from livetrader_engine.symbols import SecurityType, Symbol, equity_identifier, plain_identifier
from livetrader_plugins.ibkr import exchanges
from livetrader_plugins.ibkr.library import Contract, Library
from livetrader_plugins.ibkr.numbers import number_of

OWN_MARKET: Final = "interactivebrokers"
OPAQUE_PREFIX: Final = "IBKR"  # of the ticker in an opaque symbol's identifier; IB's number follows
COMBINATION_ID: Final = 28812380  # IB gives every combination this number
_EQUITY_MULTIPLIER: Final = "100"
_DAYS: Final = timedelta(days=1)


class Description(msgspec.Struct, frozen=True):
    """A contract in IB's words; what is empty is not known."""

    security_type: str
    symbol: str
    exchange: str = ""
    currency: str = ""
    primary_exchange: str = ""
    expiry: str = ""  # last trading day, yyyymmdd
    strike: Decimal = Decimal(0)
    right: str = ""
    multiplier: str = ""
    trading_class: str = ""
    local_symbol: str = ""
    con_id: int = 0

    @property
    def words(self) -> str:
        """A line for people: `STK BRK B @ SMART/NYSE in USD (conId 72063691)`."""
        parts = [self.security_type, self.local_symbol or self.symbol, self.expiry]
        if self.strike:
            parts += [f"{self.strike}{self.right}"]
        where = "/".join(dict.fromkeys(filter(None, (self.exchange, self.primary_exchange))))
        parts += [f"@ {where}" if where else "", f"in {self.currency}" if self.currency else ""]
        parts += [f"class {self.trading_class}" if self.expiry and self.trading_class else ""]
        parts += [f"(conId {self.con_id})" if self.con_id else ""]
        return " ".join(filter(None, parts))


# ---- from LEAN to IB


def description_of(symbol: Symbol) -> Description:
    """Return what a symbol says about its contract. Raises VenueError for what IB cannot trade."""
    said = _identity(symbol)
    match symbol.security_type:
        case SecurityType.EQUITY:
            return _stock(symbol)
        case SecurityType.FOREX:
            return _pair(symbol)
        case SecurityType.CRYPTO:
            return _coin(symbol)
        case SecurityType.INDEX:
            exchange = exchanges.INDEX_EXCHANGES.get(symbol.value, "")
            return Description("IND", symbol.value, exchange=exchange, currency="USD" if exchange else "")
        case SecurityType.CFD:
            return Description("CFD", _spaced(symbol.value), exchange=exchanges.SMART)
        case SecurityType.FUTURE:
            return _future(symbol, said)
        case SecurityType.OPTION | SecurityType.INDEX_OPTION:
            return _option(symbol, said)
        case SecurityType.FUTURE_OPTION:
            return _future_option(symbol, said)
    number = opaque_number(symbol)
    if number is not None:
        return Description("", "", con_id=number)
    raise VenueError(
        f"{symbol.value}: Interactive Brokers cannot trade securities of type "
        f"{symbol.security_type.name}; take another brokerage for it"
    )


def contract_of(library: Library, described: Description) -> Contract:
    """Return the library's contract of a description, for requests and orders."""
    return library.contract(
        secType=described.security_type,
        conId=described.con_id,
        symbol=described.symbol,
        exchange=described.exchange,
        primaryExchange=described.primary_exchange,
        currency=described.currency,
        lastTradeDateOrContractMonth=described.expiry,
        strike=float(described.strike),
        right=described.right,
        multiplier=described.multiplier,
        tradingClass=described.trading_class,
        localSymbol=described.local_symbol,
    )


def described(contract: Contract) -> Description:
    """Return what a contract of the library says: of a position, an order, an execution, its details."""
    return Description(
        contract.secType,
        contract.symbol,
        exchange=contract.exchange,
        currency=contract.currency,
        primary_exchange=contract.primaryExchange,
        expiry=contract.lastTradeDateOrContractMonth.split("-")[0].split(" ")[0],
        strike=number_of(contract.strike) or Decimal(0),
        right={"CALL": "C", "PUT": "P", "0": "", "?": ""}.get(contract.right, contract.right),
        multiplier=contract.multiplier,
        trading_class=contract.tradingClass,
        local_symbol=contract.localSymbol,
        con_id=contract.conId,
    )


def _identity(symbol: Symbol) -> Identity:
    try:
        return identity(symbol.id)
    except DataError as error:
        raise VenueError(f"{symbol.value}: {error}") from error


def _spaced(ticker: str) -> str:
    """Return IB's spelling of a class of shares: BRK.B is `BRK B` there."""
    return ticker.replace(".", " ")


def _stock(symbol: Symbol) -> Description:
    if symbol.market != "usa":
        raise VenueError(
            f"{symbol.value}: stocks of the market {symbol.market!r} have no contract at IB here, "
            "only those of 'usa' have"
        )
    return Description("STK", _spaced(symbol.value), exchange=exchanges.SMART, currency="USD")


def _pair(symbol: Symbol) -> Description:
    if len(symbol.value) != 6 or not symbol.value.isalpha():
        raise VenueError(f"{symbol.value}: a currency pair is written with six letters, as EURUSD")
    base, quote = symbol.value[:3], symbol.value[3:]
    return Description("CASH", base, exchange=exchanges.IDEALPRO, currency=quote)


def _coin(symbol: Symbol) -> Description:
    base, quote = symbol.value[:-3], symbol.value[-3:]
    if quote != "USD" or not base:
        raise VenueError(f"{symbol.value}: IB trades crypto for US dollars only, as BTCUSD")
    return Description("CRYPTO", base, exchange=exchanges.CRYPTO_EXCHANGES[0], currency="USD")


def _future(symbol: Symbol, said: Identity) -> Description:
    return Description(
        "FUT",
        exchanges.FUTURE_SYMBOLS.get(said.ticker, said.ticker),
        exchange=_future_exchange(symbol, said),
        expiry=_written(_day(symbol, said)),
        trading_class=said.ticker if said.ticker in exchanges.FUTURE_SYMBOLS else "",
    )


def _future_exchange(symbol: Symbol, said: Identity) -> str:
    exchange = exchanges.FUTURE_EXCHANGES.get(said.market)
    if exchange is None:
        known = ", ".join(sorted(exchanges.FUTURE_EXCHANGES))
        raise VenueError(f"{symbol.value}: IB has no exchange for the market {said.market!r}; known: {known}")
    return exchange


def _option(symbol: Symbol, said: Identity) -> Description:
    below = identity(said.underlying).ticker if said.underlying else said.ticker
    day = _day(symbol, said)
    if symbol.security_type is SecurityType.INDEX_OPTION and said.ticker in exchanges.SETTLED_IN_THE_MORNING:
        day -= _DAYS
    of_index = symbol.security_type is SecurityType.INDEX_OPTION
    return Description(
        "OPT",
        _spaced(below),
        exchange=exchanges.SMART,
        currency="USD",
        expiry=_written(day),
        strike=said.strike,
        right=said.right.name[0],
        multiplier=_EQUITY_MULTIPLIER,
        trading_class=said.ticker if of_index else "",
    )


def _future_option(symbol: Symbol, said: Identity) -> Description:
    below = identity(said.underlying).ticker if said.underlying else said.ticker
    return Description(
        "FOP",
        exchanges.FUTURE_SYMBOLS.get(below, below),
        exchange=_future_exchange(symbol, said),
        expiry=_written(_day(symbol, said)),
        strike=said.strike,
        right=said.right.name[0],
    )


def _day(symbol: Symbol, said: Identity) -> date:
    if said.day is None:
        raise VenueError(
            f"{symbol.value} is a chain, not a contract: it has no expiry, so it cannot be traded or "
            "quoted; name one of its contracts"
        )
    return said.day


def _written(day: date) -> str:
    return f"{day:%Y%m%d}"


# ---- from IB to LEAN


def symbol_of(described: Description, reference: ReferenceData | None = None) -> Symbol:
    """Return the symbol of a contract, an opaque one where LEAN has no name for it. Never raises.

    `reference` knows the first trading day of an equity, which is part of its identity.
    """
    try:
        return _named(described, reference) or opaque_symbol(described)
    except (DataError, ValueError):  # a market, a date or a strike that has no place in an identifier
        return opaque_symbol(described)


def _named(described: Description, reference: ReferenceData | None) -> Symbol | None:
    in_dollars = described.currency == "USD"
    match described.security_type:
        case "STK" if in_dollars and described.primary_exchange in exchanges.US_LISTINGS:
            return _equity(described.symbol, reference)
        case "CASH" if len(described.symbol) == len(described.currency) == 3:
            return _plain(described.symbol + described.currency, SecurityType.FOREX, "oanda", reference)
        case "CRYPTO" if in_dollars:
            return _plain(described.symbol + "USD", SecurityType.CRYPTO, "coinbase", reference)
        case "IND" if described.symbol in exchanges.INDEX_EXCHANGES:
            return _plain(described.symbol, SecurityType.INDEX, "usa", reference)
        case "CFD":
            return _plain(_dotted(described.symbol), SecurityType.CFD, OWN_MARKET, None)
        case "FUT":
            return _future_symbol(described)
        case "OPT" if in_dollars:
            return _option_symbol(described, reference)
    return None


def _dotted(symbol: str) -> str:
    return symbol.replace(" ", ".")


def _equity(symbol: str, reference: ReferenceData | None) -> Symbol:
    ticker = _dotted(symbol)
    if reference is not None:
        return reference.symbol(ticker, SecurityType.EQUITY, "usa")
    return Symbol.create(equity_identifier(ticker, None), ticker, SecurityType.EQUITY, "usa")


def _plain(ticker: str, kind: SecurityType, market: str, reference: ReferenceData | None) -> Symbol:
    if reference is not None:
        return reference.symbol(ticker, kind, market)
    return Symbol.create(plain_identifier(ticker, kind, market), ticker.upper(), kind, market)


def _future_symbol(described: Description) -> Symbol | None:
    market = exchanges.FUTURE_MARKETS.get(described.exchange or described.primary_exchange)
    if market is None or len(described.expiry) != 8:
        return None
    root = exchanges.FUTURE_ROOTS.get(described.symbol, described.symbol)
    if described.trading_class and described.trading_class != root:
        return None  # a smaller or larger one of the same name: Silver's SI has SIL beside it
    day = _date(described.expiry)
    text = Identity(root, SecurityType.FUTURE, market, day).text
    return Symbol.create(text, future_ticker(root, day, described.local_symbol), SecurityType.FUTURE, market)


def future_ticker(root: str, day: date, local_symbol: str = "") -> str:
    """Return LEAN's ticker of a future, ES19H27: day, letter of the contract month, year.

    The month is that of IB's local symbol (`ESH7`) where it has one: some futures expire in another month.
    """
    letter, year = local_symbol[-2:-1], day.year
    if letter in exchanges.MONTH_LETTERS and letter and local_symbol[-1:].isdigit():
        month = exchanges.MONTH_LETTERS.index(letter) + 1
        year += (month - day.month < -6) - (month - day.month > 6)
    else:
        letter = exchanges.MONTH_LETTERS[day.month - 1]
    return f"{root}{day.day:02d}{letter}{year % 100:02d}"


def _option_symbol(described: Description, reference: ReferenceData | None) -> Symbol | None:
    own = described.trading_class or described.symbol
    of_index = described.symbol in exchanges.INDEX_EXCHANGES
    if len(described.expiry) != 8 or described.right not in ("C", "P"):
        return None
    if described.multiplier not in ("", _EQUITY_MULTIPLIER):
        return None  # changed by a corporate action, or a small one
    day = _date(described.expiry)
    if of_index:
        below = _plain(described.symbol, SecurityType.INDEX, "usa", reference)
        kind, ticker, style = SecurityType.INDEX_OPTION, own, OptionStyle.EUROPEAN
        if exchanges.INDEX_OPTION_CLASSES.get(own, own) != described.symbol:
            return None
        day += _DAYS if own in exchanges.SETTLED_IN_THE_MORNING else timedelta(0)
    elif own == described.symbol.replace(" ", ""):
        below = _equity(described.symbol, reference)
        kind, ticker, style = SecurityType.OPTION, identity(below.id).ticker, OptionStyle.AMERICAN
    else:
        return None  # of a changed share: 2SPY
    right = OptionRight.CALL if described.right == "C" else OptionRight.PUT
    said = Identity(ticker, kind, "usa", day, described.strike, right, style, below.id)
    value = option_ticker(ticker if of_index else below.value, day, right, described.strike)
    return Symbol.create(said.text, value, kind, "usa")


def option_ticker(root: str, day: date, right: OptionRight, strike: Decimal) -> str:
    """Return the ticker by which LEAN calls an option: OSI's, with six columns for the root."""
    name = root + " " if len(root) > 5 else root
    return f"{name:<6}{day:%y%m%d}{right.name[0]}{round(strike * 1000):08d}"


def _date(written: str) -> date:
    return datetime.strptime(written + " +0000", "%Y%m%d %z").date()


# ---- what has no name


def opaque_symbol(described: Description) -> Symbol:
    """Return the symbol of a contract that LEAN has no name for; its value is for people."""
    ticker = f"{OPAQUE_PREFIX}{described.con_id}"
    kind = SecurityType.BASE
    name = described.local_symbol or described.symbol
    value = " ".join(f"{described.security_type} {name} #{described.con_id}".split())
    return Symbol.create(plain_identifier(ticker, kind, OWN_MARKET), value, kind, OWN_MARKET)


def opaque_number(symbol: Symbol) -> int | None:
    """Return IB's number in an opaque symbol, None for every other."""
    ticker = symbol.id.partition(" ")[0]
    rest = ticker.removeprefix(OPAQUE_PREFIX)
    is_ours = symbol.security_type is SecurityType.BASE and symbol.market == OWN_MARKET and rest != ticker
    return int(rest) if is_ours and rest.isdigit() else None
