"""Buying power models: what positions bind and orders may take. LEAN's, and those that users derive.

As in LEAN, what a user's class overrides is asked by the engine (whether an order is carried, how much makes
a target, what a position binds), while the rules of the base count with the base's own margins.
Source: LEAN's Common/Securities/BuyingPowerModel.cs and its subclasses.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, ClassVar

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.money import ONE, ZERO
from livetrader_engine.orders.order import OrderDirection as CoreDirection
from livetrader_engine.orders.order import OrderSpec
from livetrader_engine.portfolio import margin
from livetrader_engine.portfolio.models import AmountRule, OwnMargin, ReasonRule
from livetrader_engine.securities import Security as CoreSecurity
from livetrader_lean.binding import Binding
from livetrader_lean.names import Twins, hook
from livetrader_lean.reality.calls import exact, method, order_of, overrides
from livetrader_lean.reality.parameters import (
    BuyingPower,
    BuyingPowerParameters,
    GetMaximumOrderQuantityForDeltaBuyingPowerParameters,
    GetMaximumOrderQuantityForTargetBuyingPowerParameters,
    GetMaximumOrderQuantityResult,
    HasSufficientBuyingPowerForOrderParameters,
    HasSufficientBuyingPowerForOrderResult,
    InitialMargin,
    InitialMarginParameters,
    InitialMarginRequiredForOrderParameters,
    MaintenanceMargin,
    MaintenanceMarginParameters,
    ReservedBuyingPowerForPosition,
    ReservedBuyingPowerForPositionParameters,
)


class _Ratios(Twins):
    """The parts of a position's value that the base counts with."""

    def __init__(self, *parts: float, **named: float) -> None:
        """Take nothing, a leverage and a free part, or initial, maintenance and free part."""
        if len(parts) == 3 or "initial_margin_requirement" in named:
            names = ("initial_margin_requirement", "maintenance_margin_requirement")
            given = dict(zip((*names, "free"), parts, strict=False)) | named
            self.initial, self.maintenance = exact(given[names[0]]), exact(given[names[1]])
            free = given.get("required_free_buying_power_percent", given.get("free", 0))
        else:
            leverage = exact(named.get("leverage", parts[0] if parts else 1))
            free = named.get("required_free_buying_power_percent", parts[1] if len(parts) > 1 else 0)
            self.initial = self.maintenance = ONE / _checked(leverage)
        self.free = exact(free)
        if not all(ZERO <= part <= ONE for part in (self.initial, self.maintenance, self.free)):
            raise AlgorithmError("margin requirements are parts of a value, from 0 to 1")

    def ratio(self, security: CoreSecurity, closed_by: Binding | None) -> Decimal:
        """Return by what the parts are multiplied now."""
        return ONE


def _checked(leverage: Decimal) -> Decimal:
    if leverage < 1:
        raise AlgorithmError(f"leverage must be at least 1, not {leverage}")
    return leverage


