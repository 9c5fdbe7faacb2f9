"""What LEAN hands to models of fees, fills, margins and settlement, and what they give back."""

from __future__ import annotations

from typing import Any

from livetrader_lean.order_events import CashAmount, OrderFee
from livetrader_lean.views import Face

__all__ = ["CashAmount", "OrderFee"]


class OrderFeeParameters(Face):
    """A security and an order whose fee is asked for."""

    __slots__ = ("order", "security")

    def __init__(self, security: Any, order: Any) -> None:
        self.security, self.order = security, order


class FillModelParameters(Face):
    """What a fill model looks at."""

    __slots__ = ("config_provider", "order", "securities_for_orders", "security", "stale_price_time_span")

    def __init__(
        self, security: Any, order: Any, config_provider: Any = None, stale_price_time_span: Any = None,
        securities_for_orders: Any = None,
    ) -> None:  # fmt: skip
        self.security, self.order = security, order
        self.config_provider = config_provider
        self.stale_price_time_span = stale_price_time_span
        self.securities_for_orders = securities_for_orders


class Fill(Face):
    """The events that one look at the market caused."""

    __slots__ = ("events",)

    def __init__(self, events: Any) -> None:
        self.events = list(events) if isinstance(events, list | tuple) else [events]

    def __iter__(self) -> Any:
        return iter(self.events)

    def __len__(self) -> int:
        return len(self.events)


class _Amount(float):
    """A number that LEAN wraps: `value`, and itself."""

    @property
    def value(self) -> float:
        """The number."""
        return float(self)

    Value = value


class InitialMargin(_Amount):
    """What opening a position takes, in account currency."""


class MaintenanceMargin(_Amount):
    """What holding a position binds, in account currency."""


class BuyingPower(_Amount):
    """What an order may take, in account currency."""


class ReservedBuyingPowerForPosition(_Amount):
    """What a position binds, in account currency."""

    @property
    def absolute_used_buying_power(self) -> float:
        """The amount."""
        return float(self)

    AbsoluteUsedBuyingPower = absolute_used_buying_power


InitialMargin.ZERO = InitialMargin.Zero = InitialMargin(0)  # type: ignore[attr-defined]  # LEAN's constants
MaintenanceMargin.ZERO = MaintenanceMargin.Zero = MaintenanceMargin(0)  # type: ignore[attr-defined]


class _OfSecurity(Face):
    __slots__ = ("security",)

    def __init__(self, security: Any) -> None:
        self.security = security


class InitialMarginParameters(_OfSecurity):
    """A security and a signed quantity of it."""

    __slots__ = ("quantity",)

    def __init__(self, security: Any, quantity: float) -> None:
        super().__init__(security)
        self.quantity = quantity


class InitialMarginRequiredForOrderParameters(_OfSecurity):
    """A security and an order in it."""

    __slots__ = ("currency_converter", "order")

    def __init__(self, currency_converter: Any, security: Any, order: Any) -> None:
        super().__init__(security)
        self.currency_converter, self.order = currency_converter, order


class MaintenanceMarginParameters(_OfSecurity):
    """A security and a position in it."""

    __slots__ = ("holdings_cost", "holdings_value", "quantity")

    def __init__(self, security: Any, quantity: float, holdings_cost: float, holdings_value: float) -> None:
        super().__init__(security)
        self.quantity, self.holdings_cost, self.holdings_value = quantity, holdings_cost, holdings_value

    @property
    def absolute_quantity(self) -> float:
        """Quantity without sign."""
        return abs(self.quantity)

    @property
    def absolute_holdings_cost(self) -> float:
        """Cost without sign."""
        return abs(self.holdings_cost)

    @property
    def absolute_holdings_value(self) -> float:
        """Value without sign."""
        return abs(self.holdings_value)

    @staticmethod
    def for_current_holdings(security: Any) -> MaintenanceMarginParameters:
        """Return the parameters of the position that is held."""
        held = security.holdings
        return MaintenanceMarginParameters(security, held.quantity, held.holdings_cost, held.holdings_value)

    @staticmethod
    def for_quantity_at_current_price(security: Any, quantity: float) -> MaintenanceMarginParameters:
        """Return the parameters of a position at the newest price."""
        value = float(security.holdings.get_quantity_value(quantity))
        return MaintenanceMarginParameters(security, quantity, value, value)


class ReservedBuyingPowerForPositionParameters(_OfSecurity):
    """A security whose position binds margin."""

    __slots__ = ()

    def result_in_account_currency(self, reserved_buying_power: float) -> ReservedBuyingPowerForPosition:
        """Return the answer."""
        return ReservedBuyingPowerForPosition(reserved_buying_power)


