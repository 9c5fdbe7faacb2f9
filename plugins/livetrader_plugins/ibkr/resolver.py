"""Which contract a symbol means: asked of IB once, then remembered in memory and in a file.

A conId never changes its meaning, but a ticker does: what was learnt longer than a week ago is asked again.
The file is a cache and nothing more. One that cannot be read is set aside, since IB tells everything again.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Final
from weakref import WeakValueDictionary

import msgspec

from livetrader_engine.errors import DataError
from livetrader_engine.spi import Context, VenueError
from livetrader_engine.symbols import NS_PER_DAY, NS_PER_SECOND, Symbol
from livetrader_plugins.ibkr import exchanges
from livetrader_plugins.ibkr.contracts import (
    Description,
    contract_of,
    described,
    description_of,
    opaque_symbol,
    symbol_of,
)
from livetrader_plugins.ibkr.library import Contract, ContractDetails, Library
from livetrader_plugins.ibkr.numbers import number_of
from livetrader_plugins.ibkr.refusals import Increments

FILE_NAME: Final = "contracts.json"
FILE_VERSION: Final = 1
CAPACITY: Final = 5_000  # contracts remembered; the one that was learnt first goes first
FILE_LIMIT: Final = 16 * 2**20  # bytes read at most: 5,000 contracts are 3 MB
FRESH_NS: Final = 7 * NS_PER_DAY  # a ticker that changes hands is noticed within a week
SILENCE_NS: Final = 60 * NS_PER_SECOND  # not asked again for so long: fifty positions would wait one by one
CANDIDATES_SHOWN: Final = 5  # of an ambiguous symbol, in the message

_USUAL_EXCHANGES: Final = {  # a position does not tell its exchange
    "STK": exchanges.SMART, "OPT": exchanges.SMART, "CFD": exchanges.SMART, "BOND": exchanges.SMART,
    "CASH": exchanges.IDEALPRO, "CRYPTO": exchanges.CRYPTO_EXCHANGES[0],
}  # fmt: skip

# Sends reqContractDetails and returns what came before the end marker: nothing where IB knows no such
# contract (error 200). Raises VenueError for silence.
Ask = Callable[[Contract], Awaitable[Sequence[ContractDetails]]]


class UnknownContractError(VenueError):
    """IB has answered that there is no such contract."""


class Listing(msgspec.Struct, frozen=True):
    """A contract with what IB says about trading it; `seen_ns` is when it said so."""

    description: Description
    minimum_tick: Decimal = Decimal(0)
    size_increment: Decimal = Decimal(0)
    order_types: tuple[str, ...] = ()
    time_zone: str = ""
    long_name: str = ""
    contract_month: str = ""
    seen_ns: int = 0

    @property
    def increments(self) -> Increments:
        """What refusals are decided by."""
        return Increments(self.minimum_tick, self.size_increment)


class _Entry(msgspec.Struct, frozen=True):
    symbol: str  # its text
    listing: Listing


class _File(msgspec.Struct, frozen=True):
    version: int
    entries: tuple[_Entry, ...]


class Resolver:
    """Owns the memory of contracts. One loop only. `load` comes before the first question.

    `primary_exchanges` decides between stocks of one ticker: ticker to IB's name of the exchange.
    """

    def __init__(
        self,
        library: Library,
        ask: Ask,
        context: Context,
        primary_exchanges: Mapping[str, str] | None = None,
    ) -> None:
        self._library = library
        self._ask = ask
        self._path = context.state_directory / FILE_NAME
        self._now_ns = context.now_ns
        self._report = context.report
        self._reference = context.reference
        self._primary = dict(primary_exchanges or {})
        self._listings: dict[Symbol, Listing] = {}  # oldest first
        self._symbols: dict[int, Symbol] = {}
        self._locks: WeakValueDictionary[object, asyncio.Lock] = WeakValueDictionary()
        self._saving = asyncio.Lock()
        self._silent_until_ns = 0  # IB did not answer: what is new is taken at its word until then

    # ---- the file

    async def load(self) -> None:
        """Read the file; one that cannot be read is set aside and told."""
        try:
            found = await asyncio.to_thread(_read, self._path)
        except _UNREADABLE as error:
            self._report("contract_cache_set_aside", level="warning", path=str(self._path), error=str(error))
            return
        for symbol, listing in found:
            self._remember(symbol, listing)

    async def _save(self) -> None:
        """Write the file whole. A disk that refuses costs a question at the next start, nothing else."""
        async with self._saving:
            entries = tuple(
                _Entry(symbol.text, listing) for symbol, listing in self._listings.items() if listing.seen_ns
            )
            data = msgspec.json.encode(_File(FILE_VERSION, entries))
            try:
                await asyncio.to_thread(_write, self._path, data)
            except OSError as error:
                self._report(
                    "contract_cache_not_written", level="warning", path=str(self._path), error=str(error)
                )

    def _remember(self, symbol: Symbol, listing: Listing) -> None:
        """Keep a contract. Of two symbols of one contract the one that was asked for last is told."""
        before = self._listings.pop(symbol, None)
        if before is not None and before.description.con_id != listing.description.con_id:
            self._symbols.pop(before.description.con_id, None)  # the ticker has changed hands
        self._listings[symbol] = listing
        self._symbols[listing.description.con_id] = symbol
        while len(self._listings) > CAPACITY:
            oldest = next(iter(self._listings))
            gone = self._listings.pop(oldest)
            self._symbols.pop(gone.description.con_id, None)

    # ---- from a symbol

    async def listing(self, symbol: Symbol) -> Listing:
        """Return the one contract of a symbol. Raises VenueError: unknown, ambiguous, or no answer.

        Where IB does not answer, what was learnt earlier holds.
        """
        lock = self._locks.setdefault(symbol, asyncio.Lock())
        async with lock:
            known = self._listings.get(symbol)
            now_ns = self._now_ns()
            if known is not None and now_ns - known.seen_ns < FRESH_NS:
                return known
            wanted = self._wanted(symbol)
            try:
                found = await self._details(wanted)
            except VenueError:
                if known is None:
                    raise
                return known
            made = chosen(symbol, wanted, found, now_ns)
            self._remember(symbol, made)
        await self._save()
        return made

    async def resolve(self, symbol: Symbol) -> Contract:
        """Return the library's contract of a symbol, with its number. Raises as `listing`."""
        return contract_of(self._library, (await self.listing(symbol)).description)

    def known_contract(self, symbol: Symbol) -> Contract | None:
        """Return the contract of a symbol that was met before, however long ago."""
        known = self._listings.get(symbol)
        return None if known is None else contract_of(self._library, known.description)

    def _wanted(self, symbol: Symbol) -> Description:
        wanted = description_of(symbol)
        primary = self._primary.get(symbol.value, "")
        return msgspec.structs.replace(wanted, primary_exchange=primary) if primary else wanted

    async def _details(self, wanted: Description) -> Sequence[ContractDetails]:
        found = await self._ask(contract_of(self._library, wanted))
        if not found and wanted.security_type == "CRYPTO":
            for exchange in exchanges.CRYPTO_EXCHANGES[1:]:
                other = msgspec.structs.replace(wanted, exchange=exchange)
                found = found or await self._ask(contract_of(self._library, other))
        return found

    # ---- from a contract

    def known_symbol(self, contract: Contract) -> Symbol | None:
        """Return the symbol of a contract that was met before, None where IB has to be asked."""
        return self._symbols.get(contract.conId)

    def symbol_now(self, contract: Contract) -> Symbol:
        """Return the symbol of a contract without asking: what is new is taken at its word until a restart.

        For news that cannot wait. From then on the contract has this symbol in positions and orders too.
        """
        known = self.known_symbol(contract)
        said = described(contract)
        if known is not None or not said.con_id or said.security_type == "BAG":
            return known or opaque_symbol(said)
        return self._named(_unseen(said))

    async def symbol_of(self, contract: Contract) -> Symbol:
        """Return the symbol of a contract that IB named (position, order, trade). Never raises.

        What is new is asked by its number, because a position does not tell where a stock is listed. A
        contract that LEAN has no name for gets an opaque symbol. Where IB does not answer, the contract is
        taken at its word: an account is shown whole, and can be sold, whatever else is broken.
        """
        known = self.known_symbol(contract)
        if known is not None:
            return known
        said = described(contract)
        if not said.con_id or said.security_type == "BAG":
            return opaque_symbol(said)
        listing = await self._asked_by_number(said)
        known = self.known_symbol(contract)  # somebody else may have asked at the same time
        if known is not None:
            return known
        symbol = self._named(listing)
        await self._save()
        return symbol

    def _named(self, listing: Listing) -> Symbol:
        """Give a contract its symbol; two contracts never share one."""
        symbol = symbol_of(listing.description, self._reference)
        other = self._listings.get(symbol)
        if other is not None and other.description.con_id != listing.description.con_id:
            symbol = opaque_symbol(listing.description)
        self._remember(symbol, listing)
        return symbol

    async def _asked_by_number(self, said: Description) -> Listing:
        """Return what IB says of a contract, or where it says nothing what the contract says of itself."""
        if self._now_ns() < self._silent_until_ns:
            return _unseen(said)
        try:
            found = await self._ask(contract_of(self._library, Description("", "", con_id=said.con_id)))
        except VenueError as error:
            self._silent_until_ns = self._now_ns() + SILENCE_NS
            self._report("contract_not_asked", level="warning", contract=said.words, error=str(error))
            return _unseen(said)
        return listing_of(found[0], self._now_ns()) if found else _unseen(said)


