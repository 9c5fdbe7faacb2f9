"""Fill models: LEAN's, and what stands before the engine for those of the user's.

A user's model derives from `FillModel` or `EquityFillModel` and overrides `fill` or the method of a type of
order; what it leaves to the base goes by the engine's rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any, ClassVar, Final

import msgspec

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.money import normalized
from livetrader_engine.orders import fills as core
from livetrader_engine.orders.fees import OrderFee as CoreFee
from livetrader_engine.orders.order import OrderType
from livetrader_engine.orders.part import Part
from livetrader_engine.orders.slippage import NoSlippage, SlippageModel
from livetrader_engine.orders.states import FILLS
from livetrader_engine.orders.states import OrderStatus as CoreStatus
from livetrader_engine.securities import Security as CoreSecurity
from livetrader_lean.binding import Binding
from livetrader_lean.errors import NotInLivetrader
from livetrader_lean.names import Twins, hook
from livetrader_lean.order_drafts import OrderEventDraft
from livetrader_lean.reality.calls import exact, find, method, order_of, overrides
from livetrader_lean.reality.parameters import Fill, FillModelParameters
from livetrader_lean.subscriptions import SubscriptionDataConfigService

_STALE: Final = timedelta(hours=1)


class _Look:
    """One look at the market: the order as it stands, what the rules made of it, and when it is."""

    def __init__(self, order: core.WorkingOrder, now_ns: int, slippage: SlippageModel) -> None:
        self.order, self.now_ns, self.slippage = order, now_ns, slippage


class FillModel(Twins):
    """Base of fill models, with the rules of what is no equity."""

    rules: ClassVar[Mapping[OrderType, core.FillRule]] = core.BASE_RULES
    _look: _Look | None = None
    parameters: FillModelParameters | None = None

    @hook
    def fill(self, parameters: FillModelParameters) -> Fill:
        """Return what one look at the market does to an order."""
        self.parameters = parameters
        name = _METHODS.get(OrderType(int(parameters.order.type)))
        if name is None:
            raise AlgorithmError(f"there is no fill rule for {parameters.order.type} orders")
        return Fill([getattr(self, name)(parameters.security, parameters.order)])

    def _by_rule(self, asset: Any, order: Any, kind: OrderType) -> OrderEventDraft:
        binding = asset._binding
        look = self._look
        if look is None:  # asked by the algorithm, not by the engine
            spec = order._record.spec
            look = _Look(
                core.WorkingOrder.of(spec, spec.created_ns), binding.engine.clock.now_ns, NoSlippage()
            )
        security = asset._security

        def slip() -> Decimal:
            return look.slippage.slippage(security, look.order.spec)

        seen = look.order = self.rules[kind](look.order, security, look.now_ns, slip)
        event = OrderEventDraft.of(order, look.now_ns)
        if seen.price is not None:
            event.fill_at(seen.price, seen.spec.quantity, seen.message)
        return event

    @hook
    def market_fill(self, asset: Any, order: Any) -> OrderEventDraft:
        """Fill a market order."""
        return self._by_rule(asset, order, OrderType.MARKET)

    @hook
    def limit_fill(self, asset: Any, order: Any) -> OrderEventDraft:
        """Fill a limit order."""
        return self._by_rule(asset, order, OrderType.LIMIT)

    @hook
    def stop_market_fill(self, asset: Any, order: Any) -> OrderEventDraft:
        """Fill a stop order."""
        return self._by_rule(asset, order, OrderType.STOP_MARKET)

    @hook
    def stop_limit_fill(self, asset: Any, order: Any) -> OrderEventDraft:
        """Fill a stop limit order."""
        return self._by_rule(asset, order, OrderType.STOP_LIMIT)

    @hook
    def trailing_stop_fill(self, asset: Any, order: Any) -> OrderEventDraft:
        """Fill a trailing stop."""
        return self._by_rule(asset, order, OrderType.TRAILING_STOP)

    @hook
    def limit_if_touched_fill(self, asset: Any, order: Any) -> OrderEventDraft:
        """Fill a limit-if-touched order."""
        return self._by_rule(asset, order, OrderType.LIMIT_IF_TOUCHED)

    @hook
    def market_on_open_fill(self, asset: Any, order: Any) -> OrderEventDraft:
        """Fill a market-on-open order."""
        return self._by_rule(asset, order, OrderType.MARKET_ON_OPEN)

    @hook
    def market_on_close_fill(self, asset: Any, order: Any) -> OrderEventDraft:
        """Fill a market-on-close order."""
        return self._by_rule(asset, order, OrderType.MARKET_ON_CLOSE)

    @hook
    def get_prices(self, asset: Any, direction: int) -> Any:
        """Refuse: the rules choose their prices themselves."""
        raise NotInLivetrader("FillModel.get_prices")


_METHODS: Final[dict[OrderType, str]] = {
    OrderType.MARKET: "market_fill", OrderType.LIMIT: "limit_fill",
    OrderType.STOP_MARKET: "stop_market_fill", OrderType.STOP_LIMIT: "stop_limit_fill",
    OrderType.TRAILING_STOP: "trailing_stop_fill", OrderType.LIMIT_IF_TOUCHED: "limit_if_touched_fill",
    OrderType.MARKET_ON_OPEN: "market_on_open_fill", OrderType.MARKET_ON_CLOSE: "market_on_close_fill",
}  # fmt: skip


class ImmediateFillModel(FillModel):
    """The rules of what is no equity."""


class EquityFillModel(FillModel):
    """The rules of equities."""

    rules = core.EQUITY_RULES


class _RuleFills:
    """The engine's fill model of one family of rules, whatever the security is."""

    def __init__(self, rules: Mapping[OrderType, core.FillRule]) -> None:
        self._rules = rules

    def match(
        self, order: core.WorkingOrder, security: CoreSecurity, now_ns: int, slippage: SlippageModel
    ) -> core.WorkingOrder:
        """Return the order after one look."""
        rule = self._rules[order.spec.type]
        return rule(order, security, now_ns, lambda: slippage.slippage(security, order.spec))


