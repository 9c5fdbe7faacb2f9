"""Reference data of the chain: the store's, completed by what only another history knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import TypeVar

from livetrader_engine.calendar.hours import ExchangeHours
from livetrader_engine.data.corporate_actions import CorporateAction
from livetrader_engine.errors import DataError
from livetrader_engine.ports import ReferenceData
from livetrader_engine.securities import SecurityProperties
from livetrader_engine.shortable import Shortable
from livetrader_engine.spi_data import DateSpan
from livetrader_engine.symbols import SecurityType, Symbol

_Fact = TypeVar("_Fact")


class ChainReference:
    """Implements ports.ReferenceData. Thread-safe as those it asks are.

    Hours and properties are asked of the histories in their order, and the first that knows answers;
    everything else only the store knows. Corporate actions BLOCK while announcements are being fetched.
    """

    def __init__(
        self,
        store: ReferenceData,
        in_order: Sequence[ReferenceData],
        announced: Callable[[Symbol, DateSpan], None],
    ) -> None:
        """`announced(symbol, dates)` has the announcements of these dates stored, as far as they can be."""
        self._store = store
        self._in_order = tuple(in_order)
        self._announced = announced

    def symbol(self, ticker: str, security_type: SecurityType, market: str) -> Symbol:
        """Return the symbol of a ticker. Raises DataError for a market that is not known."""
        return self._store.symbol(ticker, security_type, market)

    def hours(self, symbol: Symbol) -> ExchangeHours:
        """Return the exchange's hours. Raises DataError of the store where nobody knows them."""
        return self._first(lambda reference: reference.hours(symbol))

    def override_hours(self, symbol: Symbol, hours: ExchangeHours) -> None:
        """Have a symbol trade at other hours from now on; streams that began keep theirs."""
        for reference in self._in_order:
            reference.override_hours(symbol, hours)

    def properties(self, symbol: Symbol) -> SecurityProperties:
        """Return lot size, price variation, multiplier and currency. Raises DataError of the store."""
        return self._first(lambda reference: reference.properties(symbol))

    def interest_rate(self, day: date) -> Decimal:
        """Return the yearly rate without risk of a day."""
        return self._store.interest_rate(day)

    def ticker_on(self, symbol: Symbol, day: date) -> str:
        """Return the ticker under which a security traded on a date."""
        return self._store.ticker_on(symbol, day)

    def security_id(self, symbol: Symbol, kind: str) -> str | None:
        """Return an identifier of another registry."""
        return self._store.security_id(symbol, kind)

    def symbols_with_id(self, kind: str, value: str, day: date) -> Sequence[Symbol]:
        """Return the securities with an identifier of another registry."""
        return self._store.symbols_with_id(kind, value, day)

    def corporate_actions(self, symbol: Symbol, first: date, last: date) -> Sequence[CorporateAction]:
        """Return what is known of these dates, after announcements that are missing were fetched."""
        self._announced(symbol, DateSpan(first, last))
        return self._store.corporate_actions(symbol, first, last)

    def shortable(self, symbol: Symbol, brokerage: str) -> Mapping[date, Shortable]:
        """Return what a brokerage lent of a security, by date."""
        return self._store.shortable(symbol, brokerage)

    def _first(self, ask: Callable[[ReferenceData], _Fact]) -> _Fact:
        trouble: DataError | None = None
        for reference in self._in_order:
            try:
                return ask(reference)
            except DataError as error:
                trouble = trouble or error
        if trouble is None:
            raise DataError("there is no history to ask")
        raise trouble
