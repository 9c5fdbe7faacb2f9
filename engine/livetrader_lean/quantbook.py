"""QuantBook: an algorithm without a run, for notebooks. Source: LEAN's Research/QuantBook.cs.

It is a QCAlgorithm whose clock stands still: `history` and indicators look back from there, nothing ever
arrives, and `set_start_date` moves it at any time. Members of LEAN's that it lacks are in quantbook.csv.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, Final

from livetrader_engine.engine import Engine
from livetrader_engine.errors import AlgorithmError
from livetrader_engine.portfolio.holdings import TransactionRecord
from livetrader_engine.statistics.charts import Point
from livetrader_engine.statistics.portfolio_statistics import (
    PeriodFacts,
    PortfolioStatistics,
    portfolio_statistics,
)
from livetrader_lean.algorithm import QCAlgorithm
from livetrader_lean.algorithm.binding import AlgorithmBinding
from livetrader_lean.binding import RunSettings
from livetrader_lean.enums import AlgorithmMode
from livetrader_lean.indicator_history import history_of
from livetrader_lean.parity import QUANT_BOOK, members, refuse
from livetrader_lean.times import local, to_ns
from livetrader_lean.training import wanted_work
from livetrader_lean.user_indicators import indicator_of

if TYPE_CHECKING:
    import pandas as pd

# name in the answer of get_portfolio_statistics -> figure, and by how much it is multiplied
_FIGURES: Final = {
    "Average Win (%)": ("average_win_rate", 100), "Average Loss (%)": ("average_loss_rate", 100),
    "Compounding Annual Return (%)": ("compounding_annual_return", 100), "Drawdown (%)": ("drawdown", 100),
    "Expectancy": ("expectancy", 1), "Net Profit (%)": ("total_net_profit", 100),
    "Sharpe Ratio": ("sharpe_ratio", 1), "Win Rate (%)": ("win_rate", 100),
    "Loss Rate (%)": ("loss_rate", 100), "Profit-Loss Ratio": ("profit_loss_ratio", 1),
    "Alpha": ("alpha", 1), "Beta": ("beta", 1),
    "Annual Standard Deviation": ("annual_standard_deviation", 1), "Annual Variance": ("annual_variance", 1),
    "Information Ratio": ("information_ratio", 1), "Tracking Error": ("tracking_error", 1),
    "Treynor Ratio": ("treynor_ratio", 1),
}  # fmt: skip


Engines = Callable[[], Engine]


class QuantBook(QCAlgorithm):
    """LEAN's research object. Each one has an engine of its own, made by what `provide_engines` was given.

    It does not trade and is not told of data. Owned by the thread of the notebook.
    """

    _engines: ClassVar[Engines | None] = None  # set once, by the process in which research happens

    def __init__(self) -> None:
        make = type(self)._engines
        if make is None:
            raise AlgorithmError(
                "a QuantBook has to know where its data are: start the notebook with `livetrader research`, "
                "or put `from livetrader.research import *` before it"
            )
        engine = make()
        self._lean = AlgorithmBinding(engine, {}, RunSettings(live=False))
        self._lean.object_store.raises = True
        self._lean.start = local(engine.clock.now_ns, self._lean.time_zone).date()

    def __getattr__(self, name: str) -> Any:
        if name in members(QUANT_BOOK):
            return refuse(name, "QuantBook", QUANT_BOOK)
        return super().__getattr__(name)

    def __repr__(self) -> str:
        return f"QuantBook at {self.time:%Y-%m-%d %H:%M} {self.time_zone}"

    @property
    def algorithm_mode(self) -> int:
        """RESEARCH."""
        return AlgorithmMode.RESEARCH

    def indicator(self, indicator: Any, *arguments: Any, **named: Any) -> pd.DataFrame:
        """Return what an indicator would have said as a DataFrame: `indicator(indicator, symbol, when, …)`.

        `when` is a number of bars, a timedelta, or a start and an end; then resolution and selector. Unlike
        `indicator_history` no bars are asked for beyond those: the first rows are where it became ready.
        """
        core = indicator_of(indicator)
        return history_of(self._lean, core, list(arguments), named, warmed=False).data_frame

    def train(self, *arguments: Any, **named: Any) -> None:  # type: ignore[override]  # nothing is scheduled
        """Run a training function now. Raises AlgorithmError for rules: time stands still."""
        arguments = (*arguments, *(named.pop(name) for name in ("training_code",) if name in named))
        if len(arguments) != 1 or {"date_rule", "time_rule"} & named.keys():
            raise AlgorithmError("time stands still in a notebook: train takes a function, and no rules")
        work = wanted_work(arguments[0], named)
        if named:
            raise AlgorithmError(f"train has no argument {', '.join(sorted(named))}")
        if work.process and _is_of_a_cell(work.function):
            raise AlgorithmError(
                "train(..., process=True): a process cannot load what a cell defines; put the function into "
                "a module (a .py file) beside the notebook and import it"
            )
        self._lean.engine.ports.trainer.submit(work)

    def get_portfolio_statistics(self, data_frame: pd.DataFrame) -> dict[str, float | str]:
        """Return LEAN's figures of a DataFrame by time with the columns `equity` and `benchmark`.

        Where one of them is missing the answer has a "Runtime Error" and nothing else, as LEAN's.
        """
        missing = [name for name in ("benchmark", "equity") if name not in data_frame]
        if missing:
            return {"Runtime Error": f"there is no column {missing[0]!r}"}
        figures = self._figures(data_frame.dropna())
        return {name: float(getattr(figures, field)) * by for name, (field, by) in _FIGURES.items()}

    def _figures(self, frame: pd.DataFrame) -> PortfolioStatistics:
        reference = self._lean.engine.ports.reference
        nobody = self._lean.by_ticker("SPY")  # a return is nobody's, and a record has to have a symbol
        times = [to_ns(moment.to_pydatetime(), self._lean.time_zone) for moment in frame.index]
        values = [float(value) for value in frame["equity"]]
        changes = [0.0, *(now / before - 1 for before, now in pairwise(values))]
        facts = PeriodFacts(
            starting_capital=_decimal(values[0]) if values else Decimal(0),
            equity=[Point(at, _decimal(value)) for at, value in zip(times, values, strict=True)],
            transactions=[
                TransactionRecord(at, nobody, _decimal(change))
                for at, change in zip(times, changes, strict=True)
            ],
            turnover=(),
            returns=_daily_changes(frame["equity"]),
            benchmark=_daily_changes(frame["benchmark"]),
            risk_free_rate=reference.interest_rate,
            trading_days=self._lean.engine.statistics.trading_days,
        )
        return portfolio_statistics(facts)


def provide_engines(engines: Engines) -> None:
    """Say how a QuantBook gets its engine: over data and an object store, its clock at a midnight."""
    QuantBook._engines = staticmethod(engines)


def _is_of_a_cell(function: Any) -> bool:
    while isinstance(function, partial):
        function = function.func
    return getattr(function, "__module__", None) == "__main__"


def _decimal(value: float) -> Decimal:
    return Decimal(repr(value))


def _daily_changes(series: pd.Series[float]) -> list[float]:
    """Return the change of each day's last value to the next day's; the first is zero."""
    values = [float(value) for value in series.groupby(series.index.date).last()]  # type: ignore[attr-defined]  # a DatetimeIndex
    return [0.0, *((now - before) / before for before, now in pairwise(values))]
