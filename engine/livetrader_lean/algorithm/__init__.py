"""QCAlgorithm: LEAN's algorithm class, snake_case, every method handing over to the engine."""

from __future__ import annotations

from typing import Any

from livetrader_lean.algorithm.candlesticks import CandlesticksMixin
from livetrader_lean.algorithm.core import CallbacksMixin, OutputMixin, ParametersMixin
from livetrader_lean.algorithm.history import HistoryMixin
from livetrader_lean.algorithm.indicators import IndicatorsMixin
from livetrader_lean.algorithm.models import ModelsMixin
from livetrader_lean.algorithm.outside import OutsideMixin
from livetrader_lean.algorithm.plotting import PlottingMixin
from livetrader_lean.algorithm.registries import RegistriesMixin
from livetrader_lean.algorithm.scheduling import SchedulingMixin
from livetrader_lean.algorithm.settings import SettingsMixin
from livetrader_lean.algorithm.trading import MarketOrdersMixin, PricedOrdersMixin
from livetrader_lean.algorithm.universe import SecuritiesMixin
from livetrader_lean.parity import refuse


class QCAlgorithm(
    ParametersMixin,
    OutputMixin,
    CallbacksMixin,
    SecuritiesMixin,
    MarketOrdersMixin,
    PricedOrdersMixin,
    HistoryMixin,
    IndicatorsMixin,
    CandlesticksMixin,
    SchedulingMixin,
    ModelsMixin,
    PlottingMixin,
    SettingsMixin,
    RegistriesMixin,
    OutsideMixin,
):
    """Base of every algorithm. Its state is the engine's; members of LEAN it lacks raise NotInLivetrader."""

    def __getattr__(self, name: str) -> Any:
        if name == "_lean":
            raise AttributeError("this algorithm is not running: an engine makes it, do not call its class")
        return refuse(name)


__all__ = ["QCAlgorithm"]
