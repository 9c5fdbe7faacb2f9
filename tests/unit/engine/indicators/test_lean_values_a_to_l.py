"""Indicators whose helpers are named A to L against the tables of LEAN's own tests (its tolerances)."""

from __future__ import annotations

import pytest

from livetrader_engine.indicators.arima import AutoRegressiveIntegratedMovingAverage
from livetrader_engine.indicators.averages import (
    DoubleExponentialMovingAverage,
    ExponentialMovingAverage,
    HullMovingAverage,
    KaufmanAdaptiveMovingAverage,
    LinearWeightedMovingAverage,
    MovingAverageType,
)
from livetrader_engine.indicators.bands import AccelerationBands, ChandeKrollStop, IchimokuKinkoHyo
from livetrader_engine.indicators.extremes import AroonOscillator, DonchianChannel
from livetrader_engine.indicators.fits import (
    ArnaudLegouxMovingAverage,
    HurstExponent,
    KaufmanEfficiencyRatio,
    LeastSquaresMovingAverage,
)
from livetrader_engine.indicators.flow import (
    AccumulationDistributionOscillator,
    ChaikinMoneyFlow,
    ChaikinOscillator,
    EaseOfMovementValue,
    ForceIndex,
    KlingerVolumeOscillator,
)
from livetrader_engine.indicators.momentum import ChandeMomentumOscillator, LogReturn
from livetrader_engine.indicators.oscillators import (
    AbsolutePriceOscillator,
    AugenPriceSpike,
    AwesomeOscillator,
    ConnorsRelativeStrengthIndex,
    CoppockCurve,
    DeMarkerIndicator,
    DerivativeOscillator,
    DetrendedPriceOscillator,
    KnowSureThing,
)
from livetrader_engine.indicators.pairs import Alpha, Beta, Correlation, CorrelationType, Covariance
from livetrader_engine.indicators.shapes import (
    AverageDirectionalMovementIndexRating,
    AverageRange,
    BalanceOfPower,
    ChoppinessIndex,
    HeikinAshi,
    InternalBarStrength,
)
from livetrader_engine.indicators.smoothing import (
    FisherTransform,
    FractalAdaptiveMovingAverage,
    HilbertTransform,
)
from livetrader_engine.indicators.swings import WilderAccumulativeSwingIndex, WilderSwingIndex
from livetrader_engine.indicators.trend import AverageDirectionalIndex, CommodityChannelIndex
from livetrader_engine.indicators.volatility import AverageTrueRange, BollingerBands, KeltnerChannels
from livetrader_engine.indicators.volume import AccumulationDistribution
from tests.unit.engine.indicators.reference import VALUE, Case, check, symbol_of

SPY, QQQ, AMZN, SPX = (symbol_of(ticker) for ticker in ("SPY", "QQQ", "AMZN", "SPX"))
SPEARMAN = CorrelationType.SPEARMAN

