"""Both spellings: what the library defines, what a user overrides, and what must stay the user's own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from livetrader_engine.symbols import SecurityType
from livetrader_engine.symbols import Symbol as CoreSymbol
from livetrader_lean.algorithm import QCAlgorithm
from livetrader_lean.enums import DayOfWeek, OrderStatus, Resolution
from livetrader_lean.indicators import HELPERS, INDICATORS, RollingWindow
from livetrader_lean.names import Twins, pascal, snake, twin_of, twins
from livetrader_lean.views import SymbolView


@pytest.mark.parametrize(
    ("written", "legacy"),
    [
        ("set_start_date", "SetStartDate"),
        ("utc_time", "UtcTime"),
        ("on_data", "OnData"),
        ("set_warm_up", "SetWarmUp"),
        ("set_warmup", "SetWarmup"),
        ("id", "ID"),
        ("composite_figi", "CompositeFIGI"),
        ("sma", "SMA"),
        ("macd", "MACD"),
        ("identity", "Identity"),
    ],
)
def test_names_convert_both_ways(written: str, legacy: str) -> None:
    assert pascal(written) == legacy
    assert snake(legacy) == written


def test_private_and_camel_case_names_have_no_twin() -> None:
    assert twin_of("_private") is None
    assert twin_of("modelIsTraining") is None
    assert twin_of("__init__") is None


def test_every_public_member_of_the_algorithm_has_both_spellings() -> None:
    names = {name for name in dir(QCAlgorithm) if twin_of(name) is not None}
    lonely = {name for name in names if twin_of(name) not in names}
    assert not lonely
    assert {"SetHoldings", "set_holdings", "Train", "train", "Portfolio", "IsWarmingUp"} <= names
    assert {str(entries[0].helper) for entries in HELPERS.values()} <= names


def test_both_spellings_are_the_same_member() -> None:
    assert QCAlgorithm.SetHoldings is QCAlgorithm.set_holdings  # type: ignore[attr-defined]  # generated
    assert QCAlgorithm.RSI is QCAlgorithm.rsi  # type: ignore[attr-defined]  # generated


def test_a_legacy_callback_is_found_under_its_written_name_and_back() -> None:
    class Legacy(QCAlgorithm):
        def OnData(self, data: object) -> str:
            return "legacy"

    class Modern(Legacy):
        def on_data(self, data: object) -> str:  # type: ignore[override]  # the generated twin
            return "modern of " + super().on_data(data)  # type: ignore[operator]

    class LegacyAgain(Modern):
        def OnData(self, data: object) -> str:
            return "again " + super().OnData(data)

    made = object.__new__(LegacyAgain)
    assert made.on_data(None) == "again modern of legacy"  # type: ignore[comparison-overlap]
    assert object.__new__(Modern).OnData(None) == "modern of legacy"


def test_a_users_own_method_never_replaces_a_member_of_the_library() -> None:
    class Chatty(QCAlgorithm):
        def debug(self, message: object) -> None:
            raise AssertionError("the library's Debug was replaced")

        def train_model(self) -> int:
            return 1

    assert Chatty.Debug is QCAlgorithm.Debug  # type: ignore[attr-defined]  # generated
    assert not hasattr(Chatty, "TrainModel")


def test_twins_are_generated_for_plain_classes_and_leave_what_is_there() -> None:
    @twins
    class Plain:
        limit_price = 1
        Tag = "given"

        def tag(self) -> str:
            return "method"

    assert Plain.LimitPrice == 1  # type: ignore[attr-defined]  # generated
    assert Plain.Tag == "given"
    assert issubclass(QCAlgorithm, Twins)


def test_enum_members_have_both_spellings_and_lean_text() -> None:
    assert Resolution.Daily is Resolution.DAILY  # type: ignore[attr-defined]  # generated
    assert OrderStatus.PartiallyFilled is OrderStatus.PARTIALLY_FILLED  # type: ignore[attr-defined]
    assert Resolution["Minute"] is Resolution.MINUTE
    assert f"{OrderStatus.PARTIALLY_FILLED}" == "PartiallyFilled"
    assert int(DayOfWeek.Sunday) == 0
    with pytest.raises(AttributeError, match="Weekly"):
        _ = Resolution.Weekly  # type: ignore[attr-defined]  # there is none


def test_the_parts_of_an_indicator_have_faces_too() -> None:
    macd = INDICATORS["MovingAverageConvergenceDivergence"](3, 6, 2)  # type: ignore[arg-type, call-arg]
    assert macd.Signal.Current.Value == macd.signal.current.value  # type: ignore[attr-defined]
    named = INDICATORS["ExponentialMovingAverage"]("mine", 4)  # type: ignore[call-arg]
    assert named.Name == "mine"  # type: ignore[attr-defined]


def test_what_a_face_inherits_from_the_core_has_both_spellings() -> None:
    window: Any = RollingWindow(2)
    window.Add(1.0)
    window.add(2.0)
    window.Add(3.0)
    assert (window.Count, window.Size, window.IsReady) == (2, 2, True)
    assert list(window) == [3.0, 2.0]
    window.Reset()
    assert window.count == 0


def test_keys_and_values_are_read_and_called_in_both_spellings() -> None:
    spy = CoreSymbol.create("SPY R735QTJ8XC9X", "SPY", SecurityType.EQUITY, "usa")

    class Prices(SymbolView[float]):
        def _symbols(self) -> Iterator[CoreSymbol]:
            return iter((spy,))

        def _value(self, symbol: CoreSymbol) -> float:
            return 1.5

    view: Any = Prices()
    assert view.Values == view.values == view.Values() == view.values() == [1.5]
    for keys in (view.Keys, view.keys, view.Keys(), view.keys()):
        assert [key.value for key in keys] == ["SPY"]
