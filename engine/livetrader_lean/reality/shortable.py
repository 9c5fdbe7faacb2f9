"""What may be sold short, and what it costs to hold: shortable providers and margin interest."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import ClassVar

from livetrader_engine.shortable import Shortable
from livetrader_lean.databases import Database
from livetrader_lean.names import Twins, hook
from livetrader_lean.reality.parameters import MarginInterestRateParameters
from livetrader_lean.symbols import Symbol

_DAYS_A_YEAR = 360  # of money markets


class NullShortableProvider(Twins):
    """Anything may be sold short, for nothing."""

    INSTANCE: ClassVar[NullShortableProvider]
    Instance: ClassVar[NullShortableProvider]

    @hook
    def fee_rate(self, symbol: Symbol, local_time: datetime) -> float:
        """Return what borrowing costs, a part of the value a year."""
        return 0.0

    @hook
    def rebate_rate(self, symbol: Symbol, local_time: datetime) -> float:
        """Return what lending brings, a part of the value a year."""
        return 0.0

    @hook
    def shortable_quantity(self, symbol: Symbol, local_time: datetime) -> int | None:
        """Return how much may be sold short, None for any quantity."""
        return None


NullShortableProvider.INSTANCE = NullShortableProvider.Instance = NullShortableProvider()


class LocalDiskShortableProvider(NullShortableProvider):
    """What the data folder tells of a brokerage, by symbol and date; dates that it lacks know no limit."""

    def __init__(self, brokerage: str) -> None:
        self.brokerage = str(brokerage).lower()
        self._held: dict[Symbol, Mapping[date, Shortable]] = {}

    def _row(self, symbol: Symbol, local_time: datetime) -> Shortable | None:
        rows = self._held.get(symbol)
        if rows is None:
            rows = self._held[symbol] = Database()._known().shortable(symbol.core, self.brokerage)
        return rows.get(local_time.date() if isinstance(local_time, datetime) else local_time)

    @hook
    def fee_rate(self, symbol: Symbol, local_time: datetime) -> float:
        """Return what borrowing costs, a part of the value a year."""
        row = self._row(symbol, local_time)
        return 0.0 if row is None else float(row.fee_rate)

    @hook
    def rebate_rate(self, symbol: Symbol, local_time: datetime) -> float:
        """Return what lending brings, a part of the value a year."""
        row = self._row(symbol, local_time)
        return 0.0 if row is None else float(row.rebate_rate)

    @hook
    def shortable_quantity(self, symbol: Symbol, local_time: datetime) -> int | None:
        """Return how much may be sold short, None for any quantity."""
        row = self._row(symbol, local_time)
        return None if row is None else row.quantity


class InteractiveBrokersShortableProvider(LocalDiskShortableProvider):
    """What the data folder tells of Interactive Brokers."""

    def __init__(self) -> None:
        super().__init__("interactivebrokers")


class MarginInterestRateModel(Twins):
    """Base of models of what holding costs; by itself nothing. Asked once an hour."""

    NULL: ClassVar[MarginInterestRateModel]
    Null: ClassVar[MarginInterestRateModel]

    @hook
    def apply_margin_interest_rate(self, parameters: MarginInterestRateParameters) -> None:
        """Charge or pay what the position costs or brings."""


MarginInterestRateModel.NULL = MarginInterestRateModel.Null = MarginInterestRateModel()


class ShortMarginInterestRateModel(MarginInterestRateModel):
    """Short positions pay the provider's fee rate, long ones earn its rebate rate, once a day.

    Source: LEAN's Equity/ShortMarginInterestRateModel.cs.
    """

    def __init__(self) -> None:
        self.amount = 0.0
        self._short = False
        self._since: datetime | None = None

    @hook
    def apply_margin_interest_rate(self, parameters: MarginInterestRateParameters) -> None:
        """Charge or pay the days since the last time."""
        security, now = parameters.security, parameters.time
        held = security.holdings
        if not held.invested:
            self._since = None
            return
        if self._since is None or self._short != held.is_short:
            self._short, self._since = held.is_short, now
            return
        if now.date() == self._since.date():
            return
        provider = security.shortable_provider
        rate = provider.fee_rate if self._short else provider.rebate_rate
        day = security.local_time.replace(hour=0, minute=0, second=0, microsecond=0)
        part = rate(security.symbol, day)
        if not part:
            self._since = None
            return
        days = (now.date() - self._since.date()).days
        fee = part * held.holdings_value / _DAYS_A_YEAR * days
        self.amount += fee
        security.quote_currency.add_amount(fee)
        self._since = now