CASES = (
    Case("spy_apo.txt", lambda: AbsolutePriceOscillator(5, 10), {"APO_5_10": VALUE}),
    Case(
        "spy_acceleration_bands_20_4.txt",
        lambda: AccelerationBands(20, 4),
        {"MiddleBand": "middle_band", "LowerBand": "lower_band", "UpperBand": "upper_band"},
        1e-4,
    ),
    Case("spy_ad_osc.txt", lambda: AccumulationDistributionOscillator(3, 10), {"AdOsc_3_10": VALUE}, 1e-2),
    Case("spy_ad_osc.txt", lambda: ChaikinOscillator(3, 10), {"AdOsc_3_10": VALUE}, 1e-2),
    Case("spy_ad.txt", AccumulationDistribution, {"AD": VALUE}, 1e-2),
    Case("alpha_indicator_datatest.csv", lambda: Alpha(AMZN, SPX, 5), {"Alpha": VALUE}),
    Case("spy_alma.txt", lambda: ArnaudLegouxMovingAverage(9, 6), {"ALMA": VALUE}),
    Case("spy_aps.txt", lambda: AugenPriceSpike(20), {"APS": VALUE}, 1.0),
    Case(
        "spy_arima.csv",
        lambda: AutoRegressiveIntegratedMovingAverage(1, 0, 1, 50),
        {"ARIMA": VALUE},
        10.0,
    ),
    Case("spy_aroon_oscillator.txt", lambda: AroonOscillator(14, 14), {"Aroon Oscillator 14": VALUE}),
    Case(
        "spy_with_adx.txt",
        lambda: AverageDirectionalIndex(14),
        {"ADX 14": VALUE, "+DI14": "positive_directional_index", "-DI14": "negative_directional_index"},
        1.0,
    ),
    Case("spy_with_adx.txt", lambda: AverageDirectionalMovementIndexRating(14), {"ADXR 14": VALUE}, 1.0),
    Case("spy_adr.csv", lambda: AverageRange(20), {"adr": VALUE}),
    Case("spy_atr_wilder.txt", lambda: AverageTrueRange(14), {"Average True Range 14": VALUE}),
    Case(
        "spy_atr.txt",
        lambda: AverageTrueRange(14, MovingAverageType.SIMPLE),
        {"Average True Range 14": VALUE},
    ),
    Case("spy_ao.txt", lambda: AwesomeOscillator(5, 34), {"AO": VALUE}),
    Case("spy_bop.txt", BalanceOfPower, {"BOP": VALUE}),
    Case("bi_datatest.csv", lambda: Beta(AMZN, SPX, 5), {"Beta": VALUE}),
    Case(
        "spy_bollinger_bands.txt",
        lambda: BollingerBands(20, 2),
        {
            "Moving Average 20": "middle_band",
            "Bollinger Bands® 20 2 Top": "upper_band",
            "Bollinger Bands® 20 2 Bottom": "lower_band",
            "BandWidth": "band_width",
            "%B": "percent_b",
        },
    ),
    Case("spy_cmf.txt", lambda: ChaikinMoneyFlow(20), {"CMF_20": VALUE}),
    Case(
        "spy_with_ChandeKrollStop.csv",
        lambda: ChandeKrollStop(5, 2.0, 3),
        {"short_stop": "short_stop", "long_stop": "long_stop"},
        1e-6,
    ),
    Case("spy_cmo.txt", lambda: ChandeMomentumOscillator(5), {"CMO_5": VALUE}),
    Case("spy_with_chop.csv", lambda: ChoppinessIndex(14), {"CHOP14": VALUE}),
    Case(
        "spy_with_cci.txt",
        lambda: CommodityChannelIndex(14),
        {"Commodity Channel Index (CCI) 14": VALUE},
        1e-2,
    ),
    Case("spy_crsi.csv", lambda: ConnorsRelativeStrengthIndex(3, 2, 100), {"crsi": VALUE}),
    Case("spy_coppock_curve.csv", CoppockCurve, {"CoppockCurve": VALUE}),
    Case("spy_qqq_corr.csv", lambda: Correlation(SPY, QQQ, 252), {"Correlation_Pearson": VALUE}),
    Case("spy_qqq_corr.csv", lambda: Correlation(SPY, QQQ, 252, SPEARMAN), {"Correlation_Spearman": VALUE}),
    Case("spy_qqq_cov.csv", lambda: Covariance(SPY, QQQ, 252), {"Covariance": VALUE}),
    Case("eurusd60_dem.txt", lambda: DeMarkerIndicator(14), {"DeM": VALUE}),
    Case("spy_do.csv", lambda: DerivativeOscillator(14, 5, 3, 9), {"DO": VALUE}, 1e-9),
    Case("spy_dpo.csv", lambda: DetrendedPriceOscillator(21), {"DPO": VALUE}),
    Case(
        "spy_with_don50.txt",
        lambda: DonchianChannel(50),
        {
            "Donchian Channels 50 Mean": VALUE,
            "Donchian Channels 50 Top": "upper_band",
            "Donchian Channels 50 Bottom": "lower_band",
        },
        1e-2,
    ),
    Case("spy_dema.txt", lambda: DoubleExponentialMovingAverage(5), {"DEMA_5": VALUE}),
    Case("spy_emv.txt", EaseOfMovementValue, {"EMV": VALUE}),
    Case("spy_ema.csv", lambda: ExponentialMovingAverage(14), {"EMA14": VALUE}),
    Case("spy_with_fisher.txt", lambda: FisherTransform(10), {"Fisher Transform 10": VALUE}),
    Case("spy_with_ForceIndex.csv", lambda: ForceIndex(20), {"ForceIndex20": VALUE}, 1e-2),
    Case("frama.txt", lambda: FractalAdaptiveMovingAverage(16), {"Filt": VALUE}, 0.006),
    Case(
        "spy_heikin_ashi.txt",
        HeikinAshi,
        {"HA_Open": "open", "HA_High": "high", "HA_Low": "low", "HA_Close": "close", "Volume": "volume"},
    ),
    Case("spy_with_hilbert.csv", HilbertTransform, {"InPhase": "in_phase", "Quadrature": "quadrature"}),
    Case("spy_hma.txt", lambda: HullMovingAverage(16), {"HMA_16": VALUE}),
    Case("spy_hurst_exponent.csv", lambda: HurstExponent(252, 20), {"hurst_exponent": VALUE}),
    Case("spy_with_ibs.csv", InternalBarStrength, {"IBS": VALUE}),
    Case(
        "spy_with_ichimoku.csv",
        IchimokuKinkoHyo,
        {
            "TenkanMaximum": "tenkan_maximum",
            "TenkanMinimum": "tenkan_minimum",
            "Tenkan": "tenkan",
            "KijunMaximum": "kijun_maximum",
            "KijunMinimum": "kijun_minimum",
            "Kijun": "kijun",
            "DelayedTenkanSenkouA": "delayed_tenkan_senkou_a",
            "DelayedKijunSenkouA": "delayed_kijun_senkou_a",
            "Senkou A": "senkou_a",
            "SenkouBMaximum": "senkou_b_maximum",
            "SenkouBMinimum": "senkou_b_minimum",
            "DelayedMaximumSenkouB": "delayed_maximum_senkou_b",
            "DelayedMinimumSenkouB": "delayed_minimum_senkou_b",
        },
    ),
    Case("spy_kama.txt", lambda: KaufmanAdaptiveMovingAverage(5), {"KAMA_5": VALUE}),
    Case("spy_ker.txt", lambda: KaufmanEfficiencyRatio(10), {"KER": VALUE}),
    Case(
        "spy_with_keltner.csv",
        lambda: KeltnerChannels(20, 1.5),
        {
            "Middle Band": "middle_band",
            "Keltner Channels 20 Top": "upper_band",
            "Keltner Channels 20 Bottom": "lower_band",
        },
    ),
    Case("spy_with_kvo.csv", lambda: KlingerVolumeOscillator(5, 10), {"KVO5_10": VALUE}, 1e-2),
    Case(
        "spy_with_kst.csv",
        lambda: KnowSureThing(5, 5, 10, 5, 15, 5, 25, 10, 9),
        {"kst": VALUE, "signal": "signal_line"},
    ),
    Case("lsma.csv", lambda: LeastSquaresMovingAverage(20), {"LSMA": VALUE}, 5e-5),
    Case("spx_lwma.csv", lambda: LinearWeightedMovingAverage(6), {"LWMA": VALUE}, 1e-2),
    Case("spy_logr14.txt", lambda: LogReturn(14), {"LOGR14": VALUE}),
    Case("spy_asi.csv", lambda: WilderAccumulativeSwingIndex(8), {"ASI": VALUE}),
    Case("spy_si.csv", lambda: WilderSwingIndex(8), {"SI": VALUE}),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_agrees_with_leans_table(case: Case) -> None:
    assert check(case) >= 2 * len(case.columns)
