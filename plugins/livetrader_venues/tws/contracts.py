"""What can be traded at the peer: contracts, how clients name them, and the catalogue of those it begins
with.

Numbers (conId) of stocks, of the index and of currency pairs are those that IB uses; those of futures and
options are made up, since the real ones expire. Prices are where a book begins, not facts about a market.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

SMART = "SMART"
FIRST_MADE_UP_ID = 700_000_001


@dataclass(frozen=True, slots=True)
class Contract:
    """One contract, as contract details and orders tell it."""

    con_id: int
    symbol: str
    security_type: str
    exchange: str
    currency: str
    local_symbol: str
    trading_class: str
    price: Decimal
    primary_exchange: str = ""
    last_trade_date: str = ""
    strike: Decimal = Decimal(0)
    right: str = ""
    multiplier: str = ""
    long_name: str = ""
    minimum_tick: Decimal = Decimal("0.01")
    size_increment: Decimal = Decimal(1)
    time_zone: str = "US/Eastern"
    under_id: int = 0

    @property
    def factor(self) -> Decimal:
        """Money per point of price and unit of quantity."""
        return Decimal(self.multiplier or 1)

    @property
    def has_price_in_quantity(self) -> bool:
        """Whether buying it exchanges money for the thing itself (futures do not)."""
        return self.security_type not in ("FUT", "CFD", "IND")


class Ambiguous(Exception):
    """A description fits several contracts, where one is needed: error 200 with IB's words."""


class Catalogue:
    """The contracts of a venue. It does not change while the venue runs."""

    def __init__(self, contracts: Iterable[Contract]) -> None:
        self._by_id = {contract.con_id: contract for contract in contracts}

    def __iter__(self) -> Iterator[Contract]:
        return iter(self._by_id.values())

    def get(self, con_id: int) -> Contract | None:
        """Return the contract with a number."""
        return self._by_id.get(con_id)

    def named(self, name: str) -> Contract:
        """Return the contract that a script names by symbol or local symbol. Raises KeyError."""
        for contract in self:
            if name in (contract.local_symbol, str(contract.con_id)):
                return contract
        return next(contract for contract in self if contract.symbol == name)

    def found(self, said: Mapping[str, str]) -> list[Contract]:
        """Return all contracts that fit what a client said; what it left empty fits everything."""
        return [contract for contract in self if _fits(contract, said)]

    def only(self, said: Mapping[str, str]) -> Contract | None:
        """Return the one contract that fits, None where none does. Raises Ambiguous where several do."""
        found = self.found(said)
        if len(found) > 1:
            raise Ambiguous(said.get("symbol", ""))
        return found[0] if found else None


def _fits(contract: Contract, said: Mapping[str, str]) -> bool:
    con_id = said.get("conId", "")
    if con_id not in ("", "0"):
        return contract.con_id == int(con_id)
    strike = said.get("strike", "")
    exchange = said.get("exchange", "")
    month = said.get("lastTradeDate", "")
    return (
        all(
            said.get(name, "") in ("", own)
            for name, own in (
                ("symbol", contract.symbol),
                ("secType", contract.security_type),
                ("currency", contract.currency),
                ("localSymbol", contract.local_symbol),
                ("tradingClass", contract.trading_class),
                ("multiplier", contract.multiplier),
                ("primaryExchange", contract.primary_exchange),
            )
        )
        and (not said.get("right") or said["right"][:1] == contract.right)
        and (exchange in ("", SMART, contract.exchange, contract.primary_exchange))
        and contract.last_trade_date.startswith(month)
        and (not strike or float(strike) in (0.0, float(contract.strike)))
        and bool(said.get("symbol") or said.get("localSymbol"))
    )


def stock(con_id: int, symbol: str, primary: str, price: str, name: str) -> Contract:
    """Return a stock of the United States."""
    shares = Decimal("0.0001")  # fractions of shares may be ordered
    return Contract(
        con_id,
        symbol,
        "STK",
        SMART,
        "USD",
        symbol,
        "NMS" if primary == "NASDAQ" else symbol,
        Decimal(price),
        primary_exchange=primary,
        long_name=name,
        size_increment=shares,
    )


