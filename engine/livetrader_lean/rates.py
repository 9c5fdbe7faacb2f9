"""Rates as LEAN's models give them, as yearly ratios.

Risk-free interest: `model.get_interest_rate(time)`; dividends: `model.get_dividend_yield(time, price)`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from typing import Any, Final

from livetrader_lean.names import Twins
from livetrader_lean.times import utc


class _RiskFree(Twins):
    """Base of models of the risk-free rate."""

    def get_interest_rate(self, time: datetime) -> float:
        """Return the rate of a day."""
        raise NotImplementedError

    def get_average_risk_free_rate(self, dates: Iterable[datetime]) -> float:
        """Return the mean of the rates of several days, zero without any."""
        rates = [self.get_interest_rate(day) for day in dates]
        return sum(rates) / len(rates) if rates else 0.0

    def get_risk_free_rate(self, start: datetime, end: datetime) -> float:
        """Return the mean of the rates of every day from the first to the last."""
        days = (end.date() - start.date()).days
        return self.get_average_risk_free_rate(start + timedelta(days=number) for number in range(days + 1))


class ConstantRiskFreeRateInterestRateModel(_RiskFree):
    """The same rate at all times."""

    def __init__(self, risk_free_rate: float) -> None:
        self._rate = float(risk_free_rate)

    def get_interest_rate(self, time: datetime) -> float:
        """Return the rate."""
        return self._rate


class FuncRiskFreeRateInterestRateModel(_RiskFree):
    """The rate that a function of the time gives."""

    def __init__(self, get_interest_rate_func: Callable[[datetime], Any]) -> None:
        self._rate = get_interest_rate_func

    def get_interest_rate(self, time: datetime) -> float:
        """Return the function's rate."""
        return float(self._rate(time))


class InterestRateProvider(_RiskFree):
    """The rates of the data folder: what statistics are made with where nothing else is set."""

    # reads the rate of a day; set by the run that this process is for
    read: Callable[[date], Any] | None = None

    def get_interest_rate(self, time: datetime) -> float:
        """Return the rate of a day."""
        read = InterestRateProvider.read
        return 0.0 if read is None else float(read(time.date() if isinstance(time, datetime) else time))


class ConstantDividendYieldModel(Twins):
    """The same yield at all times."""

    def __init__(self, dividend_yield: float) -> None:
        self._yield = float(dividend_yield)

    def get_dividend_yield(self, time: datetime, price: float = 0.0) -> float:
        """Return the yield."""
        return self._yield


def rate_of(value: Any) -> Any:
    """Return a model as a function of UTC ns (and of the price, for yields); anything else as it is."""
    if isinstance(value, type):
        return value
    read = getattr(value, "get_interest_rate", None) or getattr(value, "GetInterestRate", None)
    if read is not None:
        return lambda time_ns: float(read(utc(time_ns)))
    pay = getattr(value, "get_dividend_yield", None) or getattr(value, "GetDividendYield", None)
    return value if pay is None else lambda time_ns, price: float(pay(utc(time_ns), price))


RATES: Final = {
    "ConstantRiskFreeRateInterestRateModel": ConstantRiskFreeRateInterestRateModel,
    "ConstantDividendYieldModel": ConstantDividendYieldModel,
    "InterestRateProvider": InterestRateProvider,
    "FuncRiskFreeRateInterestRateModel": FuncRiskFreeRateInterestRateModel,
}
