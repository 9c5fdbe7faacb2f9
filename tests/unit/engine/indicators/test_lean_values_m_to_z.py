"""Indicators whose helpers are named M to Z against the tables of LEAN's own tests (its tolerances)."""

from __future__ import annotations

import pytest

from livetrader_engine.indicators.adaptive import (
    McGinleyDynamic,
    MesaAdaptiveMovingAverage,
    RelativeMovingAverage,
    T3MovingAverage,
    VariableIndexDynamicAverage,
    ZeroLagExponentialMovingAverage,
)
from livetrader_engine.indicators.averages import (
    MovingAverageType,
    SimpleMovingAverage,
    TriangularMovingAverage,
    TripleExponentialMovingAverage,
    Trix,
)
from livetrader_engine.indicators.cycles import (
    PercentagePriceOscillator,
    PremierStochasticOscillator,
    RelativeVigorIndex,
    SchaffTrendCycle,
    StochasticRelativeStrengthIndex,
    TrueStrengthIndex,
    UltimateOscillator,
    WaveTrendOscillator,
)
from livetrader_engine.indicators.extremes import Maximum, Minimum, Stochastic, WilliamsPercentR
from livetrader_engine.indicators.filters import SwissArmyKnife, SwissArmyKnifeTool
from livetrader_engine.indicators.forecast import RateOfChangeRatio, TimeSeriesForecast
from livetrader_engine.indicators.momentum import (
    MomentumPercent,
    MovingAverageConvergenceDivergence,
    RateOfChangePercent,
    RelativeStrengthIndex,
)
from livetrader_engine.indicators.pivots import PivotPointsHighLow, ZigZag
from livetrader_engine.indicators.ranges import (
    MassIndex,
    MidPoint,
    MidPrice,
    RogersSatchellVolatility,
    SqueezeMomentum,
    Vortex,
)
from livetrader_engine.indicators.ratios import (
    SharpeRatio,
    SortinoRatio,
    TargetDownsideDeviation,
    ValueAtRisk,
)
from livetrader_engine.indicators.sequential import TomDemarkSequential
from livetrader_engine.indicators.smoothed_volume import (
    SmoothedOnBalanceVolume,
    VolumeWeightedMovingAverage,
)
from livetrader_engine.indicators.stops import (
    ParabolicStopAndReverse,
    ParabolicStopAndReverseExtended,
    SuperTrend,
)
from livetrader_engine.indicators.volatility import NormalizedAverageTrueRange, TrueRange, Variance
from livetrader_engine.indicators.volume import (
    MoneyFlowIndex,
    OnBalanceVolume,
    VolumeWeightedAveragePriceIndicator,
)
from tests.unit.engine.indicators.reference import VALUE, Case, check

_SAR = "spy_sarext.txt"
_SAR_SPEEDS = (0.03, 0.02, 0.4, 0.02, 0.01, 0.3)

