"""Symbols, hours and properties without a data folder: implements ports.ReferenceData.

US equities and options trade on New York's calendar, which exchange_calendars knows for years; crypto
always; forex, futures and the rest on the hours that IB tells with a contract. What IB has told is kept in a
file, which the daemon reads in a thread, because its loop must not wait: there, only what is in memory is
known.

Corporate actions, old tickers and lenders IB does not tell: those come from the data folder.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Final

import msgspec

from livetrader_engine.calendar.hours import ExchangeHours, always_open_hours
from livetrader_engine.calendar.sessions import hours_from_exchange_calendars
from livetrader_engine.data.corporate_actions import CorporateAction
from livetrader_engine.errors import DataError
from livetrader_engine.securities import SecurityProperties
from livetrader_engine.shortable import Shortable
from livetrader_engine.spi import Context, PluginError
from livetrader_engine.symbols import (
    NS_PER_DAY,
    SecurityType,
    Symbol,
)
from livetrader_plugins.ibkr.library import ContractDetails
from livetrader_plugins.ibkr.numbers import number_of
from livetrader_plugins.ibkr.tradinghours import hours_of
from livetrader_plugins.sdk.new_york import symbol_of

FILE_NAME: Final = "facts.json"
FILE_LIMIT: Final = 16 * 2**20  # bytes read at most; a contract's facts are about 2 kB
CAPACITY: Final = 5_000  # contracts remembered; the one that was learnt first goes first
FRESH_NS: Final = NS_PER_DAY  # hours are told for some days ahead, so they are asked for again the next day
NEW_YORK: Final = "XNYS"
NO_RISK: Final = Decimal("0.01")  # the yearly rate that LEAN takes where nobody tells
_ON_NEW_YORK: Final = frozenset({SecurityType.EQUITY, SecurityType.OPTION, SecurityType.INDEX_OPTION})

Details = Callable[[Symbol], ContractDetails | None]


class Facts(msgspec.Struct, frozen=True):
    """What IB tells of a contract and its market; `seen_ns` is when."""

    trading: str
    liquid: str
    zone: str
    minimum_tick: Decimal
    size_increment: Decimal
    multiplier: Decimal
    currency: str
    description: str
    seen_ns: int


class IbkrReference:
    """Knows what the port needs. Thread-safe. Asks IB only outside of an event loop, through `details`."""

    def __init__(self, context: Context, details: Details) -> None:
        self._path = context.state_directory / FILE_NAME
        self._now_ns = context.now_ns
        self._report = context.report
        self._details = details
        self._lock = threading.RLock()
        self._facts: dict[str, Facts] = {}  # by symbol text, oldest first
        self._read_ns = -1  # modification time of the file as it was read
        self._hours: dict[Symbol, tuple[Facts, ExchangeHours]] = {}
        self._overridden: dict[Symbol, ExchangeHours] = {}

    def symbol(self, ticker: str, security_type: SecurityType, market: str) -> Symbol:
        """Return the symbol of a ticker. Raises DataError for an unknown market."""
        return symbol_of(ticker, security_type, market)

    def hours(self, symbol: Symbol) -> ExchangeHours:
        """Return when it trades. Raises DataError, naming the remedy, where that is not known."""
        found = self._overridden.get(symbol)
        if found is not None:
            return found
        if symbol.security_type in _ON_NEW_YORK and symbol.market == "usa":
            return hours_from_exchange_calendars(NEW_YORK)
        if symbol.security_type is SecurityType.CRYPTO:
            return always_open_hours()  # IB's own pauses are shorter than what a strategy should depend on
        facts = self._known(symbol)
        with self._lock:
            known = self._hours.get(symbol)
            if known is None or known[0] is not facts:
                known = facts, hours_of(facts.trading, facts.liquid, facts.zone)
                self._hours[symbol] = known
            return known[1]

    def override_hours(self, symbol: Symbol, hours: ExchangeHours) -> None:
        """Have a symbol trade at other hours from now on; streams that began keep theirs."""
        self._overridden[symbol] = hours

    def properties(self, symbol: Symbol) -> SecurityProperties:
        """Return lot size, price variation, multiplier and currency. Raises DataError where not known."""
        if symbol.security_type is SecurityType.EQUITY and symbol.market == "usa":
            return SecurityProperties()
        facts = self._known(symbol)
        return SecurityProperties(
            description=facts.description,
            quote_currency=facts.currency or "USD",
            contract_multiplier=facts.multiplier or Decimal(1),
            minimum_price_variation=facts.minimum_tick or Decimal("0.01"),
            lot_size=facts.size_increment or Decimal(1),
        )

    def interest_rate(self, day: date) -> Decimal:
        """Return one percent, whatever the day: IB tells no rates."""
        return NO_RISK

    def ticker_on(self, symbol: Symbol, day: date) -> str:
        """Return today's ticker: IB tells no other."""
        return symbol.value

    def security_id(self, symbol: Symbol, kind: str) -> str | None:
        """Return None: identifiers of other registries are not asked for."""
        return None

    def symbols_with_id(self, kind: str, value: str, day: date) -> Sequence[Symbol]:
        """Return nothing, see `security_id`."""
        return ()

    def corporate_actions(self, symbol: Symbol, first: date, last: date) -> Sequence[CorporateAction]:
        """Return nothing: IB tells none in advance, and adjusts prices itself."""
        return ()

    def shortable(self, symbol: Symbol, brokerage: str) -> Mapping[date, Shortable]:
        """Return nothing: what can be borrowed, IB says when it is ordered."""
        return {}

    # ---- what IB has told

    def _known(self, symbol: Symbol) -> Facts:
        with self._lock:
            on_a_loop = _on_a_loop()
            facts = self._facts.get(symbol.text) if on_a_loop else self._remembered(symbol)
            if facts is not None and self._now_ns() - facts.seen_ns < FRESH_NS:
                return facts
            if on_a_loop:
                if facts is None:
                    raise DataError(
                        f"the hours of {symbol.value} are not known here yet: they are asked for when it is "
                        "subscribed to"
                    )
                return facts
            try:
                details = self._details(symbol)
            except PluginError as error:
                if facts is not None:
                    return facts  # what was told earlier holds
                raise DataError(f"no hours and properties of {symbol.value}: {error}") from error
            if details is None:
                raise DataError(
                    f"Interactive Brokers knows no contract for {symbol.value}: check ticker, type and market"
                )
            facts = facts_of(details, self._now_ns())
            self._remember(symbol, facts)
            return facts

    def _remembered(self, symbol: Symbol) -> Facts | None:
        """Return the facts of a symbol; what another process has written since is read first."""
        if symbol.text not in self._facts:
            self._read()
        return self._facts.get(symbol.text)

    def _read(self) -> None:
        try:
            modified_ns = self._path.stat().st_mtime_ns
            if modified_ns == self._read_ns:
                return
            with self._path.open("rb") as file:
                found = msgspec.json.decode(file.read(FILE_LIMIT), type=dict[str, Facts])
        except FileNotFoundError:
            return
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            # a memory and nothing more: IB tells everything again, and the file is written anew
            self._report("facts_unreadable", level="warning", path=str(self._path), error=str(error))
            return
        self._read_ns = modified_ns
        self._facts = found | self._facts

    def _remember(self, symbol: Symbol, facts: Facts) -> None:
        self._facts.pop(symbol.text, None)
        self._facts[symbol.text] = facts
        while len(self._facts) > CAPACITY:
            del self._facts[next(iter(self._facts))]
        beside = self._path.with_suffix(".new")
        try:
            beside.write_bytes(msgspec.json.encode(self._facts))
            beside.replace(self._path)
        except OSError as error:
            self._report("facts_not_written", level="warning", path=str(self._path), error=str(error))


def facts_of(details: ContractDetails, seen_ns: int) -> Facts:
    """Return what contract details say of hours and properties."""
    contract = details.contract
    return Facts(
        trading=details.tradingHours,
        liquid=details.liquidHours,
        zone=details.timeZoneId,
        minimum_tick=number_of(details.minTick) or Decimal(0),
        size_increment=number_of(getattr(details, "sizeIncrement", None)) or Decimal(0),
        multiplier=number_of(contract.multiplier) or Decimal(0),
        currency=contract.currency,
        description=details.longName,
        seen_ns=seen_ns,
    )


def _on_a_loop() -> bool:
    """Return whether the calling thread runs an event loop, which must not wait."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
