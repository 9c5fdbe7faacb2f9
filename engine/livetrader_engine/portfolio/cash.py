"""Cash by currency, with the rate that turns each into the account currency."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.money import ONE, ZERO
from livetrader_engine.securities import Security


class Cash:
    """Amount of one currency. `conversion` is the security whose price is the rate (EURUSD for EUR).

    `inverted`: the pair is quoted the other way round (USDJPY for JPY in a USD account).
    """

    __slots__ = ("amount", "conversion", "currency", "fixed_rate", "inverted", "unsettled")

    def __init__(self, currency: str, amount: Decimal = ZERO, fixed_rate: Decimal = ZERO) -> None:
        self.currency = currency
        self.amount = amount
        self.unsettled = ZERO
        self.fixed_rate = fixed_rate
        self.conversion: Security | None = None
        self.inverted = False

    @property
    def rate(self) -> Decimal:
        """Account currency per unit; zero as long as it is not known."""
        if self.conversion is None:
            return self.fixed_rate
        price = self.conversion.exact_price()
        if not price:
            return self.fixed_rate
        return ONE / price if self.inverted else price

    @property
    def value(self) -> Decimal:
        """Settled and unsettled amount in account currency."""
        return (self.amount + self.unsettled) * self.rate


class CashBook:
    """All cash of the account. The account currency is always there, at rate 1."""

    def __init__(self, account_currency: str = "USD") -> None:
        self.account_currency = account_currency
        self._by_currency = {account_currency: Cash(account_currency, fixed_rate=ONE)}
        # the account currency's cash, None where there is any other
        self.only: Cash | None = self._by_currency[account_currency]

    def __getitem__(self, currency: str) -> Cash:
        try:
            return self._by_currency[currency]
        except KeyError:
            raise AlgorithmError(
                f"there is no {currency} in the cash book; known: {', '.join(self)}"
            ) from None

    def __contains__(self, currency: object) -> bool:
        return currency in self._by_currency

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_currency)

    def __len__(self) -> int:
        return len(self._by_currency)

    def ensure(self, currency: str) -> Cash:
        """Return the cash of a currency, making an empty one where there is none."""
        found = self._by_currency.get(currency)
        if found is None:
            found = self._by_currency[currency] = Cash(currency)
            self.only = None
        return found

    def set(self, currency: str, amount: Decimal, rate: Decimal | None = None) -> Cash:
        """Make the amount of a currency what it is said to be; `rate` fixes its conversion rate."""
        cash = self.ensure(currency)
        cash.amount = amount
        if rate is not None and currency != self.account_currency:
            cash.fixed_rate = rate
        return cash

    def convert(self, amount: Decimal, currency: str) -> Decimal:
        """Return `amount` of `currency` in account currency. Raises AlgorithmError without a rate."""
        if currency == self.account_currency:
            return amount
        rate = self[currency].rate
        if not rate:
            raise AlgorithmError(
                f"there is no rate from {currency} to {self.account_currency}; add the currency pair"
            )
        return amount * rate

    def rate(self, currency: str) -> Decimal:
        """Return the rate of `currency` to the account currency; zero where it is not known."""
        if currency == self.account_currency:
            return ONE
        held = self._by_currency.get(currency)
        return ZERO if held is None else held.rate

    @property
    def total(self) -> Decimal:
        """Everything in account currency, unsettled cash included."""
        return sum((cash.value for cash in self._by_currency.values()), ZERO)

    def amounts(self) -> dict[str, Decimal]:
        """Return currency → amount, settled and unsettled together."""
        return {name: cash.amount + cash.unsettled for name, cash in self._by_currency.items()}