class BuyingPowerParameters(_OfSecurity):
    """A portfolio, a security, and the side of an order."""

    __slots__ = ("direction", "portfolio")

    def __init__(self, portfolio: Any, security: Any, direction: int) -> None:
        super().__init__(security)
        self.portfolio, self.direction = portfolio, direction

    def result_in_account_currency(self, buying_power: float) -> BuyingPower:
        """Return the answer."""
        return BuyingPower(buying_power)

    def result(self, buying_power: float, currency: str) -> BuyingPower:
        """Return the answer; the currency says nothing, in LEAN too."""
        return BuyingPower(buying_power)


class HasSufficientBuyingPowerForOrderResult(Face):
    """Whether the account can carry an order, and why not."""

    __slots__ = ("is_sufficient", "reason")

    def __init__(self, is_sufficient: bool, reason: str | None = None) -> None:
        self.is_sufficient, self.reason = bool(is_sufficient), reason or ""


class HasSufficientBuyingPowerForOrderParameters(_OfSecurity):
    """A portfolio, a security, and an order."""

    __slots__ = ("order", "portfolio")

    def __init__(self, portfolio: Any, security: Any, order: Any) -> None:
        super().__init__(security)
        self.portfolio, self.order = portfolio, order

    def sufficient(self) -> HasSufficientBuyingPowerForOrderResult:
        """Return that the account can carry it."""
        return HasSufficientBuyingPowerForOrderResult(True)

    def insufficient(self, reason: str) -> HasSufficientBuyingPowerForOrderResult:
        """Return that it cannot."""
        return HasSufficientBuyingPowerForOrderResult(False, reason)


class GetMaximumOrderQuantityResult(Face):
    """A quantity to order, or why there is none."""

    __slots__ = ("is_error", "quantity", "reason")

    def __init__(self, quantity: float, reason: str | None = None, is_error: bool | None = None) -> None:
        self.quantity, self.reason = quantity, reason or ""
        self.is_error = bool(self.reason) if is_error is None else is_error


class GetMaximumOrderQuantityForTargetBuyingPowerParameters(_OfSecurity):
    """A position wanted, as a signed part of the equity that it binds."""

    __slots__ = (
        "minimum_order_margin_portfolio_percentage", "portfolio", "silence_non_error_reasons",
        "target_buying_power",
    )  # fmt: skip

    def __init__(
        self, portfolio: Any, security: Any, target_buying_power: float,
        minimum_order_margin_portfolio_percentage: float, silence_non_error_reasons: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(security)
        self.portfolio, self.target_buying_power = portfolio, target_buying_power
        self.minimum_order_margin_portfolio_percentage = minimum_order_margin_portfolio_percentage
        self.silence_non_error_reasons = silence_non_error_reasons


class GetMaximumOrderQuantityForDeltaBuyingPowerParameters(_OfSecurity):
    """More or less margin that a position shall bind."""

    __slots__ = (
        "delta_buying_power", "minimum_order_margin_portfolio_percentage", "portfolio",
        "silence_non_error_reasons",
    )  # fmt: skip

    def __init__(
        self, portfolio: Any, security: Any, delta_buying_power: float,
        minimum_order_margin_portfolio_percentage: float, silence_non_error_reasons: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(security)
        self.portfolio, self.delta_buying_power = portfolio, delta_buying_power
        self.minimum_order_margin_portfolio_percentage = minimum_order_margin_portfolio_percentage
        self.silence_non_error_reasons = silence_non_error_reasons


class MarginInterestRateParameters(_OfSecurity):
    """A security, and the UTC time of the hour that is charged."""

    __slots__ = ("time",)

    def __init__(self, security: Any, time: Any) -> None:
        super().__init__(security)
        self.time = time


class ApplyFundsSettlementModelParameters(_OfSecurity):
    """Cash that a fill brings or takes."""

    __slots__ = ("cash_amount", "fill", "portfolio", "utc_time")

    def __init__(
        self, portfolio: Any, security: Any, application_time_utc: Any, cash_amount: Any, fill: Any
    ) -> None:
        super().__init__(security)
        self.portfolio, self.utc_time = portfolio, application_time_utc
        self.cash_amount, self.fill = cash_amount, fill


class ScanSettlementModelParameters(_OfSecurity):
    """The UTC time at which unsettled cash is looked at."""

    __slots__ = ("portfolio", "utc_time")

    def __init__(self, portfolio: Any, security: Any, time_utc: Any) -> None:
        super().__init__(security)
        self.portfolio, self.utc_time = portfolio, time_utc


class GetMinimumPriceVariationParameters(_OfSecurity):
    """A security and a price."""

    __slots__ = ("reference_price",)

    def __init__(self, security: Any, reference_price: float) -> None:
        super().__init__(security)
        self.reference_price = reference_price
