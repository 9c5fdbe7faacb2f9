"""Indicators as an algorithm sees them: spellings, arithmetic, composition, users' own, names."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from livetrader_engine.data import bars as core
from livetrader_engine.errors import AlgorithmError
from livetrader_engine.symbols import Resolution as CoreResolution
from livetrader_engine.symbols import SecurityType
from livetrader_engine.symbols import Symbol as CoreSymbol
from livetrader_lean.enums import Resolution
from livetrader_lean.helpers import understood
from livetrader_lean.indicators import HELPERS
from livetrader_lean.market import BaseData
from livetrader_lean.namespace import lookup
from livetrader_lean.symbols import SecurityIdentifier, Symbol
from livetrader_lean.user_indicators import indicator_of

START = datetime(2013, 10, 7, 10, 0)  # noqa: DTZ001 — naive local time, as all of LEAN's
NEW_YORK = ZoneInfo("America/New_York")
SPY, IBM = (
    Symbol(CoreSymbol.create(f"{ticker} 2T", ticker, SecurityType.EQUITY, "usa")) for ticker in ("SPY", "IBM")
)
Extensions = lookup("IndicatorExtensions")


def feed(indicator: Any, *values: float, after: int = 0) -> Any:
    for number, value in enumerate(values, after):
        indicator.update(START + timedelta(minutes=number), value)
    return indicator


def trade_bar(number: int, close: float, symbol: Symbol = SPY) -> BaseData:
    start_ns = number * 60_000_000_000
    point = core.TradeBar(symbol.core, start_ns, start_ns + 60_000_000_000, close, close, close, close, 5.0)
    return BaseData.of(point, NEW_YORK)


def test_constructors_take_a_name_first_and_leans_spellings_of_parameters() -> None:
    average = lookup("SimpleMovingAverage")
    assert (average(14).name, average("mine", 14).Name, average(period=14).period) == ("SMA(14)", "mine", 14)
    exponential = lookup("MovingAverageType").EXPONENTIAL
    macd = lookup("MovingAverageConvergenceDivergence")
    for made in (macd(3, 6, 2, exponential), macd(fastPeriod=3, slow_period=6, signalPeriod=2, type=0)):
        assert made.WarmUpPeriod == made.warm_up_period == 7
    beta = lookup("Beta")
    assert beta("b", SPY, IBM, 5).warm_up_period == beta("b", 5, SPY, IBM).warm_up_period == 6


def test_an_indicator_is_its_value_in_comparisons_and_arithmetic() -> None:
    fast, slow = feed(lookup("Identity")("fast"), 6.0), feed(lookup("Identity")("slow"), 4.0)
    assert fast > slow and slow < 5 and fast >= 6 and not fast <= slow
    assert (fast - slow, fast + 1, 12 / fast, fast * slow, 10 - slow, -fast) == (
        2.0,
        7.0,
        2.0,
        24.0,
        6.0,
        -6.0,
    )
    assert fast == 6.0 and fast != 7 and fast != slow
    assert fast != feed(lookup("Identity")("same value"), 6.0)  # two indicators are equal when they are one
    assert {fast: 1}[fast] == 1
    assert f"{fast:.2f} {fast} {float(fast)}" == "6.00 6.0 6.0"
    assert str(fast.current) == "2013-10-07T10:00:00 - 6"
    assert fast.current > slow.current and fast.current.value == fast.Current.Value


def test_previous_values_and_the_window_that_grows() -> None:
    average = lookup("SimpleMovingAverage")(1)
    assert (average.current.value, average.current.time, average.window.count) == (0.0, datetime.min, 1)  # noqa: DTZ901 — as .NET's
    feed(average, 1.0, 2.0)
    assert (average.previous.value, average[1].value, average.previous.time) == (1.0, 1.0, START)
    assert average[5] is None  # the window has six places from now on
    feed(average, 3.0, 4.0, after=2)
    assert (
        [point.value for point in average.window]
        == [point.value for point in average]
        == [4.0, 3.0, 2.0, 1.0]
    )
    assert (average.window.Size, average[-1].value, average.Window.Count) == (6, 1.0, 4)
    average.window.size = 2
    assert [point.value for point in average] == [4.0, 3.0]


def test_updated_tells_the_face_and_the_point() -> None:
    heard = []

    def handler(sender: object, point: Any) -> None:
        heard.append((sender, point.value, point.end_time))

    average = lookup("SimpleMovingAverage")("mine", 2)
    average.updated += handler
    feed(average, 1.0, 3.0)
    average.Updated -= handler
    feed(average, 5.0, after=2)
    assert heard == [(average, 1.0, START), (average, 2.0, START + timedelta(minutes=1))]


def test_bars_update_all_kinds_and_wrong_ones_are_refused_by_name() -> None:
    average, volume = lookup("SimpleMovingAverage")(1), lookup("ChaikinMoneyFlow")("flow", 1)
    for indicator in (average, volume):
        assert indicator.update(trade_bar(1, 10.0)) is True
    assert (average.current.value, average.current.symbol) == (10.0, SPY)
    with pytest.raises(AlgorithmError, match="flow needs bars"):
        volume.update(START, 1.0)
    quote = core.QuoteBar(SPY.core, 1, 2, 1.0, 1.0, 1.0, 1.0, 1.0, 3.0, 3.0, 3.0, 3.0, 1.0)
    assert average.update(BaseData.of(quote, NEW_YORK)) is True
    with pytest.raises(AlgorithmError, match="flow needs trade bars"):
        volume.update(BaseData.of(quote, NEW_YORK))
    strength = lookup("InternalBarStrength")()
    assert strength.update(BaseData.of(quote, NEW_YORK)) is True  # middles of bid and ask


def test_the_same_bar_twice_counts_once_for_what_takes_bars() -> None:
    bar = trade_bar(1, 10.0)
    span, mean = lookup("AverageRange")(2), lookup("SimpleMovingAverage")(2)
    relation = lookup("Beta")(SPY, IBM, 2)
    for indicator in (span, mean, relation):
        indicator.update(bar)
        indicator.update(BaseData.of(bar.core, NEW_YORK))
    assert (span.samples, relation.samples) == (1, 1)
    assert mean.samples == 2  # of values: LEAN makes each anew
    span.reset()
    span.update(bar)
    assert span.samples == 1


def test_parts_have_faces_however_deep_they_lie() -> None:
    cloud = lookup("IchimokuKinkoHyo")(2, 3, 2, 4, 2, 2)
    for number in range(1, 10):
        cloud.update(trade_bar(number, float(number)))
    assert cloud.TenkanMaximum.Current.Value == cloud.tenkan_maximum.current.value == 9.0
    assert cloud.Tenkan.Current.Value == 8.5
    assert cloud.tenkan.left.left.current.value == 9.0
    index = lookup("KnowSureThing")(1, 2, 1, 2, 1, 2, 1, 2, 2)
    assert index.ROC1MA is index.roc1ma
    assert lookup("AverageDirectionalMovementIndexRating")(5).ADX.name.endswith("_ADX")


def test_chains_and_arithmetic_by_name() -> None:
    price = lookup("Identity")("price")
    average = Extensions.sma(price, 2)
    smoothed = Extensions.Of(lookup("ExponentialMovingAverage")(2), average)
    spread = Extensions.minus(price, average, "spread")
    half, ratio = Extensions.Over(price, 2), Extensions.over(price, average)
    highest, lowest = Extensions.MAX(price, 2), Extensions.min(price, 2)
    feed(price, 2.0, 4.0, 8.0)
    assert (average.name, average.current.value) == ("SMA2_Of_price", 6.0)
    assert smoothed.current.value == pytest.approx((3 + 6) / 2)  # of 3 and 6: the first mean
    assert (spread.name, spread.current.value, half.current.value) == ("spread", 2.0, 4.0)
    assert ratio.current.value == pytest.approx(8 / 6)
    assert (highest.current.value, lowest.current.value) == (8.0, 4.0)
    assert Extensions.ema(price, 3, 0.5).name == "EMA3_Of_price"


def test_the_users_composer_sees_faces_and_may_give_no_value() -> None:
    left, right = lookup("Identity")("l"), lookup("Identity")("r")
    result, status = lookup("IndicatorResult"), lookup("IndicatorStatus")

    def compose(one: Any, other: Any) -> Any:
        if other.current.value < 0:
            return result(0.0, status.MATH_ERROR)
        return one.current.value + other.current.value

    total = lookup("CompositeIndicator")("total", left, right, compose)
    feed(left, 1.0)
    feed(right, 2.0)
    assert (total.Name, total.current.value, total.is_ready) == ("total", 3.0, True)
    feed(left, 5.0, after=1)
    feed(right, -1.0, after=1)
    assert total.current.value == 3.0
    unnamed = lookup("CompositeIndicator")(left, right, compose)
    assert unnamed.name == "COMPOSE(l,r)"


def test_functional_indicators_are_given_what_they_ask_for() -> None:
    functional, bar = lookup("FunctionalIndicator"), lookup("TradeBar")
    resets: list[bool] = []
    twice = functional(
        "twice", lambda point: 2 * point.value, lambda own: own.samples > 1, lambda: resets.append(True)
    )
    assert feed(twice, 2.0, 3.0).current.value == 6.0
    assert twice.is_ready
    twice.reset()
    assert resets == [True] and twice.current.value == 0.0
    size = functional[bar]("volume", lambda bar: bar.volume, lambda own: True)
    size.update(trade_bar(1, 9.0))
    assert size.current.value == 5.0
    assert lookup("ConstantIndicator")[bar]("c", 7).current.value == 7.0


class Doubled(lookup("PythonIndicator")):  # type: ignore[misc]  # the name is looked up as algorithms do
    def __init__(self, name: str, period: int) -> None:
        super().__init__()
        self.name, self.value, self.warm_up_period = name, 0.0, period
        self.seen: deque[float] = deque(maxlen=period)

    def update(self, input: Any) -> bool:
        self.seen.appendleft(input.value)
        self.value = 2 * input.value
        return len(self.seen) == self.seen.maxlen


class Legacy:
    def __init__(self) -> None:
        self.Name, self.Value, self.IsReady, self.WarmUpPeriod = "legacy", 0.0, False, 2

    def Update(self, input: Any) -> None:
        self.Value = input.Value + 1
        self.IsReady = True


def test_the_users_own_indicators_take_part_in_either_spelling() -> None:
    price = lookup("Identity")("price")
    doubled, legacy = Doubled("doubled", 2), Legacy()
    assert Extensions.of(doubled, price) is doubled
    Extensions.of(legacy, price)
    mean = Extensions.sma(doubled, 2)
    heard: list[float] = []
    doubled.updated += lambda _sender, point: heard.append(point.value)
    feed(price, 1.0, 3.0)
    assert (doubled.current.value, doubled.previous.value, doubled.is_ready, heard) == (
        6.0,
        2.0,
        True,
        [2.0, 6.0],
    )
    assert doubled > 5 and doubled.samples == 2 and doubled[1].value == 2.0
    ours = indicator_of(legacy)
    assert (ours.name, ours.value, ours.is_ready, ours.warm_up_period) == ("legacy", 4.0, True, 2)
    assert indicator_of(legacy) is ours
    assert mean.samples == 1  # of the one value since `doubled` was ready
    with pytest.raises(AlgorithmError, match="no update"):
        indicator_of(type("Nothing", (), {"value": 1})())


def test_only_forward_goes_a_users_indicator_too() -> None:
    doubled = Doubled("doubled", 1)
    ours = indicator_of(doubled)
    ours.push_bar(trade_bar(5, 1.0))
    ours.push_bar(trade_bar(4, 9.0))
    assert (ours.samples, ours.value) == (1, 2.0)


# LEAN's helpers (QCAlgorithm.Indicators.cs at commit 24863901) but those of options: IV and the greeks
LEANS = """
A ABANDS AD ADDIFF ADOSC ADR ADVR ADX ADXR ALMA AO APO APS AR ARIMA AROON ASI ATR B BB BOP C CC CCI CHOP CKS
CMF CMO CO COV CRSI DCH DEM DEMA DO DPO EMA EMV FI FISH FRAMA FilteredIdentity HE HMA HT HeikinAshi IBS
ICHIMOKU Identity KAMA KCH KER KST KVO LOGR LSMA LWMA MACD MAD MAMA MASS MAX MFI MGD MIDPOINT MIDPRICE MIN MOM
MOMERSION MOMP MOSC MSI NATR NHNL NHNLV OBV PPHL PPO PSAR PSO RC RDV RMA ROC ROCP ROCR RSI RSV RVI SAREXT SI
SM SMA SOBV SORTINO SR SRSI STC STD STO STR SUM SWISS T3 TDD TDS TEMA TP TR TRIMA TRIN TRIX TSF TSI ULTOSC V
VAR VIDYA VP VTX VWAP VWMA WILR WTO WWMA ZLEMA ZZ
"""


def test_every_helper_of_lean_is_there() -> None:
    assert {str(entries[0].helper) for entries in HELPERS.values()} == set(LEANS.split())


def test_greeks_take_models_of_rates_and_yields_and_points_of_each_symbol() -> None:
    underlying = SecurityIdentifier.generate_equity(datetime(1998, 1, 2), "SPY", "usa")  # noqa: DTZ001 — as LEAN's
    spy = Symbol(underlying, "SPY")
    styles, rights = lookup("OptionStyle"), lookup("OptionRight")
    call = Symbol.create_option(spy, "usa", styles.EUROPEAN, rights.CALL, 450, datetime(2023, 9, 29))  # noqa: DTZ001
    asked: list[float] = []

    class Yields:
        def GetDividendYield(self, time: datetime, price: float) -> float:
            asked.append(price)
            return 0.0

    rate = lookup("ConstantRiskFreeRateInterestRateModel")(0.0403)
    delta = lookup("Delta")(
        "mine", call, rate, Yields(), optionModel=lookup("OptionPricingModelType").BLACK_SCHOLES
    )
    point = lookup("IndicatorDataPoint")
    now = datetime(2023, 8, 1, 10)  # noqa: DTZ001 — naive local time
    assert delta.update(point(call, now, 23.753)) is False
    assert delta.update(point(spy, now, 450.0)) is True
    assert delta.current.value == pytest.approx(0.546, abs=0.0017)  # QuantLib's, in LEAN's own test
    assert delta.implied_volatility.current.value == pytest.approx(0.309, abs=0.02)
    assert asked == [450.0, 450.0]
    with pytest.raises(AlgorithmError, match="no option"):
        lookup("Gamma")(spy)


MINUTE = CoreResolution.MINUTE


@pytest.mark.parametrize(
    ("helper", "arguments", "named", "name"),
    [
        ("sma", (SPY, 14), {}, "SMA(14,SPY_min)"),
        ("sma", (SPY, 14, Resolution.DAILY), {}, "SMA(14,SPY_day)"),
        ("alma", (SPY, 10), {}, "ALMA(10,6,0.85,SPY_min)"),
        ("aroon", (SPY, 14), {}, "AROON(14,14,SPY_min)"),
        ("bb", (SPY, 20, 2), {"resolution": Resolution.HOUR}, "BB(20,2,SPY_hr)"),
        ("rsi", (SPY, 14), {}, "RSI(14,Wilders,SPY_min)"),
        ("heikin_ashi", (SPY,), {}, "HA(SPY_min)"),
        ("identity", (SPY, Resolution.DAILY, None, "field"), {}, "field(SPY_day)"),
        ("identity", (SPY, timedelta(hours=2)), {}, "SPY(close,02:00:00)"),
        ("filtered_identity", (SPY,), {"filter": bool}, "close(SPY_min)"),
        ("filtered_identity", (SPY, timedelta(days=1, minutes=5)), {}, "SPY(close_1.00:05:00)"),
        ("b", (SPY, IBM, 21), {}, "B(21,)"),
        ("b", (SPY, IBM, 21, Resolution.DAILY), {}, "B(21,day)"),
        ("c", (SPY, IBM), {"period": 5}, "C(5,)"),
        ("a", (SPY, IBM), {}, "A(1,252,SPY_min)"),
        ("adr", ([SPY, IBM],), {}, "A/D Ratio(min)"),
        ("asi", (SPY, 8), {}, "ASI(SPY_day)"),
        ("kst", (SPY,), {}, "KST(10,10,15,10,20,10,30,15,9,Simple,SPY_min)"),
        ("emv", (SPY,), {}, "EMV(1, 10000,SPY_min)"),
        ("frama", (SPY,), {"period": 16}, "FRAMA(16,198,SPY_min)"),
        ("var", (SPY, 14), {}, "VAR(14,SPY_min)"),
        ("var", (SPY, 14, 0.95), {}, "VAR(14,0.95,SPY_min)"),
        ("dema", (SPY, 14), {}, "DEMA(14,SPY_min)"),
        ("momersion", (SPY, None, 20), {}, "MOMERSION(,20,SPY_min)"),
        ("pphl", (SPY, 10, 8), {}, "PPHL(10,8,SPY_min)"),
        ("vwap", (SPY,), {}, "VWAP(SPY_min)"),
        ("vwap", (SPY, 14), {}, "VWAP(14,SPY_min)"),
        ("v", (SPY, 14), {}, "V(14,SPY_min)"),
    ],
)
def test_helpers_name_as_lean_does(
    helper: str, arguments: tuple[Any, ...], named: dict[str, Any], name: str
) -> None:
    entries = HELPERS[helper]
    call = understood(str(entries[0].helper), entries, arguments, named)
    made: Any = call.make(call.name(MINUTE))
    assert made.name == name


def test_helpers_say_what_they_lack_or_do_not_understand() -> None:
    with pytest.raises(AlgorithmError, match="SMA needs a period"):
        understood("SMA", HELPERS["sma"], (SPY,), {})
    with pytest.raises(AlgorithmError, match=r"SMA does not understand \['colour'\]"):
        understood("SMA", HELPERS["sma"], (SPY, 5), {"colour": 1})


def test_a_helper_may_average_otherwise_than_its_constructor() -> None:
    kinds = lookup("MovingAverageType")
    call = understood("ATR", HELPERS["atr"], (SPY, 14), {})
    assert call.parameters["moving_average_type"] == kinds.SIMPLE
    call = understood("ATR", HELPERS["atr"], (SPY, 14), {"type": kinds.WILDERS})
    assert call.parameters["moving_average_type"] == kinds.WILDERS