class BuyingPowerModel(_Ratios):
    """A part of the value is margin. Derive from it to decide in another way."""

    NULL: ClassVar[BuyingPowerModel]
    Null: ClassVar[BuyingPowerModel]

    @hook
    def get_leverage(self, security: Any) -> float:
        """Return how much may be held per unit of margin."""
        return float(ONE / self.initial) if self.initial else 1.0

    @hook
    def set_leverage(self, security: Any, leverage: float) -> None:
        """Change the leverage."""
        self.initial = self.maintenance = ONE / _checked(exact(leverage))

    @hook
    def get_initial_margin_requirement(self, parameters: InitialMarginParameters) -> InitialMargin:
        """Return the margin that opening a quantity takes, signed."""
        security = parameters.security._security
        portfolio = parameters.security._binding.engine.portfolio
        return InitialMargin(margin.initial_margin(portfolio, security, exact(parameters.quantity)))

    @hook
    def get_initial_margin_required_for_order(
        self, parameters: InitialMarginRequiredForOrderParameters
    ) -> InitialMargin:
        """Return the margin that an order takes, with its fee."""
        face, spec = parameters.security, parameters.order._record.spec
        portfolio = face._binding.engine.portfolio
        needed = margin.initial_margin(portfolio, face._security, spec.quantity)
        fee = portfolio.models.of(spec.symbol).fees.fee(face._security, spec)
        charged = portfolio.cash.convert(fee.amount, fee.currency)
        return InitialMargin(needed + (charged if needed > 0 else -charged if needed else ZERO))

    @hook
    def get_maintenance_margin(self, parameters: MaintenanceMarginParameters) -> MaintenanceMargin:
        """Return the margin that a position binds."""
        return MaintenanceMargin(exact(parameters.absolute_holdings_value) * self.maintenance)

    @hook
    def has_sufficient_buying_power_for_order(
        self, parameters: HasSufficientBuyingPowerForOrderParameters
    ) -> HasSufficientBuyingPowerForOrderResult:
        """Return whether the account can carry an order."""
        face, record = parameters.security, parameters.order._record
        portfolio = face._binding.engine.portfolio
        spec, filled = record.spec, record.filled_quantity
        reason = margin.standard_problem(portfolio, face._security, spec, filled)
        return HasSufficientBuyingPowerForOrderResult(reason is None, reason)

    @hook
    def get_maximum_order_quantity_for_target_buying_power(
        self, parameters: GetMaximumOrderQuantityForTargetBuyingPowerParameters
    ) -> GetMaximumOrderQuantityResult:
        """Return the quantity to order for a position that binds a part of the equity, signed."""
        face = parameters.security
        least = exact(parameters.minimum_order_margin_portfolio_percentage)
        found = margin.standard_quantity(
            face._binding.engine.portfolio, face._security, exact(parameters.target_buying_power), least
        )
        return GetMaximumOrderQuantityResult(float(found))

    @hook
    def get_maximum_order_quantity_for_delta_buying_power(
        self, parameters: GetMaximumOrderQuantityForDeltaBuyingPowerParameters
    ) -> GetMaximumOrderQuantityResult:
        """Return the quantity to order for a position that binds so much more than it does."""
        face = parameters.security
        portfolio = face._binding.engine.portfolio
        held = portfolio[face._security.symbol]
        used = margin.maintenance_margin(portfolio, held) * (1 if held.quantity > 0 else -1)
        equity = portfolio.total_value
        target = (used + exact(parameters.delta_buying_power)) / equity if equity else ZERO
        return self.get_maximum_order_quantity_for_target_buying_power(
            GetMaximumOrderQuantityForTargetBuyingPowerParameters(
                parameters.portfolio, face, float(target),
                parameters.minimum_order_margin_portfolio_percentage, parameters.silence_non_error_reasons,
            )
        )  # fmt: skip

    @hook
    def get_reserved_buying_power_for_position(
        self, parameters: ReservedBuyingPowerForPositionParameters
    ) -> ReservedBuyingPowerForPosition:
        """Return the margin that the position binds."""
        current = MaintenanceMarginParameters.for_current_holdings(parameters.security)
        return ReservedBuyingPowerForPosition(BuyingPowerModel.get_maintenance_margin(self, current))

    @hook
    def get_buying_power(self, parameters: BuyingPowerParameters) -> BuyingPower:
        """Return the margin that an order of a side may take."""
        face, side = parameters.security, CoreDirection(int(parameters.direction))
        return BuyingPower(margin.buying_power(face._binding.engine.portfolio, face._security, side))

    # -- what the engine asks of a model of ours --------------------------------------------------------

    def _initial_amount(self, quantity: Decimal, rule: AmountRule) -> Decimal:
        return rule()

    def _maintenance_amount(self, quantity: Decimal, rule: AmountRule) -> Decimal:
        return rule()


class SecurityMarginModel(BuyingPowerModel):
    """LEAN's model of margin accounts."""


class NullBuyingPowerModel(BuyingPowerModel):
    """Every order is carried, no position binds anything."""

    @hook
    def get_maintenance_margin(self, parameters: MaintenanceMarginParameters) -> MaintenanceMargin:
        """Return nothing."""
        return MaintenanceMargin(0)

    @hook
    def get_reserved_buying_power_for_position(
        self, parameters: ReservedBuyingPowerForPositionParameters
    ) -> ReservedBuyingPowerForPosition:
        """Return nothing."""
        return ReservedBuyingPowerForPosition(0)

    @hook
    def has_sufficient_buying_power_for_order(
        self, parameters: HasSufficientBuyingPowerForOrderParameters
    ) -> HasSufficientBuyingPowerForOrderResult:
        """Return that it is carried."""
        return parameters.sufficient()


BuyingPowerModel.NULL = BuyingPowerModel.Null = NullBuyingPowerModel()


class ConstantBuyingPowerModel(BuyingPowerModel):
    """So much account currency per unit, whatever its price; leverage is ignored."""

    def __init__(self, margin_required_per_unit_in_account_currency: float) -> None:
        super().__init__()
        self._amount = exact(margin_required_per_unit_in_account_currency)

    @hook
    def set_leverage(self, security: Any, leverage: float) -> None:
        """Do nothing."""

    @hook
    def get_maintenance_margin(self, parameters: MaintenanceMarginParameters) -> MaintenanceMargin:
        """Return quantity times the amount."""
        return MaintenanceMargin(exact(parameters.absolute_quantity) * self._amount)

    def _initial_amount(self, quantity: Decimal, rule: AmountRule) -> Decimal:
        return quantity * self._amount

    def _maintenance_amount(self, quantity: Decimal, rule: AmountRule) -> Decimal:
        return abs(quantity) * self._amount