# ---- pure


def _unseen(said: Description) -> Listing:
    """Return what a contract says of itself; a position does not tell its exchange."""
    where = _USUAL_EXCHANGES.get(said.security_type, said.exchange)
    return Listing(msgspec.structs.replace(said, exchange=where))


def listing_of(details: ContractDetails, seen_ns: int) -> Listing:
    """Return what contract details say."""
    found = described(details.contract)
    exchange = found.exchange or details.validExchanges.split(",")[0]
    return Listing(
        msgspec.structs.replace(found, exchange=exchange),
        minimum_tick=number_of(details.minTick) or Decimal(0),
        size_increment=number_of(getattr(details, "sizeIncrement", None)) or Decimal(0),
        order_types=tuple(filter(None, details.orderTypes.split(","))),
        time_zone=details.timeZoneId,
        long_name=details.longName,
        contract_month=details.contractMonth,
        seen_ns=seen_ns,
    )


def chosen(symbol: Symbol, wanted: Description, found: Sequence[ContractDetails], seen_ns: int) -> Listing:
    """Return the one contract meant. Raises VenueError, naming the candidates and the remedy."""
    listings = [listing_of(details, seen_ns) for details in found]
    if not listings:
        raise UnknownContractError(
            f"Interactive Brokers knows no contract for {symbol.value} ({wanted.words}): check the ticker, "
            "the expiry, and that the account may trade it"
        )
    for narrower in _NARROWER:
        if len(listings) > 1:
            listings = [each for each in listings if narrower(wanted, each)] or listings
    numbers = {each.description.con_id for each in listings}
    if len(numbers) == 1:
        return listings[0]
    shown = "; ".join(each.description.words for each in listings[:CANDIDATES_SHOWN])
    more = f" and {len(listings) - CANDIDATES_SHOWN} more" if len(listings) > CANDIDATES_SHOWN else ""
    raise VenueError(
        f"{symbol.value} is ambiguous at Interactive Brokers: {shown}{more}. Name a stock's exchange in the "
        f'settings of the plugin: primary_exchanges = {{ "{symbol.value}" = "NYSE" }}'
    )


