"""Accounts: cash, positions, what a fill does to them, what TWS reports of them.

The rules are simple and said here: a margin account needs a quarter of the value of its positions at the
start and a fifth to keep them, a cash account pays in full. All accounts are in US dollars; other
currencies convert at the rate of their pair.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from livetrader_venues.tws.contracts import Contract

BASE_CURRENCY = "USD"
INITIAL_MARGIN = Decimal("0.25")
MAINTENANCE_MARGIN = Decimal("0.20")
FUTURE_MARGIN = Decimal("0.06")  # of the value that a future stands for

PriceOf = Callable[[Contract], Decimal]


@dataclass(slots=True)
class Position:
    """What an account has of a contract; the account owns it."""

    contract: Contract
    quantity: Decimal = Decimal(0)
    average_price: Decimal = Decimal(0)
    realized: Decimal = Decimal(0)

    @property
    def average_cost(self) -> Decimal:
        """The average price times the multiplier, as IB tells it."""
        return self.average_price * self.contract.factor

    def add(self, quantity: Decimal, price: Decimal) -> Decimal:
        """Take a signed quantity at a price. Return the profit that it realizes."""
        before, after = self.quantity, self.quantity + quantity
        closed = min(abs(before), abs(quantity)) if before * quantity < 0 else Decimal(0)
        direction = 1 if before > 0 else -1
        profit = closed * direction * (price - self.average_price) * self.contract.factor
        if before * after <= 0:
            self.average_price = price if after else Decimal(0)
        elif abs(after) > abs(before):
            self.average_price = (before * self.average_price + quantity * price) / after
        self.quantity = after
        self.realized += profit
        return profit


@dataclass(slots=True)
class Account:
    """One account. The ledger owns it; the exchange books fills into it."""

    name: str
    is_margin: bool = True
    cash: dict[str, Decimal] = field(default_factory=lambda: {BASE_CURRENCY: Decimal(1_000_000)})
    positions: dict[int, Position] = field(default_factory=dict)
    realized: Decimal = Decimal(0)

    def position(self, contract: Contract) -> Position:
        """Return the position in a contract, an empty one where there is none."""
        return self.positions.setdefault(contract.con_id, Position(contract))

    def book(self, contract: Contract, quantity: Decimal, price: Decimal) -> Decimal:
        """Book a fill with a signed quantity. Return the realized profit."""
        profit = self.position(contract).add(quantity, price)
        self.realized += profit
        if contract.has_price_in_quantity:
            self.pay(contract.currency, -quantity * price * contract.factor)
        else:
            self.pay(contract.currency, profit)
        if contract.security_type == "CASH":
            self.pay(contract.symbol, quantity)
        return profit

    def pay(self, currency: str, amount: Decimal) -> None:
        """Add to the cash in a currency."""
        self.cash[currency] = self.cash.get(currency, Decimal(0)) + amount

    def held(self) -> Iterator[Position]:
        """Yield the positions that are not empty."""
        return (position for position in self.positions.values() if position.quantity)


@dataclass(frozen=True, slots=True)
class Worth:
    """An account in numbers at current prices, in its base currency."""

    cash: Decimal
    gross: Decimal
    net: Decimal
    initial: Decimal
    maintenance: Decimal
    unrealized: Decimal
    realized: Decimal
    buying_power: Decimal


def worth(account: Account, price_of: PriceOf, rate: Callable[[str], Decimal]) -> Worth:
    """Return what an account is worth. Pairs of currencies count as cash, not as positions."""
    cash = sum((amount * rate(currency) for currency, amount in account.cash.items()), Decimal(0))
    gross = stocks = unrealized = initial = maintenance = Decimal(0)
    for position in account.held():
        contract = position.contract
        price = price_of(contract)
        value = position.quantity * price * contract.factor * rate(contract.currency)
        gain = (
            position.quantity * (price - position.average_price) * contract.factor * rate(contract.currency)
        )
        unrealized += gain
        if contract.security_type == "CASH":
            continue
        gross += abs(value)
        stocks += value if contract.has_price_in_quantity else gain
        share = _margin(contract)
        initial += abs(value) * share
        maintenance += abs(value) * share * MAINTENANCE_MARGIN / INITIAL_MARGIN
    if not account.is_margin:
        initial = maintenance = gross
    net = cash + stocks
    free = net - initial
    power = max(free / INITIAL_MARGIN if account.is_margin else cash, Decimal(0))
    return Worth(cash, gross, net, initial, maintenance, unrealized, account.realized, power)


def margin_of(account: Account, contract: Contract, quantity: Decimal, price: Decimal) -> Decimal:
    """Return how the initial margin changes with a signed quantity; less is negative."""
    held = account.positions.get(contract.con_id)
    before = held.quantity if held is not None else Decimal(0)
    share = _margin(contract) if account.is_margin else Decimal(1)
    if contract.security_type == "CASH":
        share = Decimal("0.02")
    return (abs(before + quantity) - abs(before)) * price * contract.factor * share


def _margin(contract: Contract) -> Decimal:
    return INITIAL_MARGIN if contract.has_price_in_quantity else FUTURE_MARGIN


def commission(contract: Contract, quantity: Decimal, price: Decimal) -> Decimal:
    """Return IB's fixed-price commission of a fill, near enough for a simulation: minimum and maximum a
    fill.
    """
    if not price:
        return Decimal(0)  # options that were exercised or lapsed
    if contract.security_type == "STK":
        return max(
            min(quantity * Decimal("0.005"), quantity * price / 100), min(Decimal(1), quantity * price / 100)
        )
    if contract.security_type == "OPT":
        return max(quantity * Decimal("0.65"), Decimal(1))
    if contract.security_type == "FUT":
        return quantity * Decimal("2.25")
    if contract.security_type == "CRYPTO":
        return max(quantity * price * Decimal("0.0018"), Decimal("1.75"))
    return max(quantity * price * Decimal("0.00002"), Decimal(2))


VALUES = (
    ("NetLiquidation", "net"),
    ("TotalCashValue", "cash"),
    ("SettledCash", "cash"),
    ("EquityWithLoanValue", "net"),
    ("GrossPositionValue", "gross"),
    ("InitMarginReq", "initial"),
    ("MaintMarginReq", "maintenance"),
    ("FullInitMarginReq", "initial"),
    ("FullMaintMarginReq", "maintenance"),
    ("BuyingPower", "buying_power"),
)


def values(account: Account, now: Worth) -> list[tuple[str, str, str]]:
    """Return key, value and currency of everything that account updates tell, ledger by currency included."""
    rows = [
        ("AccountCode", account.name, ""),
        ("AccountType", "INDIVIDUAL", ""),
        ("AccountReady", "true", ""),
    ]
    rows += [(key, money(getattr(now, name)), BASE_CURRENCY) for key, name in VALUES]
    free = {"AvailableFunds": now.net - now.initial, "ExcessLiquidity": now.net - now.maintenance}
    for key, value in free.items():
        rows += [(key, money(value), BASE_CURRENCY), (f"Full{key}", money(value), BASE_CURRENCY)]
    return [*rows, *ledger(account, now)]


def ledger(account: Account, now: Worth) -> list[tuple[str, str, str]]:
    """Return the rows that stand once for each currency, and for BASE, which is all together."""
    rows = [
        ("CashBalance", money(now.cash), "BASE"),
        ("TotalCashBalance", money(now.cash), "BASE"),
        ("RealizedPnL", money(now.realized), "BASE"),
        ("UnrealizedPnL", money(now.unrealized), "BASE"),
        ("ExchangeRate", "1.00", "BASE"),
    ]
    for currency, amount in sorted(account.cash.items()):
        rows += [("CashBalance", money(amount), currency), ("TotalCashBalance", money(amount), currency)]
    return rows


def money(amount: Decimal) -> str:
    """Return an amount with two decimals."""
    return f"{amount:.2f}"