class PatternDayTradingMarginModel(BuyingPowerModel):
    """Leverage 4 while the exchange is open and not about to close, else 2. Or what is given."""

    def __init__(self, closed_market_leverage: float = 2.0, open_market_leverage: float = 4.0) -> None:
        super().__init__(open_market_leverage)
        self._correction = exact(open_market_leverage) / exact(closed_market_leverage)

    @hook
    def set_leverage(self, security: Any, leverage: float) -> None:
        """Do nothing."""

    @hook
    def get_leverage(self, security: Any) -> float:
        """Return the leverage of this hour."""
        return float(ONE / (self.initial * self.ratio(security._security, security._binding)))

    def ratio(self, security: CoreSecurity, closed_by: Binding | None) -> Decimal:
        """Return more where the exchange is closed now or in ten minutes."""
        if closed_by is None:
            return ONE
        now_ns, hours = closed_by.engine.clock.now_ns, security.hours
        usual = hours.is_open(now_ns) and hours.is_open(now_ns + _CLOSING_SOON_NS)
        return ONE if usual else self._correction


_CLOSING_SOON_NS = 600 * 10**9


class UserMargin(OwnMargin):
    """The engine's margin model in front of a model of LEAN's or of the user's."""

    def __init__(self, model: Any, binding: Binding) -> None:
        self.model = model
        self._binding: Any = binding
        base = model if isinstance(model, BuyingPowerModel) else BuyingPowerModel()
        self._base = base
        self.free_ratio = base.free
        self._leverage = self._asked("get_leverage")
        self._problem = self._asked("has_sufficient_buying_power_for_order")
        self._target = self._asked("get_maximum_order_quantity_for_target_buying_power")
        self._reserved = self._asked("get_reserved_buying_power_for_position")

    def _asked(self, name: str) -> Callable[..., Any] | None:
        """Return a method that the model's class decides itself, None where the base's rule holds."""
        model = self.model
        if isinstance(model, BuyingPowerModel) and not overrides(model, name, BuyingPowerModel):
            return None
        return method(model, name)

    def _face(self, security: CoreSecurity) -> Any:
        return self._binding.securities[security.symbol]

    def initial(self, security: CoreSecurity, leverage: Decimal) -> Decimal:
        """Return the part of the value that opening takes."""
        return self._base.initial * self._base.ratio(security, self._binding)

    def maintenance(self, security: CoreSecurity, leverage: Decimal) -> Decimal:
        """Return the part of the value that holding binds."""
        return self._base.maintenance * self._base.ratio(security, self._binding)

    def leverage(self, security: CoreSecurity) -> Decimal:
        """Return how much may be held per unit of margin."""
        if self._leverage is not None:
            return exact(self._leverage(self._face(security)))
        return ONE / self._base.initial if self._base.initial else ONE

    def initial_margin(self, security: CoreSecurity, quantity: Decimal, rule: AmountRule) -> Decimal:
        """Return the margin of a quantity, signed."""
        return self._base._initial_amount(quantity, rule)

    def maintenance_margin(self, security: CoreSecurity, rule: AmountRule) -> Decimal:
        """Return what the position binds."""
        if self._reserved is not None:
            face = self._face(security)
            answer = self._reserved(ReservedBuyingPowerForPositionParameters(face))
            return exact(getattr(answer, "absolute_used_buying_power", answer))
        quantity = self._binding.engine.portfolio.quantity(security.symbol)
        return self._base._maintenance_amount(quantity, rule)

    def order_problem(self, security: CoreSecurity, spec: OrderSpec, rule: ReasonRule) -> str | None:
        """Return why an order is not carried."""
        if self._problem is None:
            return rule()
        parameters = HasSufficientBuyingPowerForOrderParameters(
            self._binding.portfolio, self._face(security), order_of(self._binding, spec)
        )
        answer = self._problem(parameters)
        return None if answer.is_sufficient else str(answer.reason)

    def target_quantity(
        self, security: CoreSecurity, ratio: Decimal, minimum: Decimal, rule: AmountRule
    ) -> Decimal:
        """Return the quantity to trade for a target."""
        if self._target is None:
            return rule()
        parameters = GetMaximumOrderQuantityForTargetBuyingPowerParameters(
            self._binding.portfolio, self._face(security), float(ratio), float(minimum)
        )
        return exact(self._target(parameters).quantity)