class UserFills:
    """The engine's fill model in front of one of the user's."""

    def __init__(self, model: Any, binding: Binding) -> None:
        self.model = model
        self._binding: Any = binding
        self._fill = method(model, "fill")

    def match(
        self, order: core.WorkingOrder, security: CoreSecurity, now_ns: int, slippage: SlippageModel
    ) -> core.WorkingOrder:
        """Return the order after the user's model looked at the market."""
        binding, model = self._binding, self.model
        face, shown = binding.securities[security.symbol], order_of(binding, order.spec)
        look = _Look(order, now_ns, slippage)
        if isinstance(model, FillModel):
            model._look = look
        try:
            service = SubscriptionDataConfigService(binding)
            given = self._fill(FillModelParameters(face, shown, service, _STALE, {shown: face}))
        finally:
            if isinstance(model, FillModel):
                model._look = None
        events = [] if given is None else list(given) if isinstance(given, Fill | list | tuple) else [given]
        seen = look.order
        if seen.price is not None:
            seen = msgspec.structs.replace(seen, price=None, message="")
        return _told(seen, events[0]) if events else seen


def _told(seen: core.WorkingOrder, event: Any) -> core.WorkingOrder:
    """Return an order with what an event of a fill model says of it."""
    status, quantity = CoreStatus(int(event.status)), exact(event.fill_quantity)
    if not quantity and (status in FILLS or status not in _ENDS):
        return seen
    price = event.exact_price if isinstance(event, OrderEventDraft) else exact(event.fill_price)
    value = event.order_fee.value
    fee = CoreFee(exact(value.amount), str(value.currency)) if value.amount else None
    part = Part(quantity, status, fee)
    return msgspec.structs.replace(
        seen, price=normalized(price) if quantity else None, message=event.message or "", part=part
    )


_ENDS: Final = frozenset({CoreStatus.CANCELED, CoreStatus.INVALID})


def engine_fills(model: Any, binding: Binding) -> core.FillModel:
    """Return what the engine asks. Raises NotInLivetrader for models that choose their prices."""
    if isinstance(model, FillModel):
        if overrides(model, "get_prices", FillModel):
            raise NotInLivetrader("overriding FillModel.get_prices")
        if type(model).__module__ == __name__:
            return core.StandardFills() if isinstance(model, EquityFillModel) else _RuleFills(model.rules)
    elif find(model, "fill") is None:
        raise AlgorithmError(f"{type(model).__name__} is no fill model: it has no fill(parameters)")
    return UserFills(model, binding)


__all__ = ["EquityFillModel", "FillModel", "ImmediateFillModel", "engine_fills"]
