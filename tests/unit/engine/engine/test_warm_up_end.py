"""When the end of warm-up is told where there was none."""

from __future__ import annotations

from livetrader_engine.symbols import Resolution
from tests.unit.engine.world import SPY, backtest, minute_bar, step

FLAT = (100.0, 100.0, 100.0, 100.0)


def test_without_warm_up_its_end_comes_before_any_data() -> None:
    engine, recorder, _ = backtest("2013-10-07 00:00")
    engine.subscriptions.add_security(SPY, Resolution.MINUTE)
    prices: list[float] = []
    recorder.acts["warm"] = lambda: prices.append(engine.securities[SPY].price)
    engine.process(step(minute_bar("2013-10-07 09:31", FLAT)))
    assert recorder.calls == ["warm", "changed +['SPY'] -[]", "data"]
    assert prices == [0]


def test_who_quits_when_warm_up_ends_sees_no_data() -> None:
    engine, recorder, _ = backtest("2013-10-07 00:00")
    engine.subscriptions.add_security(SPY, Resolution.MINUTE)
    recorder.acts["warm"] = lambda: setattr(engine, "quit_reason", "enough")
    engine.process(step(minute_bar("2013-10-07 09:31", FLAT)))
    assert recorder.calls == ["warm"]
    assert engine.data_points == 0
