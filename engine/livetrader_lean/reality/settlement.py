"""Settlement models: when the cash of a fill may be spent."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

from livetrader_engine.orders.order import Fill
from livetrader_engine.portfolio import settlement as core
from livetrader_engine.securities import Security as CoreSecurity
from livetrader_lean.binding import Binding
from livetrader_lean.names import Twins
from livetrader_lean.order_events import CashAmount
from livetrader_lean.reality.calls import find, method
from livetrader_lean.reality.parameters import (
    ApplyFundsSettlementModelParameters,
    ScanSettlementModelParameters,
)
from livetrader_lean.times import utc


class ImmediateSettlementModel(Twins):
    """At once."""

    def apply_funds(self, parameters: ApplyFundsSettlementModelParameters) -> None:
        """Book cash at once."""
        cash = parameters.cash_amount
        parameters.portfolio.cash_book[cash.currency].add_amount(cash.amount)

    def scan(self, parameters: ScanSettlementModelParameters) -> None:
        """Do nothing: nothing waits."""

    def get_unsettled_cash(self) -> None:
        """Return None: nothing waits."""
        return


class DelayedSettlementModel(Twins):
    """Sales settle some trading days later, at a time of day; buys at once."""

    def __init__(self, number_of_days: int, time_of_day: timedelta | time) -> None:
        moment = time_of_day if isinstance(time_of_day, time) else (_MIDNIGHT + time_of_day).time()
        self._core = core.DelayedSettlement(int(number_of_days), moment)


_MIDNIGHT: Final = datetime(2000, 1, 1)  # noqa: DTZ001 — a date of no meaning


class _Immediate:
    """The engine's model of cash that is there at once."""

    def due_ns(self, security: CoreSecurity, fill: Fill, *, cash_account: bool) -> int | None:
        """Return None: at once."""
        return None


class UserSettlement(core.OwnSettlement):
    """The engine's settlement model in front of one of the user's; scanned once an hour."""

    def __init__(self, model: Any, binding: Binding) -> None:
        self.model = model
        self._binding: Any = binding
        self._apply = method(model, "apply_funds")
        self._scan = find(model, "scan")

    def apply_funds(self, security: CoreSecurity, fill: Fill, amount: Decimal) -> None:
        """Have the user's model book what a fill brings."""
        binding, face = self._binding, self._binding.securities[security.symbol]
        cash = CashAmount(float(amount), security.properties.quote_currency)
        binding.engine.portfolio.cash.ensure(cash.currency)
        self._apply(
            ApplyFundsSettlementModelParameters(binding.portfolio, face, utc(fill.time_ns), cash, None)
        )

    def look(self, security: CoreSecurity, now_ns: int) -> None:
        """Have the user's model look whether cash settles."""
        if self._scan is not None:
            face = self._binding.securities[security.symbol]
            self._scan(ScanSettlementModelParameters(self._binding.portfolio, face, utc(now_ns)))


def engine_settlement(model: Any, binding: Binding) -> core.SettlementModel:
    """Return what the engine asks."""
    if type(model) is ImmediateSettlementModel:
        return _Immediate()
    if type(model) is DelayedSettlementModel:
        return model._core
    return UserSettlement(model, binding)
