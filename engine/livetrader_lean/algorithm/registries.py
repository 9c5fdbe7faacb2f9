"""Identifiers of other registries: cusip, isin, sedol, composite figi and cik, to and from symbols."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from livetrader_engine.errors import AlgorithmError
from livetrader_lean.algorithm.part import Part
from livetrader_lean.names import known_as
from livetrader_lean.symbols import Symbol
from livetrader_lean.times import local


class RegistriesMixin(Part):
    """Each method goes both ways: a symbol gives its identifier, an identifier its symbol.

    None where the data folder's security database does not tell. A date, today by default, says under which
    ticker the symbol is found.
    """

    @known_as(cusip="value", symbol="value")
    def cusip(self, value: Any, trading_date: date | None = None) -> Any:
        """Return the cusip of a symbol, or the symbol of a cusip."""
        return self._one("cusip", value, trading_date)

    @known_as(composite_figi="value", symbol="value")
    def composite_figi(self, value: Any, trading_date: date | None = None) -> Any:
        """Return the composite figi of a symbol, or the symbol of one."""
        return self._one("composite_figi", value, trading_date)

    @known_as(sedol="value", symbol="value")
    def sedol(self, value: Any, trading_date: date | None = None) -> Any:
        """Return the sedol of a symbol, or the symbol of a sedol."""
        return self._one("sedol", value, trading_date)

    @known_as(isin="value", symbol="value")
    def isin(self, value: Any, trading_date: date | None = None) -> Any:
        """Return the isin of a symbol, or the symbol of an isin."""
        return self._one("isin", value, trading_date)

    @known_as(cik="value", symbol="value")
    def cik(self, value: Any, trading_date: date | None = None) -> Any:
        """Return the cik of a symbol, a number, or the list of symbols of a cik."""
        if isinstance(value, Symbol):
            found = value.cik
            return found
        return self._symbols("cik", str(value), trading_date)

    def _one(self, kind: str, value: Any, trading_date: date | None) -> Any:
        if isinstance(value, Symbol):
            return self._lean.engine.ports.reference.security_id(value.core, kind)
        found = self._symbols(kind, str(value or ""), trading_date)
        return found[0] if found else None

    def _symbols(self, kind: str, value: str, trading_date: date | None) -> list[Symbol]:
        today = local(self._lean.engine.clock.now_ns, self._lean.time_zone).date()
        day = trading_date.date() if isinstance(trading_date, datetime) else trading_date or today
        if day > today:
            raise AlgorithmError(f"the trading date {day} is after the algorithm's, {today}")
        reference = self._lean.engine.ports.reference
        return [Symbol(found) for found in reference.symbols_with_id(kind, value, day)]

    def ticker(self, symbol: Symbol) -> str:
        """Return the ticker that a symbol trades under today, at the algorithm's time."""
        today = local(self._lean.engine.clock.now_ns, self._lean.time_zone).date()
        return self._lean.engine.ports.reference.ticker_on(symbol.core, today)
