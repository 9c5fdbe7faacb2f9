"""Who keeps the models of a run's securities, and has the engine ask them. One per run."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from livetrader_engine.commands import LogLevel
from livetrader_engine.orders.order import OrderChange, OrderId
from livetrader_engine.orders.ticket import OrderRecord
from livetrader_engine.portfolio.models import SecurityModels
from livetrader_engine.symbols import Symbol as CoreSymbol
from livetrader_lean.binding import Binding
from livetrader_lean.order_requests import UpdateOrderRequest
from livetrader_lean.reality import fees, fills, looking, settlement, slippage
from livetrader_lean.reality.brokerage_model import DefaultBrokerageModel
from livetrader_lean.reality.buying_power import UserMargin
from livetrader_lean.reality.calls import exact, find, method, order_of
from livetrader_lean.reality.parameters import MarginInterestRateParameters
from livetrader_lean.reality.shortable import MarginInterestRateModel, NullShortableProvider
from livetrader_lean.times import utc

_MAKERS: Final[dict[str, str]] = {  # the model of a security -> what the brokerage model is asked for it
    "fill_model": "get_fill_model", "fee_model": "get_fee_model", "slippage_model": "get_slippage_model",
    "settlement_model": "get_settlement_model", "buying_power_model": "get_buying_power_model",
    "margin_interest_rate_model": "get_margin_interest_rate_model",
    "shortable_provider": "get_shortable_provider",
}  # fmt: skip
_VENUES_OWN: Final = frozenset({"fill_model", "slippage_model", "settlement_model"})


class Reality:
    """Keeps models by security; what nobody set is the brokerage model's, and asks nobody anything."""

    def __init__(self, binding: Binding) -> None:
        self._binding: Any = binding
        self._held: dict[CoreSymbol, dict[str, Any]] = {}
        self._shown: dict[CoreSymbol, dict[str, Any]] = {}
        self._hourly = False
        self.brokerage_model: Any = DefaultBrokerageModel()
        self.initializes = True  # whether securities get the brokerage model's models when they are added
        self._told = False

    def held(self, face: Any, name: str) -> Any:
        """Return the model that was set on a security, None where none was."""
        return self._held.get(face._security.symbol, {}).get(name)

    def get(self, face: Any, name: str) -> Any:
        """Return a security's model: what was set, else what the brokerage model says."""
        found = self.held(face, name)
        if found is not None:
            return found
        shown = self._shown.setdefault(face._security.symbol, {})
        if name in _UNUSUAL:
            return _UNUSUAL[name]
        if name not in shown:
            shown[name] = method(self.brokerage_model, _MAKERS[name])(face)
        return shown[name]

    def set(self, face: Any, name: str, model: Any) -> None:
        """Have a security trade by a model from now on."""
        binding, symbol = self._binding, face._security.symbol
        if binding.run.live and name in _VENUES_OWN:
            self._tell(name)
        _INSTALL[name](self, face, binding.engine.portfolio.models, model)
        self._held.setdefault(symbol, {})[name] = model

    def _tell(self, name: str) -> None:
        if not self._told:
            self._told = True
            text = f"{name}: live, fills, slippage and settlement are the brokerage's"
            self._binding.log(LogLevel.DEBUG, text)

    # -- how the engine learns of each kind -------------------------------------------------------------

    def _install_fees(self, face: Any, models: Any, model: Any) -> None:
        own: SecurityModels = models.own(face._security.symbol)
        own.fees = fees.engine_fees(model, self._binding)

    def _install_fills(self, face: Any, models: Any, model: Any) -> None:
        own: SecurityModels = models.own(face._security.symbol)
        own.fills = fills.engine_fills(model, self._binding)

    def _install_slippage(self, face: Any, models: Any, model: Any) -> None:
        own: SecurityModels = models.own(face._security.symbol)
        own.slippage = slippage.engine_slippage(model, self._binding)

    def _install_settlement(self, face: Any, models: Any, model: Any) -> None:
        own: SecurityModels = models.own(face._security.symbol)
        own.settlement = settlement.engine_settlement(model, self._binding)
        if isinstance(own.settlement, settlement.UserSettlement):
            self._each_hour()

    def _install_margin(self, face: Any, models: Any, model: Any) -> None:
        own: SecurityModels = models.own(face._security.symbol)
        margin = UserMargin(model, self._binding)
        own.margin = margin
        leverage = find(model, "get_leverage")
        if leverage is not None:
            face._security.leverage = exact(leverage(face))

    def _install_interest(self, face: Any, models: Any, model: Any) -> None:
        method(model, "apply_margin_interest_rate")
        if model is not MarginInterestRateModel.NULL:
            self._each_hour()

    def _install_provider(self, face: Any, models: Any, model: Any) -> None:
        method(model, "shortable_quantity")
        if model is not NullShortableProvider.INSTANCE:
            self._guard()

    def _install_filter(self, face: Any, models: Any, model: Any) -> None:
        keep = looking.filter_of(face, model)
        self._binding.engine.subscriptions.filters[face._security.symbol] = keep

    def _install_volatility(self, face: Any, models: Any, model: Any) -> None:
        watchers, watch = self._binding.engine.subscriptions.watchers, looking.watcher_of(face, model)
        if watch is None:
            watchers.pop(face._security.symbol, None)
        else:
            watchers[face._security.symbol] = watch

    # -- brokerage models -------------------------------------------------------------------------------

    def follow(self, model: Any) -> None:
        """Follow a brokerage model: its checks from now on, its models for securities without their own."""
        self.brokerage_model = model
        self._shown.clear()
        if type(model) is not DefaultBrokerageModel:
            self._guard()
        if self.initializes:
            for face in self._binding.securities.values():
                kept = face._security.leverage
                self.apply(model, face)
                face._security.leverage = kept

    def apply(self, model: Any, face: Any) -> None:
        """Give a security the models of a brokerage model; what is the engine's own anyway is left alone."""
        if self._binding.run.live:
            return
        if type(model) is not DefaultBrokerageModel:
            for name, maker in _MAKERS.items():
                made = method(model, maker)(face)
                if not self._usual(name, made, model):
                    self.set(face, name, made)
        if self.held(face, "buying_power_model") is None:
            face._security.leverage = exact(method(model, "get_leverage")(face))

    def _usual(self, name: str, made: Any, model: Any) -> bool:
        """Whether a model is what the engine does without being told."""
        if name in ("fill_model", "settlement_model", "buying_power_model"):
            base = getattr(DefaultBrokerageModel, _MAKERS[name])
            plain = getattr(type(model), _MAKERS[name], None) is base
            return plain and not (name == "buying_power_model" and made.free)
        if name == "fee_model":
            return type(made) in (fees.DefaultFees, fees.InteractiveBrokersFeeModel)
        return type(made) in _NOTHING

    # -- what is asked every hour and before each order ---------------------------------------------------

    def _each_hour(self) -> None:
        if not self._hourly:
            self._hourly = True
            self._binding.engine.portfolio.each_hour(self._charge)

    def _charge(self, now_ns: int) -> None:
        models = self._binding.engine.portfolio.models
        for face in self._binding.securities.values():
            interest = self.held(face, "margin_interest_rate_model")
            if interest is not None:
                charge = method(interest, "apply_margin_interest_rate")
                charge(MarginInterestRateParameters(face, utc(now_ns)))
            settles = models.of(face._security.symbol).settlement
            if isinstance(settles, settlement.UserSettlement):
                settles.look(face._security, now_ns)

    def _guard(self) -> None:
        self._binding.engine.orders.gate = Gate(self._binding)


