"""What LEAN's helpers call the indicators they make: `SMA(14,SPY_min)`. Charts show these names.

Source: QCAlgorithm.Indicators.cs, CreateIndicatorName and each helper's template.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import Enum
from typing import Any, Final

from livetrader_lean.enums import Resolution

_SHORT: Final = {
    Resolution.TICK: "tick", Resolution.SECOND: "sec", Resolution.MINUTE: "min", Resolution.HOUR: "hr",
    Resolution.DAILY: "day",
}  # fmt: skip

# helpers whose template is not HELPER({all parameters but kinds of averages})
_TEMPLATES: Final[Mapping[str, str]] = {
    "A": "A({alpha_period},{beta_period})", "ADDIFF": "A/D Difference", "ADR": "A/D Ratio",
    "ADVR": "A/D Volume Rate", "AO": "AO({fast_period},{slow_period},{type})",
    "ARIMA": "ARIMA({ar_order},{diff_order},{ma_order},{period})", "ASI": "ASI", "C": "C({period})",
    "DEM": "DEM({period},{type})", "DEMA": "DEMA({period})", "EMA": "EMA({period})",
    "EMV": "EMV({period}, {scale})",
    "FilteredIdentity": "close", "HeikinAshi": "HA",
    "HT": "HT({length}, {in_phase_multiplication_factor}, {quadrature_multiplication_factor})",
    "Identity": "close",
    "KST": "KST({roc1_period},{roc1_ma_period},{roc2_period},{roc2_ma_period},{roc3_period},"
    "{roc3_ma_period},{roc4_period},{roc4_ma_period},{signal_period},{moving_average_type})",
    "MOSC": "MO({fast_period},{slow_period})", "NHNL": "NH/NL({period})", "NHNLV": "NH/NL Volume({period})",
    "PPHL": "PPHL({surrounding_bars_count_for_high_point},{surrounding_bars_count_for_low_point})",
    "RSI": "RSI({period},{moving_average_type})",
    "RVI": "RVI({period},{type})", "SI": "SI",
    "SM": "SM({bollinger_period}, {bollinger_multiplier}, {keltner_period}, {keltner_multiplier})",
    "SR": "SR({period})",
}  # fmt: skip
# where parameters are shown that may be left out: AROON(14) is AROON(14,14)
_LIKE_THE_FIRST: Final = frozenset({"down_period", "lower_period", "k_period", "d_period"})


def indicator_name(kind: str, symbol: object | None, resolution: object | None) -> str:
    """Return LEAN's name: the kind with its parameters, whose it is (None: several) and the resolution."""
    places = [] if symbol is None else [str(symbol)]
    places.append(_SHORT.get(Resolution(int(resolution)), "") if isinstance(resolution, int) else "")
    return f"{kind}({'_'.join(places)})".replace(")(", ",")


def kind_name(helper: str, parameters: Mapping[str, Any]) -> str:
    """Return the helper's name with the parameters that LEAN shows."""
    shown = dict(parameters)
    first = next(iter(shown.values()), None)
    for name in _LIKE_THE_FIRST & shown.keys():
        shown[name] = first if shown[name] is None else shown[name]
    texts = {name: _text(value) for name, value in shown.items()}
    template = _TEMPLATES.get(helper)
    if template is not None:
        rate = parameters.get("risk_free_rate")
        return template.format(**texts) if rate is None else f"{template.format(**texts)[:-1]},{_text(rate)})"
    values = [text for name, text in texts.items() if not name.endswith("type")]
    return f"{helper}({','.join(values)})" if values else helper


def span_text(span: timedelta) -> str:
    """Write a span as .NET does: `[d.]hh:mm:ss`."""
    minutes, seconds = divmod(span.seconds, 60)
    days = f"{span.days}." if span.days else ""
    return f"{days}{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"


def _text(value: object) -> str:
    if isinstance(value, Enum):
        return "".join(part.title() for part in value.name.split("_"))
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
