"""Fee models: LEAN's, and what stands before the engine for those of the user's.

A model of ours is the engine's fee model too: it answers `fee` with decimals. One that the user derives is
asked for `get_order_fee` in floats. Source: LEAN's Common/Orders/Fees. Only what concerns equities is here;
for other securities a brokerage's own model falls back to what it charges for them in LEAN, or refuses.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from livetrader_engine.money import ZERO
from livetrader_engine.orders import fees as core
from livetrader_engine.orders.order import OrderSpec
from livetrader_engine.securities import Security as CoreSecurity
from livetrader_engine.symbols import SecurityType
from livetrader_lean.binding import Binding
from livetrader_lean.names import Twins, hook
from livetrader_lean.order_events import OrderFee
from livetrader_lean.reality.calls import exact, method, order_of
from livetrader_lean.reality.parameters import OrderFeeParameters

_MODERATE: Final = Decimal(10)  # the engine estimates with models that never ask for more than this


class FeeModel(Twins):
    """Base of fee models; by itself it charges nothing."""

    @hook
    def get_order_fee(self, parameters: OrderFeeParameters) -> OrderFee:
        """Return the fee of filling an order completely."""
        return OrderFee(0.0, "USD")


class NativeFees(FeeModel):
    """A fee model of LEAN's that the engine asks directly."""

    moderate = True

    def fee(self, security: CoreSecurity, spec: OrderSpec) -> core.OrderFee:
        """Return the fee; free by default."""
        return core.NO_FEE

    def _asked(self, security: CoreSecurity, spec: OrderSpec) -> core.OrderFee:
        return self.fee(security, spec)

    @hook
    def get_order_fee(self, parameters: OrderFeeParameters) -> OrderFee:
        """Return the fee of filling an order completely."""
        order = parameters.order
        found = self._asked(parameters.security._security, order._record.spec)
        return OrderFee(float(found.amount), found.currency)


class ConstantFeeModel(NativeFees):
    """Every order costs the same."""

    def __init__(self, fee: float, currency: str = "USD") -> None:
        self._fee = core.OrderFee(abs(exact(fee)), str(currency))
        self.moderate = self._fee.amount <= _MODERATE

    def fee(self, security: CoreSecurity, spec: OrderSpec) -> core.OrderFee:
        """Return the amount."""
        return self._fee


class InteractiveBrokersFeeModel(NativeFees):
    """Interactive Brokers' schedule for US equities and forex."""

    def __init__(
        self, monthly_forex_trade_amount_in_us_dollars: float = 0,
        monthly_options_trade_amount_in_contracts: float = 0,
    ) -> None:  # fmt: skip
        self._schedule = core.InteractiveBrokersFees()

    def fee(self, security: CoreSecurity, spec: OrderSpec) -> core.OrderFee:
        """Return the fee in USD."""
        return self._schedule.fee(security, spec)


class AlphaStreamsFeeModel(InteractiveBrokersFeeModel):
    """The same for equities."""


class _PerShare(NativeFees):
    """So much for every share."""

    rate = ZERO
    moderate = False

    def __init__(self, fees_per_share: float | None = None) -> None:
        if fees_per_share is not None:
            self.rate = exact(fees_per_share)

    def fee(self, security: CoreSecurity, spec: OrderSpec) -> core.OrderFee:
        """Return rate times shares."""
        return core.OrderFee(self.rate * abs(spec.quantity), "USD")


class AxosFeeModel(_PerShare):
    """Axos Clearing."""

    rate = Decimal("0.0035")


class ExanteFeeModel(_PerShare):
    """Exante: two cents a share of US equities."""

    rate = Decimal("0.02")

    def __init__(self, forex_commission_rate: float = 0.25) -> None:
        super().__init__()


class _Hidden(_PerShare):
    """LEAN's engine never reaches the fee of these: they hide the base's method and do not override it.

    Asked by name they tell it, as in LEAN.
    """

    rate = Decimal("0.005")
    moderate = True

    def fee(self, security: CoreSecurity, spec: OrderSpec) -> core.OrderFee:
        """Return no fee."""
        return core.NO_FEE

    def _asked(self, security: CoreSecurity, spec: OrderSpec) -> core.OrderFee:
        return super().fee(security, spec)


class RBIFeeModel(_Hidden):
    """RBI."""


class WolverineFeeModel(_Hidden):
    """Wolverine."""


class AlpacaFeeModel(NativeFees):
    """Alpaca: free but for crypto."""


class CharlesSchwabFeeModel(NativeFees):
    """Charles Schwab: free but for options."""


class EzeFeeModel(NativeFees):
    """Eze: free."""


class FreeFeeModel(NativeFees):
    """Nothing costs anything: a constant fee of zero."""


class TDAmeritradeFeeModel(NativeFees):
    """TD Ameritrade: free but for options."""


class TastytradeFeeModel(NativeFees):
    """Tastytrade: free but for derivatives."""


class WebullFeeModel(NativeFees):
    """Webull: free but for index options."""


class PublicFeeModel(NativeFees):
    """Public.com: equities are free in regular hours."""

    def fee(self, security: CoreSecurity, spec: OrderSpec) -> core.OrderFee:
        """Return the fee by the hour the order was made."""
        if security.symbol.security_type is not SecurityType.EQUITY:
            return core.NO_FEE
        regular = security.hours.is_open(spec.created_ns)
        return core.NO_FEE if regular else core.OrderFee(_EXTENDED_HOURS_FEE, "USD")


_EXTENDED_HOURS_FEE: Final = Decimal("2.99")


class TradeStationFeeModel(NativeFees):
    """TradeStation: five dollars a trade, free for residents of the United States."""

    def __init__(self, us_resident: bool = True) -> None:
        self.us_resident = us_resident

    def fee(self, security: CoreSecurity, spec: OrderSpec) -> core.OrderFee:
        """Return the commission of a trade."""
        return core.OrderFee(ZERO if self.us_resident else Decimal(5), "USD")


class DefaultFees(NativeFees):
    """LEAN's default by security type, as a face."""

    def __init__(self) -> None:
        self._schedule = core.DefaultFees()

    def fee(self, security: CoreSecurity, spec: OrderSpec) -> core.OrderFee:
        """Return the fee."""
        return self._schedule.fee(security, spec)


class UserFees:
    """The engine's fee model in front of one of the user's."""

    moderate = False

    def __init__(self, model: Any, binding: Binding) -> None:
        self.model = model
        self._binding = binding
        self._ask = method(model, "get_order_fee")

    def fee(self, security: CoreSecurity, spec: OrderSpec) -> core.OrderFee:
        """Return what the user's model says; LEAN's engine takes it as a decimal of fifteen digits."""
        binding: Any = self._binding
        face = binding.securities[security.symbol]
        value = self._ask(OrderFeeParameters(face, order_of(binding, spec))).value
        return core.OrderFee(exact(value.amount), str(value.currency))


def engine_fees(model: Any, binding: Binding) -> core.FeeModel:
    """Return what the engine asks: the model itself where it is ours, else one that asks the user's."""
    if isinstance(model, NativeFees) and type(model).__module__ == __name__:
        return model
    return UserFees(model, binding)
