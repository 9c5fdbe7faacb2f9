"""Which fee and slippage models the settings name."""

from __future__ import annotations

from decimal import Decimal

from livetrader_engine.orders.fees import DefaultFees, FeeModel, FlatFee, NoFees
from livetrader_engine.orders.slippage import ConstantSlippage, NoSlippage, SlippageModel
from livetrader_plugins.paper.config import PaperConfig


def fee_model(config: PaperConfig) -> FeeModel:
    """Return the fee model that `fee_model` names."""
    if config.fee_model == "none":
        return NoFees()
    if config.fee_model == "flat":
        return FlatFee(Decimal(str(config.flat_fee)), config.currency)
    return DefaultFees()


def slippage_model(config: PaperConfig) -> SlippageModel:
    """Return the slippage that `slippage` asks for."""
    return ConstantSlippage(Decimal(str(config.slippage))) if config.slippage else NoSlippage()
