"""Every registered indicator at once: made by its face, honest warm-up, reset, hard data, bounded memory.

No values here: those are compared with LEAN's tables in tests/unit/engine/indicators.
"""

from __future__ import annotations

import gc
import inspect
import math
import random
from collections.abc import Iterator
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any, Final, NamedTuple

import pytest

from livetrader_engine.data.bars import TradeBar
from livetrader_engine.indicators import REGISTRY, Indicator, InputKind
from livetrader_engine.indicators.base import SymbolsTaken
from livetrader_engine.symbols import NS_PER_DAY, SecurityType
from livetrader_engine.symbols import Symbol as CoreSymbol
from livetrader_lean.indicators import INDICATORS, IndicatorFace
from livetrader_lean.names import pascal
from livetrader_lean.symbols import Symbol

SYMBOLS: Final = tuple(
    CoreSymbol.create(f"{ticker} 2T", ticker, SecurityType.EQUITY, "usa") for ticker in ("AAA", "BBB")
)

# arguments of what cannot be made with `period=7`, in the constructor's order
ARGUMENTS: Final[dict[str, tuple[object, ...]]] = {
    "AbsolutePriceOscillator": (5, 9),
    "AccumulationDistributionOscillator": (3, 10),
    "Alpha": (1, 7),
    "AroonOscillator": (7, 5),
    "AutoRegressiveIntegratedMovingAverage": (1, 1, 1, 30),
    "AwesomeOscillator": (5, 9),
    "BollingerBands": (7, 2),
    "ChaikinOscillator": (3, 10),
    "ChandeKrollStop": (5, 2, 7),
    "ConnorsRelativeStrengthIndex": (3, 2, 20),
    "ConstantIndicator": (3,),
    "DerivativeOscillator": (7, 5, 3, 9),
    "DonchianChannel": (7, 5),
    "FractalAdaptiveMovingAverage": (8, 20),
    "HurstExponent": (30, 10),
    "KeltnerChannels": (7, 2),
    "KlingerVolumeOscillator": (5, 10),
    "KnowSureThing": (3, 4, 5, 4, 6, 4, 7, 4, 5),
    "Momersion": (4, 9),
    "MomersionIndicator": (9,),
    "MovingAverageConvergenceDivergence": (5, 9, 4),
    "PercentagePriceOscillator": (5, 9),
    "PivotPointsHighLow": (3, 4),
    "PremierStochasticOscillator": (8, 5),
    "RegressionChannel": (7, 2),
    "SqueezeMomentum": (7, 2, 7, 1.5),
    "Stochastic": (7, 3, 4),
    "StochasticRelativeStrengthIndex": (7, 6, 3, 4),
    "SuperTrend": (7, 3),
    "SwissArmyKnife": (20, 0.1),
    "UltimateOscillator": (5, 7, 9),
    "ValueAtRisk": (7, 0.95),
    "WaveTrendOscillator": (5, 7, 4),
    "WilderAccumulativeSwingIndex": (8,),
    "WilderSwingIndex": (8,),
}

# Of these LEAN's warm-up period is not the sample at which they are ready, or it has none
NOT_AS_TOLD: Final = {
    "AbandonedBaby": "ready one bar after its window is full",
    "MatHold": "ready one bar after its window is full",
    "RiseFallThreeMethods": "ready one bar after its window is full",
    "TomDemarkSequential": "its window has ten bars, six are enough",
    "ConstantIndicator": "always ready",
    "IntradayVwap": "no warm-up period: ready with the first volume",
    "RelativeDailyVolume": "no warm-up period: it counts days, not bars",
    "McClellanOscillator": "told one day more than it takes",
    "McClellanSummationIndex": "told one day more than it takes",
}

# of which this file says nothing, and why
ELSEWHERE: Final = {
    "CompositeIndicator": "is updated by two others, not with data",
    "RelativeVigorIndexSignal": "a line of RelativeVigorIndex",
    **dict.fromkeys(("Delta", "Gamma", "ImpliedVolatility", "Rho", "Theta", "Vega"), "needs an option"),
}

NAMES: Final = sorted(set(REGISTRY) - set(ELSEWHERE))


class Day(NamedTuple):
    """Prices of one day."""

    open: float
    high: float
    low: float
    close: float
    volume: float


def days(seed: int, count: int) -> Iterator[Day]:
    chance = random.Random(seed)
    close = 100.0
    for _ in range(count):
        opens = close * (1 + chance.gauss(0, 0.002))
        close = opens * (1 + chance.gauss(0, 0.01))
        high = max(opens, close) * (1 + abs(chance.gauss(0, 0.004)))
        low = min(opens, close) * (1 - abs(chance.gauss(0, 0.004)))
        yield Day(opens, high, low, close, float(chance.randint(1_000, 90_000)))


