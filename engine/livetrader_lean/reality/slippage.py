"""Slippage models: LEAN's, and what stands before the engine for those of the user's."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

from livetrader_engine.money import ZERO
from livetrader_engine.orders import slippage as core
from livetrader_engine.orders.order import OrderSpec
from livetrader_engine.securities import Security as CoreSecurity
from livetrader_lean.binding import Binding
from livetrader_lean.names import Twins, hook
from livetrader_lean.reality.calls import exact, method, order_of


class SlippageModel(Twins):
    """Base of slippage models; by itself fills are at the price seen."""

    @hook
    def get_slippage_approximation(self, asset: Any, order: Any) -> float:
        """Return how much worse than the price seen a fill is."""
        return 0.0


class _Native(SlippageModel):
    _core: core.SlippageModel

    @hook
    def get_slippage_approximation(self, asset: Any, order: Any) -> float:
        """Return how much worse than the price seen a fill is."""
        return float(self._core.slippage(asset._security, order._record.spec))


class NullSlippageModel(_Native):
    """Fills are at the price seen."""

    INSTANCE: ClassVar[NullSlippageModel]
    Instance: ClassVar[NullSlippageModel]

    def __init__(self) -> None:
        self._core = core.NoSlippage()


NullSlippageModel.INSTANCE = NullSlippageModel.Instance = NullSlippageModel()


class ConstantSlippageModel(_Native):
    """A part of the newest price."""

    def __init__(self, slippage_percent: float) -> None:
        self._core = core.ConstantSlippage(exact(slippage_percent))


class VolumeShareSlippageModel(_Native):
    """Grows with the order's share in the volume of the bar."""

    def __init__(self, volume_limit: float = 0.025, price_impact: float = 0.1) -> None:
        self._core = core.VolumeShareSlippage(exact(volume_limit), exact(price_impact))


class AlphaStreamsSlippageModel(_Native):
    """A ten-thousandth of an equity's price."""

    def __init__(self) -> None:
        self._core = core.ConstantSlippage(Decimal("0.0001"))


class UserSlippage:
    """The engine's slippage model in front of one of the user's."""

    def __init__(self, model: Any, binding: Binding) -> None:
        self.model = model
        self._binding = binding
        self._ask = method(model, "get_slippage_approximation")

    def slippage(self, security: CoreSecurity, spec: OrderSpec) -> Decimal:
        """Return what the user's model says."""
        binding: Any = self._binding
        found = self._ask(binding.securities[security.symbol], order_of(binding, spec))
        return exact(found) if found else ZERO


def engine_slippage(model: Any, binding: Binding) -> core.SlippageModel:
    """Return what the engine asks."""
    if isinstance(model, _Native) and type(model).__module__ == __name__:
        return model._core
    return UserSlippage(model, binding)
