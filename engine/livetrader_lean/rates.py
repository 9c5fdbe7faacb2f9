"""Risk-free interest rates as LEAN's models give them: `model.get_interest_rate(time)`, a yearly ratio."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from livetrader_lean.names import Twins
from livetrader_lean.times import utc


class ConstantRiskFreeRateInterestRateModel(Twins):
    """The same rate at all times."""

    def __init__(self, risk_free_rate: float) -> None:
        self._rate = float(risk_free_rate)

    def get_interest_rate(self, time: datetime) -> float:
        """Return the rate."""
        return self._rate


class FuncRiskFreeRateInterestRateModel(Twins):
    """The rate that a function of the time gives."""

    def __init__(self, get_interest_rate_func: Callable[[datetime], Any]) -> None:
        self._rate = get_interest_rate_func

    def get_interest_rate(self, time: datetime) -> float:
        """Return the function's rate."""
        return float(self._rate(time))


def rate_of(value: Any) -> Any:
    """Return a model, of LEAN's or the user's own, as a function of UTC ns; anything else as it is."""
    if isinstance(value, type):
        return value
    read = getattr(value, "get_interest_rate", None) or getattr(value, "GetInterestRate", None)
    return value if read is None else lambda time_ns: float(read(utc(time_ns)))


RATES: Final = {
    "ConstantRiskFreeRateInterestRateModel": ConstantRiskFreeRateInterestRateModel,
    "FuncRiskFreeRateInterestRateModel": FuncRiskFreeRateInterestRateModel,
}