def made(name: str, *, pascal_case: bool = False) -> Any:
    """Return a new indicator from its face, with symbols where it takes some."""
    entry, face = REGISTRY[name], INDICATORS[name]
    parameters = list(inspect.signature(entry.indicator.__init__).parameters.values())[1:]
    wanted = [p.name for p in parameters if p.default is p.empty and p.name not in ("target", "reference")]
    arguments = ARGUMENTS.get(name, (7,) * (wanted == ["period"]))
    symbols = (
        [Symbol(symbol) for symbol in SYMBOLS] if entry.symbols is SymbolsTaken.PAIR else []
    )  # fmt: skip
    make: Any = face
    indicator = make("mine", *symbols, *arguments)
    assert indicator.Name == indicator.name == "mine"
    if entry.symbols is SymbolsTaken.MANY:
        for symbol in SYMBOLS:
            (indicator.Add if pascal_case else indicator.add)(Symbol(symbol))
    return indicator


def push(name: str, indicator: Indicator, number: int, day: Day) -> None:
    """Update with one day of each symbol that the indicator takes."""
    start_ns = number * NS_PER_DAY
    several = REGISTRY[name].symbols is not SymbolsTaken.ONE
    for symbol in SYMBOLS if several else SYMBOLS[:1]:
        drift = 1.0 if symbol is SYMBOLS[0] else 1 + 0.1 * math.sin(number)
        prices = (price * drift for price in day[:4])
        bar = TradeBar(symbol, start_ns, start_ns + NS_PER_DAY, *prices, day.volume)
        if indicator.kind is InputKind.VALUE:
            indicator.push(bar.end_time_ns, bar.close)
        else:
            indicator.push_bar(bar)


def run(name: str, indicator: Indicator, data: list[Day]) -> list[tuple[float, bool]]:
    """Update with all data; return value and readiness after each day."""
    seen = []
    for number, day in enumerate(data, 1):
        push(name, indicator, number, day)
        seen.append((indicator.value, indicator.is_ready))
    return seen


def test_the_tables_name_what_there_is() -> None:
    assert set(ARGUMENTS) | set(NOT_AS_TOLD) | set(ELSEWHERE) <= set(REGISTRY)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_made_and_read_in_both_spellings(name: str) -> None:
    for indicator in (made(name), made(name, pascal_case=True)):
        run(name, indicator, list(days(1, 60)))
        assert indicator.Current.Value == indicator.current.value == indicator.value
        assert indicator.IsReady is indicator.is_ready
        assert indicator.WarmUpPeriod == indicator.warm_up_period
        assert indicator.Samples == indicator.samples > 0
        assert all(isinstance(part, IndicatorFace) for part in indicator.parts())
        for attribute, part in vars(indicator).items():
            if isinstance(part, Indicator) and not attribute.startswith("_"):
                assert getattr(indicator, pascal(attribute)) is part


@pytest.mark.parametrize("name", NAMES)
def test_it_is_ready_after_its_warm_up_period(name: str) -> None:
    indicator = made(name)
    told = indicator.warm_up_period
    ready = [is_ready for _, is_ready in run(name, indicator, list(days(2, told + 30)))]
    honest = ready == [number >= told for number in range(1, told + 31)] and told > 0
    assert honest is (name not in NOT_AS_TOLD), f"told {told}, ready at {ready.index(True) + 1}"


@pytest.mark.parametrize("name", NAMES)
def test_reset_forgets_everything(name: str) -> None:
    indicator, data = made(name), list(days(3, 160))
    first = run(name, indicator, data)
    indicator.reset()
    assert indicator.samples == 0
    assert run(name, indicator, data) == first
    assert first == run(name, made(name), data)


FLAT: Final = Day(100.0, 100.0, 100.0, 100.0, 0.0)
HARD: Final = {
    "constant prices without volume": [FLAT] * 160,
    "zero prices": [*days(4, 50), *[Day(0.0, 0.0, 0.0, 0.0, 0.0)] * 80, *days(5, 50)],
    "jumps": [Day(*(price * 10.0 ** (number % 5 - 2) for price in day[:4]), day.volume)
              for number, day in enumerate(days(6, 160))],
    "trading that stands still": [*days(7, 60), *[FLAT] * 60, *days(8, 60)],
    "tiny prices": [Day(*(price * 1e-30 for price in day[:4]), 1.0) for day in days(9, 120)],
    "only rises": [Day(n, n + 1.0, n - 1.0, n + 0.5, 10.0) for n in range(10, 170)],
}  # fmt: skip


@pytest.mark.parametrize("data", HARD.values(), ids=HARD.keys())
@pytest.mark.parametrize("name", NAMES)
def test_no_data_makes_it_raise(name: str, data: list[Day]) -> None:
    for value, _ in run(name, made(name), data):
        assert math.isfinite(value)


def held(indicator: Indicator) -> int:
    """Return how many objects an indicator keeps alive."""
    seen: dict[int, object] = {}
    waiting: list[object] = [indicator]
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen or isinstance(thing, type | ModuleType | FunctionType | BuiltinFunctionType):
            continue
        if isinstance(thing, CoreSymbol | Symbol):
            continue
        seen[id(thing)] = thing
        waiting.extend(gc.get_referents(thing))
    return len(seen)


@pytest.mark.parametrize("name", NAMES)
def test_it_keeps_no_more_the_longer_it_runs(name: str) -> None:
    indicator, data = made(name), list(days(10, 1200))
    sizes = []
    for number, day in enumerate(data, 1):
        push(name, indicator, number, day)
        if number in (600, 1200):
            sizes.append(held(indicator))
    assert sizes[1] <= sizes[0] * 1.1 + 20
