"""Ehlers' Swiss army knife: five two-pole filters. Source: LEAN Indicators/SwissArmyKnife.cs."""

from __future__ import annotations

import math
from enum import IntEnum
from typing import Final, NamedTuple

from livetrader_engine.indicators.base import Indicator, check_period, indicator
from livetrader_engine.indicators.extremes import Reading

_POLE_WIDTH: Final = 2.415  # Ehlers': 1/(√2 − 1), with which a two-pole filter loses 3 dB at its period


class SwissArmyKnifeTool(IntEnum):
    """Kind of filter; values as in LEAN."""

    GAUSS = 0
    BUTTER = 1
    HIGH_PASS = 2
    TWO_POLE_HIGH_PASS = 3
    BAND_PASS = 4


class _Coefficients(NamedTuple):
    """signal = gain·(price + b1·price₋₁ + b2·price₋₂) + a1·signal₋₁ + a2·signal₋₂."""

    gain: float
    b1: float
    b2: float
    a1: float
    a2: float


def _coefficients(period: int, delta: float, tool: SwissArmyKnifeTool) -> _Coefficients:
    cosine, sine = math.cos(2 * math.pi / period), math.sin(2 * math.pi / period)
    if tool is SwissArmyKnifeTool.HIGH_PASS:
        alpha = (cosine + sine - 1) / cosine
        return _Coefficients((1 + alpha) / 2, -1.0, 0.0, 1 - alpha, 0.0)
    if tool is SwissArmyKnifeTool.BAND_PASS:
        gamma = 1 / math.cos(4 * math.pi * delta / period)
        alpha = gamma - math.sqrt(max(gamma * gamma - 1, 0.0))
        return _Coefficients((1 - alpha) / 2, 0.0, -1.0, -cosine * (1 - alpha), alpha)
    beta = _POLE_WIDTH * (1 - cosine)
    alpha = -beta + math.sqrt(beta * beta + 2 * beta)
    a1, a2 = 2 * (1 - alpha), -(1 - alpha) * (1 - alpha)
    if tool is SwissArmyKnifeTool.GAUSS:
        return _Coefficients(alpha * alpha, 0.0, 0.0, a1, a2)
    if tool is SwissArmyKnifeTool.BUTTER:
        return _Coefficients(alpha * alpha / 4, 2.0, 1.0, a1, a2)
    return _Coefficients((1 + alpha) * (1 + alpha) / 4, -2.0, 1.0, a1, a2)


class _Filter:
    """One filter and its last two signals."""

    __slots__ = ("_coefficients", "_signal", "_signal_before", "line")

    def __init__(self, line: Reading, coefficients: _Coefficients) -> None:
        self.line = line
        self._coefficients = coefficients
        self.reset()

    def reset(self) -> None:
        self._signal = self._signal_before = 0.0

    def step(self, price: float, before: float, two_before: float) -> float:
        gain, b1, b2, a1, a2 = self._coefficients
        signal = gain * (price + b1 * before + b2 * two_before) + (
            a1 * self._signal + a2 * self._signal_before
        )
        self._signal, self._signal_before = signal, self._signal
        return signal


@indicator("SWISS")
class SwissArmyKnife(Indicator):
    """Five filters side by side: `gauss`, `butter`, `high_pass`, `two_pole_high_pass`, `band_pass`.

    Its value is that of `tool`; `delta` is the half width of the band pass.
    """

    def __init__(
        self, period: int, delta: float, tool: int = SwissArmyKnifeTool.GAUSS, *, name: str | None = None
    ) -> None:
        super().__init__(name or f"Swiss({period},{delta},{SwissArmyKnifeTool(int(tool)).name})")
        self.warm_up_period = check_period(self.name, period)
        self._tool = SwissArmyKnifeTool(int(tool))
        self.gauss, self.butter = Reading(f"{self.name}_Gauss"), Reading(f"{self.name}_Butter")
        self.high_pass = Reading(f"{self.name}_HP")
        self.two_pole_high_pass = Reading(f"{self.name}_2PHP")
        self.band_pass = Reading(f"{self.name}_BP")
        lines = (self.gauss, self.butter, self.high_pass, self.two_pole_high_pass, self.band_pass)
        for line in lines:
            line.warm_up_period = period
        self._filters = tuple(
            _Filter(line, _coefficients(period, float(delta), each))
            for line, each in zip(lines, SwissArmyKnifeTool, strict=True)
        )
        self._before: tuple[float, float] | None = None

    def _compute(self, value: float) -> float:
        before, two_before = self._before or (value, value)
        self._before = (value, before)
        for each in self._filters:
            each.line.push(self.time_ns, each.step(value, before, two_before))
        return self._filters[self._tool].line.value

    def _clear(self) -> None:
        super()._clear()
        self._before = None
        for each in self._filters:
            each.reset()