_UNUSUAL: Final[dict[str, Any]] = {  # what no brokerage model says
    "data_filter": looking.SecurityDataFilter(), "volatility_model": looking.VolatilityModel.NULL,
}  # fmt: skip
_NOTHING: Final = (slippage.NullSlippageModel, MarginInterestRateModel, NullShortableProvider)
_INSTALL: Final[dict[str, Callable[[Reality, Any, Any, Any], None]]] = {
    "fee_model": Reality._install_fees, "fill_model": Reality._install_fills,
    "slippage_model": Reality._install_slippage, "settlement_model": Reality._install_settlement,
    "buying_power_model": Reality._install_margin, "margin_interest_rate_model": Reality._install_interest,
    "shortable_provider": Reality._install_provider, "data_filter": Reality._install_filter,
    "volatility_model": Reality._install_volatility,
}  # fmt: skip


class Gate:
    """The engine's OrderGate: the brokerage model's checks, and what may be sold short."""

    def __init__(self, binding: Binding) -> None:
        self._binding: Any = binding

    def short_problem(self, symbol: CoreSymbol, quantity: Decimal, changed: OrderId | None) -> str | None:
        """Return why a quantity cannot be sold short; live it is only told."""
        binding = self._binding
        if shortable(binding, symbol, quantity, changed):
            return None
        most = shortable_quantity(binding, symbol) or 0
        asked = quantity if changed is None else binding.engine.orders.get(changed).quantity
        text = f"Order exceeds shortable quantity {most:g} for Symbol {symbol.value} requested {asked:f})"
        if binding.run.live:
            binding.log(LogLevel.DEBUG, f"Warning: {text}")
            return None
        return text

    def submit_problem(self, record: OrderRecord) -> str | None:
        """Return why the brokerage model does not take an order."""
        ask = find(self._binding.reality.brokerage_model, "can_submit_order")
        if ask is None:
            return None
        face = self._binding.securities[record.symbol]
        taken, said = _answer(ask(face, order_of(self._binding, record.spec), None))
        if taken:
            return None
        told = "Warning - Code: InvalidOrder - " if said is None else said
        return f"BrokerageModel declared unable to submit order: [{record.id}] {told}"

    def update_problem(self, record: OrderRecord, change: OrderChange) -> str | None:
        """Return why the brokerage model does not take a change."""
        ask = find(self._binding.reality.brokerage_model, "can_update_order")
        if ask is None or self._binding.run.live:
            return None
        face, order = self._binding.securities[record.symbol], order_of(self._binding, record.spec)
        taken, said = _answer(ask(face, order, UpdateOrderRequest(record.changes[-1]), None))
        if taken:
            return None
        code = f"BrokerageModel declared unable to update order: {record.id}"
        told = f"Warning - Code: InvalidRequest - {code}" if said is None else said
        return f"OrderID: {record.id} {told}"


def _answer(given: Any) -> tuple[bool, Any]:
    """Return whether, and what was said: a user's model may answer with either or both."""
    return (bool(given[0]), given[1]) if isinstance(given, tuple) else (bool(given), None)


def shortable_quantity(binding: Any, symbol: CoreSymbol) -> int | None:
    """Return how much of a security may be sold short, None for any quantity."""
    face = binding.securities[symbol]
    provider = binding.reality.get(face, "shortable_provider")
    found: int | None = method(provider, "shortable_quantity")(face.symbol, face.local_time)
    return found


def shortable(binding: Any, symbol: CoreSymbol, quantity: Decimal, changed: OrderId | None = None) -> bool:
    """Return whether so much more may be sold short. Source: QCAlgorithm.Shortable."""
    most = shortable_quantity(binding, symbol)
    if most is None:
        return True
    orders, limit = binding.engine.orders, -Decimal(most)
    coming = sum((item.remaining for item in orders.open_orders(symbol) if item.id != changed), Decimal(0))
    held = binding.engine.portfolio.quantity(symbol)
    if held + coming <= limit:
        return False
    return bool(held - abs(quantity) + coming >= limit)


__all__ = ["Gate", "Reality", "shortable", "shortable_quantity"]
