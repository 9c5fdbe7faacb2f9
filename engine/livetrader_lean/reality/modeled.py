"""The models of one security: what an algorithm reads and sets on it."""

from __future__ import annotations

from typing import Any

from livetrader_engine.securities import Security as CoreSecurity
from livetrader_engine.securities import checked_leverage
from livetrader_lean.binding import Binding
from livetrader_lean.names import known_as
from livetrader_lean.reality.calls import exact, method
from livetrader_lean.views import Face


def _model(name: str, doc: str) -> Any:
    """Return a property that is kept by the run's `reality`, which tells the engine."""

    def read(face: Modeled) -> Any:
        return face._reality.get(face, name)

    def change(face: Modeled, model: Any) -> None:
        face._reality.set(face, name, model)

    return property(read, change, doc=doc)


class Modeled(Face):
    """The half of Security that says how it trades. Live, fills, fees and cash are the brokerage's."""

    _binding: Binding
    _security: CoreSecurity

    @property
    def _reality(self) -> Any:
        binding: Any = self._binding
        return binding.reality

    fee_model = _model("fee_model", "What a fill costs.")
    fill_model = _model("fill_model", "Whether and at what price an order trades.")
    slippage_model = _model("slippage_model", "How much worse than the price seen a fill is.")
    settlement_model = _model("settlement_model", "When the cash of a fill may be spent.")
    buying_power_model = _model("buying_power_model", "What positions bind and orders may take.")
    margin_model = buying_power_model
    margin_interest_rate_model = _model("margin_interest_rate_model", "What holding it costs or brings.")
    shortable_provider = _model("shortable_provider", "What may be sold short.")

    data_filter = _model("data_filter", "Which of its data the algorithm gets.")
    volatility_model = _model("volatility_model", "How much its price moves.")

    @known_as(data_filter="model", py_object="model")
    def set_data_filter(self, model: Any) -> None:
        """Say which data the algorithm gets: an object with filter(vehicle, data)."""
        self._reality.set(self, "data_filter", model)

    @known_as(volatility_model="model", py_object="model")
    def set_volatility_model(self, model: Any) -> None:
        """Say how much its price moves: an object with update(security, data) and `volatility`."""
        self._reality.set(self, "volatility_model", model)

    @known_as(fee_model="model")
    def set_fee_model(self, model: Any) -> None:
        """Say what a fill costs: a FeeModel, or an object with get_order_fee(parameters)."""
        self._reality.set(self, "fee_model", model)

    @known_as(fill_model="model")
    def set_fill_model(self, model: Any) -> None:
        """Say how orders fill: a FillModel, or an object with fill(parameters)."""
        self._reality.set(self, "fill_model", model)

    @known_as(slippage_model="model")
    def set_slippage_model(self, model: Any) -> None:
        """Say how far from the price seen fills are: get_slippage_approximation(asset, order)."""
        self._reality.set(self, "slippage_model", model)

    @known_as(settlement_model="model")
    def set_settlement_model(self, model: Any) -> None:
        """Say when cash settles: a settlement model, or an object with apply_funds(parameters)."""
        self._reality.set(self, "settlement_model", model)

    @known_as(buying_power_model="model", margin_model="model", py_object="model")
    def set_buying_power_model(self, model: Any) -> None:
        """Say what positions bind: a BuyingPowerModel, or an object with its methods."""
        self._reality.set(self, "buying_power_model", model)

    @known_as(buying_power_model="model", margin_model="model", py_object="model")
    def set_margin_model(self, model: Any) -> None:
        """Do what `set_buying_power_model` does."""
        self._reality.set(self, "buying_power_model", model)

    @known_as(margin_interest_rate_model="model", py_object="model")
    def set_margin_interest_rate_model(self, model: Any) -> None:
        """Say what holding it costs: an object with apply_margin_interest_rate(parameters)."""
        self._reality.set(self, "margin_interest_rate_model", model)

    @known_as(shortable_provider="model", py_object="model")
    def set_shortable_provider(self, model: Any) -> None:
        """Say what may be sold short: an object with shortable_quantity(symbol, local_time)."""
        self._reality.set(self, "shortable_provider", model)

    @property
    def leverage(self) -> float:
        """How much may be held per unit of margin."""
        return float(self._security.leverage)

    def set_leverage(self, leverage: float) -> None:
        """Change the leverage."""
        held = self._reality.held(self, "buying_power_model")
        if held is None:
            self._security.leverage = checked_leverage(exact(leverage))
            return
        method(held, "set_leverage")(self, leverage)
        self._security.leverage = exact(method(held, "get_leverage")(self))

    def set_market_price(self, data: Any) -> None:
        """Take in a bar or tick as its newest price."""
        if data is not None:
            self._security.update(data.core)

    def update(
        self, data: Any, data_type: Any = None, contains_fill_forward_data: bool | None = None
    ) -> None:
        """Take in several bars or ticks."""
        for point in data:
            self.set_market_price(point)