def currency_pair(con_id: int, base: str, quote: str, price: str) -> Contract:
    """Return a pair of currencies, traded on IDEALPRO."""
    return Contract(
        con_id,
        base,
        "CASH",
        "IDEALPRO",
        quote,
        f"{base}.{quote}",
        f"{base}.{quote}",
        Decimal(price),
        long_name=f"{base}/{quote}",
        minimum_tick=Decimal("0.00005"),
    )


def future(con_id: int, symbol: str, local: str, expiry: str, price: str) -> Contract:
    """Return a future on CME."""
    return Contract(
        con_id,
        symbol,
        "FUT",
        "CME",
        "USD",
        local,
        symbol,
        Decimal(price),
        last_trade_date=expiry,
        multiplier="50",
        long_name=f"E-mini future {local}",
        minimum_tick=Decimal("0.25"),
        time_zone="US/Central",
    )


def _crypto(con_id: int, symbol: str, price: str) -> Contract:
    return Contract(
        con_id,
        symbol,
        "CRYPTO",
        "PAXOS",
        "USD",
        f"{symbol}.USD",
        symbol,
        Decimal(price),
        long_name=f"{symbol} in US dollars",
        size_increment=Decimal("0.00000001"),
    )


def options_on(
    under: Contract, first_id: int, expiries: Iterable[str], strikes: Iterable[int]
) -> list[Contract]:
    """Return calls and puts on a stock, numbered from `first_id`."""
    chain: list[Contract] = []
    for expiry in expiries:
        for strike in strikes:
            for right in ("C", "P"):
                worth = under.price - strike if right == "C" else strike - under.price
                code = f"{under.symbol:<6}{expiry[2:]}{right}{strike * 1000:08d}"
                chain.append(
                    Contract(
                        first_id + len(chain),
                        under.symbol,
                        "OPT",
                        SMART,
                        "USD",
                        code,
                        under.symbol,
                        max(worth, Decimal(0)) + Decimal(5),
                        last_trade_date=expiry,
                        strike=Decimal(strike),
                        right=right,
                        multiplier="100",
                        long_name=under.long_name,
                        under_id=under.con_id,
                    )
                )
    return chain


def standard() -> Catalogue:
    """Return the catalogue that a peer has where nobody says otherwise."""
    spy = stock(756733, "SPY", "ARCA", "100.00", "SPDR S&P 500 ETF TRUST")
    index = Contract(
        416904, "SPX", "IND", "CBOE", "USD", "SPX", "SPX", Decimal("1000.00"), long_name="S&P 500 Stock Index"
    )
    return Catalogue(
        [
            spy,
            stock(265598, "AAPL", "NASDAQ", "150.00", "APPLE INC"),
            stock(272093, "MSFT", "NASDAQ", "300.00", "MICROSOFT CORP"),
            stock(8314, "IBM", "NYSE", "140.00", "INTL BUSINESS MACHINES CORP"),
            stock(72063691, "BRK B", "NYSE", "350.00", "BERKSHIRE HATHAWAY INC-CL B"),
            stock(320227571, "QQQ", "NASDAQ", "200.00", "INVESCO QQQ TRUST SERIES 1"),
            currency_pair(12087792, "EUR", "USD", "1.10000"),
            currency_pair(12087797, "GBP", "USD", "1.25000"),
            _crypto(479624278, "BTC", "30000.00"),
            _crypto(495759171, "ETH", "2000.00"),
            index,
            future(FIRST_MADE_UP_ID, "ES", "ESH7", "20270319", "4000.00"),
            future(FIRST_MADE_UP_ID + 1, "ES", "ESM7", "20270618", "4010.00"),
            *options_on(spy, FIRST_MADE_UP_ID + 100, ("20270115", "20270219"), range(90, 111, 5)),
        ]
    )
