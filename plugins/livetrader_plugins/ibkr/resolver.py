"""Which contract a symbol means: asked of IB once, then remembered in memory and in a file."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

import msgspec

from livetrader_engine.ports import ReferenceData
from livetrader_engine.symbols import Symbol
from livetrader_plugins.ibkr.contracts import Description
from livetrader_plugins.ibkr.library import Contract, ContractDetails, Library

# Sends reqContractDetails and returns what came before the end marker: nothing for error 200, VenueError
# for silence.
Ask = Callable[[Contract], Awaitable[Sequence[ContractDetails]]]


class Listing(msgspec.Struct, frozen=True):
    """A contract with what IB says about trading it."""

    description: Description
    minimum_tick: Decimal
    size_increment: Decimal
    order_types: tuple[str, ...]
    time_zone: str
    seen_ns: int


class Resolver:
    """Owns the memory of contracts. One loop only. `load` before the first question."""

    def __init__(
        self,
        library: Library,
        ask: Ask,
        path: Path,
        *,
        now_ns: Callable[[], int],
        reference: ReferenceData | None = None,
        primary_exchanges: Mapping[str, str] | None = None,
    ) -> None:
        raise NotImplementedError

    async def load(self) -> None:
        """Read the file; one that cannot be read is set aside, since IB tells everything again."""
        raise NotImplementedError

    async def listing(self, symbol: Symbol) -> Listing:
        """Return the one contract of a symbol. Raises VenueError: unknown, ambiguous, or no answer."""
        raise NotImplementedError

    async def contract(self, symbol: Symbol) -> Contract:
        """Return the library's contract of a symbol, with its number. Raises as `listing`."""
        raise NotImplementedError

    async def symbol(self, contract: Contract) -> Symbol:
        """Return the symbol of a contract that IB named (position, order, trade); asks where it is new."""
        raise NotImplementedError

    def known_symbol(self, contract: Contract) -> Symbol | None:
        """Return the symbol of a contract that was met before, None where IB has to be asked."""
        raise NotImplementedError

    def known_contract(self, symbol: Symbol) -> Contract | None:
        """Return the contract of a symbol that was met before."""
        raise NotImplementedError