def _same_exchange(wanted: Description, found: Listing) -> bool:
    return found.description.exchange == wanted.exchange


def _same_class(wanted: Description, found: Listing) -> bool:
    own = wanted.trading_class or wanted.symbol
    return found.description.trading_class.replace(" ", "") == own.replace(" ", "")


def _listed_in_the_states(wanted: Description, found: Listing) -> bool:
    is_stock = wanted.security_type == "STK"
    return is_stock and found.description.primary_exchange in exchanges.US_LISTINGS


_NARROWER: Final = (_same_exchange, _listed_in_the_states, _same_class)


# ---- the disk


_UNREADABLE: Final = (OSError, msgspec.MsgspecError, UnicodeDecodeError, DataError, RecursionError)


def _read(path: Path) -> list[tuple[Symbol, Listing]]:
    """Return what the file has, nothing where there is none; one that cannot be read is renamed."""
    try:
        with path.open("rb") as file:
            data = file.read(FILE_LIMIT + 1)
    except FileNotFoundError:
        return []
    try:
        if len(data) > FILE_LIMIT:
            raise DataError(f"it is larger than {FILE_LIMIT} bytes")
        found = msgspec.json.decode(data, type=_File)
        entries = found.entries if found.version == FILE_VERSION else ()
        return [(Symbol.parse(entry.symbol), entry.listing) for entry in entries]
    except _UNREADABLE:
        path.replace(path.with_suffix(".unreadable"))
        raise


def _write(path: Path, data: bytes) -> None:
    """Replace the file; what was there stands until the new one is on the disk."""
    beside = path.with_suffix(".new")
    with beside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
