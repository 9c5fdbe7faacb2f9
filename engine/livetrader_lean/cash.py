"""Cash by currency as an algorithm sees it: settled amounts; the unsettled have a book of their own."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from livetrader_engine.portfolio.cash import Cash
from livetrader_lean.binding import Binding
from livetrader_lean.names import twins
from livetrader_lean.order_requests import decimal
from livetrader_lean.order_text import currency_symbol, plain
from livetrader_lean.views import Face


class CashFace(Face):
    """Amount of one currency: settled, or unsettled in the book of unsettled cash."""

    __slots__ = ("_cash", "_unsettled")

    def __init__(self, cash: Cash, *, unsettled: bool = False) -> None:
        self._cash = cash
        self._unsettled = unsettled

    @property
    def _amount(self) -> Decimal:
        return self._cash.unsettled if self._unsettled else self._cash.amount

    @property
    def symbol(self) -> str:
        """The currency."""
        return self._cash.currency

    @property
    def currency_symbol(self) -> str:
        """The sign of the currency, its name where it has none."""
        return currency_symbol(self._cash.currency)

    @property
    def amount(self) -> float:
        """How much there is."""
        return float(self._amount)

    @property
    def conversion_rate(self) -> float:
        """Account currency per unit."""
        return float(self._cash.rate)

    @property
    def value_in_account_currency(self) -> float:
        """Amount in account currency."""
        return float(self._amount * self._cash.rate)

    def add_amount(self, amount: float) -> float:
        """Add to the amount and return it. In live trading the account's next report overwrites it."""
        self._set(self._amount + decimal(amount))
        return self.amount

    def set_amount(self, amount: float) -> None:
        """Make the amount this. In live trading the account's next report overwrites it."""
        self._set(decimal(amount))

    def _set(self, amount: Decimal) -> None:
        if self._unsettled:
            self._cash.unsettled = amount
        else:
            self._cash.amount = amount

    def __str__(self) -> str:
        sign = self.currency_symbol
        value = plain(self._amount * self._cash.rate)
        return f"{self.symbol}: {sign}{plain(self._amount)} @ {plain(self._cash.rate)} = {sign}{value}"


@twins
class ConvertibleCashAmount(float):
    """An amount with its cash; as a number it is the amount in account currency."""

    amount: float
    cash: CashFace | None

    def __new__(cls, amount: Decimal, cash: Cash | None) -> ConvertibleCashAmount:
        """Return an amount of a currency; without cash it counts as the account's."""
        made = super().__new__(cls, amount if cash is None else amount * cash.rate)
        made.amount = float(amount)
        made.cash = None if cash is None else CashFace(cash)
        return made

    @property
    def in_account_currency(self) -> float:
        """The amount in account currency."""
        return float(self)


class CashBook(Face):
    """Cash by currency."""

    __slots__ = ("_binding", "_unsettled")

    def __init__(self, binding: Binding, *, unsettled: bool = False) -> None:
        self._binding = binding
        self._unsettled = unsettled

    def __getitem__(self, currency: str) -> CashFace:
        held = self._binding.engine.portfolio.cash[str(currency).upper()]
        return CashFace(held, unsettled=self._unsettled)

    def __contains__(self, currency: object) -> bool:
        return str(currency).upper() in self._binding.engine.portfolio.cash

    def __iter__(self) -> Iterator[str]:
        return iter(self._binding.engine.portfolio.cash)

    def __len__(self) -> int:
        return len(self._binding.engine.portfolio.cash)

    def contains_key(self, currency: str) -> bool:
        """Return whether there is cash of a currency."""
        return currency in self

    def add(self, symbol: str, quantity: float, conversion_rate: float = 0.0) -> CashFace:
        """Put a currency in, with an amount and what a unit of it is worth in account currency."""
        book = self._binding.engine.portfolio.cash
        book.set(str(symbol).upper(), decimal(quantity), decimal(conversion_rate) or None)
        return self[symbol]

    def try_get_value(self, symbol: str, value: object = None) -> tuple[bool, CashFace | None]:
        """Return whether there is a currency, and its cash; `value` is .NET's out argument."""
        return (True, self[symbol]) if symbol in self else (False, None)

    @property
    def count(self) -> int:
        """How many currencies there are."""
        return len(self)

    def keys(self) -> list[str]:
        """Return the currencies."""
        return list(self)

    def values(self) -> list[CashFace]:
        """Return the cash of every currency."""
        return [self[currency] for currency in self]

    def items(self) -> list[tuple[str, CashFace]]:
        """Return currencies with their cash."""
        return [(currency, self[currency]) for currency in self]

    @property
    def account_currency(self) -> str:
        """The currency of the account."""
        return self._binding.engine.portfolio.cash.account_currency

    @property
    def total_value_in_account_currency(self) -> float:
        """All of it in account currency."""
        book = self._binding.engine.portfolio.cash
        faces = (self[currency] for currency in book)
        return float(sum((face._amount * face._cash.rate for face in faces), Decimal(0)))

    def convert_to_account_currency(self, amount: float, currency: str) -> float:
        """Return an amount of a currency in account currency."""
        return float(self._binding.engine.portfolio.cash.convert(decimal(amount), currency))

    def convert(self, amount: float, source: str, destination: str) -> float:
        """Return an amount of one currency in another."""
        book = self._binding.engine.portfolio.cash
        return float(book.convert(decimal(amount), source) / (book[destination].rate or Decimal(1)))

    def __str__(self) -> str:
        return "\n".join(str(face) for face in self.values())
