"""Which models a security trades by: fees, slippage, fills, margin, settlement. Owned by the portfolio.

A security without models of its own goes by the account's. The models are asked, never told: an algorithm
replaces them, the engine reads them for every order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from livetrader_engine.money import ONE, ZERO
from livetrader_engine.orders.fees import DefaultFees, FeeModel
from livetrader_engine.orders.fills import FillModel, StandardFills
from livetrader_engine.orders.order import OrderSpec
from livetrader_engine.orders.slippage import NoSlippage, SlippageModel
from livetrader_engine.portfolio.settlement import SettlementModel, StandardSettlement
from livetrader_engine.securities import Security
from livetrader_engine.symbols import Symbol


class MarginModel(Protocol):
    """Says which part of a position's value must be there as margin.

    `free_ratio` is the part of the equity that orders must leave alone.
    """

    @property
    def free_ratio(self) -> Decimal: ...

    def initial(self, security: Security, leverage: Decimal) -> Decimal:
        """Return the part of the value that opening a position takes."""
        ...

    def maintenance(self, security: Security, leverage: Decimal) -> Decimal:
        """Return the part of the value that holding a position binds."""
        ...


class OwnMargin:
    """A margin model of the algorithm's own: it decides on orders and targets too.

    What a subclass leaves to this class is the rule of `LeverageMargin`, made in `portfolio.margin`. Amounts
    are in account currency. `rules` is that rule, given by whoever calls.
    """

    free_ratio: Decimal = ZERO

    def initial(self, security: Security, leverage: Decimal) -> Decimal:
        """Return 1 / leverage."""
        return ONE / leverage

    maintenance = initial

    def leverage(self, security: Security) -> Decimal:
        """Return how much may be held per unit of margin."""
        return security.leverage

    def initial_margin(self, security: Security, quantity: Decimal, rule: AmountRule) -> Decimal:
        """Return the margin that a position of this signed quantity takes, signed."""
        return rule()

    def maintenance_margin(self, security: Security, rule: AmountRule) -> Decimal:
        """Return the margin that the position binds."""
        return rule()

    def order_problem(self, security: Security, spec: OrderSpec, rule: ReasonRule) -> str | None:
        """Return why the account cannot carry an order, None if it can."""
        return rule()

    def target_quantity(
        self, security: Security, ratio: Decimal, minimum: Decimal, rule: AmountRule
    ) -> Decimal:
        """Return the signed quantity to trade for a position whose margin is `ratio` of the equity."""
        return rule()


AmountRule = Callable[[], Decimal]
ReasonRule = Callable[[], "str | None"]


class LeverageMargin:
    """One over the leverage, both for opening and for holding. Source: LEAN's BuyingPowerModel."""

    def __init__(self, free_ratio: Decimal = ZERO) -> None:
        self.free_ratio = free_ratio

    def initial(self, security: Security, leverage: Decimal) -> Decimal:
        """Return 1 / leverage."""
        return ONE / leverage

    def maintenance(self, security: Security, leverage: Decimal) -> Decimal:
        """Return 1 / leverage."""
        return ONE / leverage


@dataclass(slots=True)
class SecurityModels:
    """The models of one security. Assign to replace one."""

    fees: FeeModel = field(default_factory=DefaultFees)
    slippage: SlippageModel = field(default_factory=NoSlippage)
    fills: FillModel = field(default_factory=StandardFills)
    margin: MarginModel = field(default_factory=LeverageMargin)
    settlement: SettlementModel = field(default_factory=StandardSettlement)


class AccountModels:
    """The models of every security: its own where it has any, else the account's `default`."""

    def __init__(self) -> None:
        self.default = SecurityModels()
        self._own: dict[Symbol, SecurityModels] = {}
        self.any_own = False  # whether any security has models of its own

    def of(self, symbol: Symbol) -> SecurityModels:
        """Return the models a security goes by; they may be the account's."""
        return self._own.get(symbol, self.default)

    def own(self, symbol: Symbol) -> SecurityModels:
        """Return a security's own models, which begin as the account's; assign to them."""
        found = self._own.get(symbol)
        if found is None:
            base, self.any_own = self.default, True
            found = self._own[symbol] = SecurityModels(
                base.fees, base.slippage, base.fills, base.margin, base.settlement
            )
        return found
