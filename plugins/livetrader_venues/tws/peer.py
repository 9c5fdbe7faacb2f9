"""Put a gateway together: accounts, catalogue, seed."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from random import Random

from livetrader_venues.tws.contracts import Catalogue, standard
from livetrader_venues.tws.exchange import Exchange
from livetrader_venues.tws.gateway import Gateway
from livetrader_venues.tws.ledger import BASE_CURRENCY, Account
from livetrader_venues.tws.settings import Settings

DEFAULT_ACCOUNT = "DU1234567"  # DU is how IB's paper accounts begin


def gateway(
    *,
    accounts: Iterable[Account] = (),
    catalogue: Catalogue | None = None,
    settings: Settings | None = None,
    seed: int = 1,
    now_ns: int = 0,
) -> Gateway:
    """Return a TWS that runs, with nothing in its accounts but cash. The same seed gives the same run."""
    random = Random(seed)
    exchange = Exchange(
        catalogue or standard(),
        list(accounts) or [account(DEFAULT_ACCOUNT)],
        f"0000e0d5.{random.getrandbits(32):08x}",
    )
    return Gateway(exchange, settings or Settings(), random, now_ns)


def account(name: str, cash: Decimal = Decimal(1_000_000), *, is_margin: bool = True) -> Account:
    """Return an account with cash in dollars."""
    return Account(name, is_margin, {BASE_CURRENCY: cash})
