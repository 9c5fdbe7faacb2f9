"""Questions that several parts ask of TWS."""

from __future__ import annotations

from typing import Final, cast

from livetrader_engine.spi import PluginError, VenueError
from livetrader_engine.symbols import Symbol
from livetrader_plugins.ibkr import requests
from livetrader_plugins.ibkr.library import Contract, ContractDetails
from livetrader_plugins.ibkr.questions import RefusedError
from livetrader_plugins.ibkr.resolver import Resolver
from livetrader_plugins.ibkr.session import TwsSession

NO_SUCH_CONTRACT: Final = 200


async def contract_details(
    session: TwsSession, contract: Contract, *, urgent: bool = False
) -> list[ContractDetails]:
    """Return what TWS knows of a contract, nothing where there is none. Raises VenueError for silence.

    `urgent` where an order waits for the answer.
    """
    try:
        rows = await session.request(requests.CONTRACT_DETAILS, contract, urgent=urgent)
    except RefusedError as error:
        if error.code == NO_SUCH_CONTRACT:
            return []
        raise
    return [cast(ContractDetails, row.arguments[1]) for row in rows]


async def resolved(resolver: Resolver, symbol: Symbol) -> Contract:
    """Return the contract of a symbol. Raises VenueError, also for what IB cannot have."""
    try:
        return await resolver.resolve(symbol)
    except VenueError:
        raise
    except PluginError as error:
        raise VenueError(str(error)) from error