CASES = (
    Case("spy_mama.csv", MesaAdaptiveMovingAverage, {"mama": VALUE, "fama": "fama"}),
    Case("spy_tsf.csv", lambda: TimeSeriesForecast(5), {"tsf": VALUE}),
    Case("spy_mass_index_25.txt", MassIndex, {"MassIndex": VALUE}),
    Case("spy_midpoint.txt", lambda: MidPoint(5), {"MIDPOINT_5": VALUE}),
    Case("spy_midprice.txt", lambda: MidPrice(5), {"MIDPRICE_5": VALUE}),
    Case("spy_pivot_pnt_hl.txt", lambda: PivotPointsHighLow(10), {"PPHL": VALUE}),
    Case("spy_ppo.txt", lambda: PercentagePriceOscillator(5, 10), {"PPO_5_10": VALUE}),
    Case(_SAR, ParabolicStopAndReverse, {"SAR": VALUE}),
    Case(_SAR, ParabolicStopAndReverseExtended, {"SAREXT": VALUE}),
    Case(_SAR, lambda: ParabolicStopAndReverseExtended(0, 0, *_SAR_SPEEDS), {"SAREXT_PARAM1": VALUE}, 1e-4),
    Case(_SAR, lambda: ParabolicStopAndReverseExtended(100, 0, *_SAR_SPEEDS), {"SAREXT_PARAM2": VALUE}, 1e-4),
    Case(_SAR, lambda: ParabolicStopAndReverseExtended(-95, 0, *_SAR_SPEEDS), {"SAREXT_PARAM3": VALUE}, 1e-4),
    Case(_SAR, lambda: ParabolicStopAndReverseExtended(100, 0.02, *_SAR_SPEEDS), {"SAREXT_PARAM4": VALUE},
         1e-4),
    Case("spy_pso.csv", lambda: PremierStochasticOscillator(8, 5), {"pso": VALUE}),
    Case("spy_with_rma.csv", lambda: RelativeMovingAverage(5), {"RMA5": VALUE}, 1e-2),
    Case("spy_rocr.txt", lambda: RateOfChangeRatio(5), {"ROCR_5": VALUE}),
    Case("spy_rvi.txt", lambda: RelativeVigorIndex(10), {"RVI": VALUE, "RVI_S": "signal"}),
    Case("spy_with_StochRSI.csv", lambda: StochasticRelativeStrengthIndex(14, 14, 3, 3), {
        "k": "k", "d": "d"}),
    Case("dwac_supertrend.txt", lambda: SuperTrend(10, 3), {"Super": VALUE}, 0.05),
    Case("spy_sr.txt", lambda: SharpeRatio(10), {"SR_10": VALUE}),
    Case("spy_sortino.csv", lambda: SortinoRatio(15), {"sortino_rf_0_period_15": VALUE}),
    Case("spy_sortino.csv", lambda: SortinoRatio(15, 0.01), {"sortino_rf_0.01_period_15": VALUE}),
    Case("spy_sm.csv", lambda: SqueezeMomentum(20, 2, 20, 1.5), {"squeeze on": VALUE}),
    Case("spy_stc.txt", SchaffTrendCycle, {"STC": VALUE}, 1.0),
    Case("spy_with_sobv.csv", lambda: SmoothedOnBalanceVolume(20), {"SOBV20": VALUE}),
    Case("spy_tdd.csv", lambda: TargetDownsideDeviation(3), {"tdd": VALUE}, 1e-6),
    Case("td_sequential_test_data.csv", TomDemarkSequential, {"TDS": VALUE}),
    Case("spy_swiss.txt", lambda: SwissArmyKnife(20, 0.1, SwissArmyKnifeTool.GAUSS), {"Gauss": VALUE}, 0.01),
    Case("spy_swiss.txt", lambda: SwissArmyKnife(20, 0.1), {
        "Butter": "butter", "HP": "high_pass", "2PHP": "two_pole_high_pass"}, 0.01),
    Case("spy_swiss.txt", lambda: SwissArmyKnife(20, 0.1, SwissArmyKnifeTool.BAND_PASS), {
        "BP": VALUE}, 0.043),
    Case("spy_t3.txt", lambda: T3MovingAverage(5), {"T3_5": VALUE}, 2e-2),
    Case("spy_tsi.csv", TrueStrengthIndex, {"TSI_25_13": VALUE, "Signal_7": "signal"}, 1e-3),
    Case("spy_ultosc.txt", lambda: UltimateOscillator(7, 14, 28), {"ULTOSC_7_14_28": VALUE}),
    Case("spy_vidya.txt", lambda: VariableIndexDynamicAverage(9), {"VIDYA_9": VALUE}),
    Case("spy_valueatrisk.csv", lambda: ValueAtRisk(252, 0.99), {"VaR_99": VALUE}),
    Case("spy_valueatrisk.csv", lambda: ValueAtRisk(252, 0.95), {"VaR_95": VALUE}),
    Case("spy_valueatrisk.csv", lambda: ValueAtRisk(252, 0.9), {"VaR_90": VALUE}),
    Case("spy_with_vwma.csv", lambda: VolumeWeightedMovingAverage(20), {"VWMA20": VALUE}),
    Case("spy_with_vtx.csv", lambda: Vortex(14), {"plus_vtx": "plus_vortex", "minus_vtx": "minus_vortex"}),
    Case("spy_wto.csv", lambda: WaveTrendOscillator(10, 21, 4), {"WT1": VALUE, "WT2": "signal"}, 1e-4),
    Case("spy_with_McGinleyDynamic.csv", lambda: McGinleyDynamic(14), {"McGinleyDynamic14": VALUE}),
    Case("spy_with_rsv.csv", lambda: RogersSatchellVolatility(9), {"RSV9": VALUE}),
    Case("spy_with_zlema.csv", lambda: ZeroLagExponentialMovingAverage(5), {"ZLEMA5": VALUE}),
    Case("spy_zigzag.csv", lambda: ZigZag(0.05, 10), {"zigzag": VALUE}),
    Case("spy_max.txt", lambda: Maximum(5), {"MAX_5": VALUE}),
    Case("spy_min.txt", lambda: Minimum(5), {"MIN_5": VALUE}),
    Case("spy_mfi.txt", lambda: MoneyFlowIndex(20), {"Money Flow Index 20": VALUE}),
    Case("spy_natr.txt", lambda: NormalizedAverageTrueRange(5), {"NATR_5": VALUE}),
    Case("spy_with_obv.txt", OnBalanceVolume, {"OBV": VALUE}, 1e4),
    Case("spy_with_rocp50.txt", lambda: RateOfChangePercent(50), {"Rate of Change % 50": VALUE}),
    Case("spy_with_rocp50.txt", lambda: MomentumPercent(50), {"Rate of Change % 50": VALUE}),
    Case("spy_tema.txt", lambda: TripleExponentialMovingAverage(5), {"TEMA_5": VALUE}),
    Case("spy_tr.txt", TrueRange, {"TR": VALUE}),
    Case("spy_trima.txt", lambda: TriangularMovingAverage(5), {"TRIMA_5": VALUE}),
    Case("spy_trima.txt", lambda: TriangularMovingAverage(6), {"TRIMA_6": VALUE}),
    Case("spy_trix.txt", lambda: Trix(5), {"TRIX_5": VALUE}),
    Case("spy_var.txt", lambda: Variance(10), {"Var": VALUE}),
    Case("spy_with_vwap.txt", lambda: VolumeWeightedAveragePriceIndicator(50), {"Moving VWAP 50": VALUE}),
    Case("spy_with_williamsR14.txt", lambda: WilliamsPercentR(14), {"Williams %R 14": VALUE}),
    Case("spy_with_stoch12k3.txt", lambda: Stochastic(12, 3, 5), {
        "Stochastics 12 %K 3": "stoch_k", "%D 5": "stoch_d"}),
    Case("spy_with_macd.txt", lambda: MovingAverageConvergenceDivergence(12, 26, 9), {
        "MACD": VALUE, "Signal": "signal", "Histogram": "histogram"}, 1e-4),
    Case("spy_with_indicators.txt", lambda: SimpleMovingAverage(14), {"SMA14": VALUE}, 1e-2),
    Case("spy_with_indicators.txt", lambda: RelativeStrengthIndex(14), {"RSI 14 Wilder": VALUE}),
    Case("spy_with_indicators.txt", lambda: RelativeStrengthIndex(14, MovingAverageType.SIMPLE), {
        "RSI 14": VALUE}),
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_values_are_those_of_leans_tables(case: Case) -> None:
    assert check(case) > 20
