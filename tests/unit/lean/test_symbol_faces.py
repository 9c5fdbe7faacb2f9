"""Symbols, identifiers, .NET's names and helpers as algorithms use them, without a run around them."""

# mypy: disable-error-code="attr-defined"
# PascalCase spellings are made when the classes are

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.symbols import SecurityType as CoreSecurityType
from livetrader_engine.symbols import Symbol as CoreSymbol
from livetrader_lean.dotnet import CircularQueue, Dictionary, HashSet, List, Object, TimeSpan
from livetrader_lean.enums import OptionRight, OptionStyle, SecurityType
from livetrader_lean.extensions import Extensions, Market, TimeZones
from livetrader_lean.loader import install
from livetrader_lean.namespace import NAMES, lookup
from livetrader_lean.spans import Time
from livetrader_lean.statistics import PerformanceMetrics
from livetrader_lean.symbol_cache import SymbolCache
from livetrader_lean.symbols import SecurityIdentifier, Symbol

SPY_TEXT = "SPY R735QTJ8XC9X"


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    resolver, securities = Symbol.resolver, SymbolCache.securities
    yield
    Symbol.resolver, SymbolCache.securities = resolver, securities
    SymbolCache.clear()


def spy() -> Symbol:
    return Symbol(CoreSymbol.create(SPY_TEXT, "SPY", CoreSecurityType.EQUITY, "usa"))


def test_an_identifier_tells_what_it_holds_in_both_spellings() -> None:
    found = SecurityIdentifier.Parse("GOOCV 306CZL2DIPERQ|GOOCV VP83T1ZUHROL")
    assert found.security_type == SecurityType.OPTION
    assert (found.symbol, found.market, found.StrikePrice) == ("GOOCV", "usa", 747.5)
    assert (found.date, found.option_right) == (datetime(2016, 1, 15), OptionRight.PUT)  # noqa: DTZ001
    assert found.has_underlying
    assert found.underlying == "GOOCV VP83T1ZUHROL"
    assert SecurityIdentifier.try_parse("no") == (False, None)
    with pytest.raises(AlgorithmError, match="is no option"):
        _ = spy().id.strike_price


def test_identifiers_are_made_as_lean_makes_them() -> None:
    first = datetime(1998, 1, 2)  # noqa: DTZ001
    equity = SecurityIdentifier.generate_equity(first, "SPY", Market.USA)
    assert str(equity) == SPY_TEXT
    assert str(SecurityIdentifier.generate_forex("EURUSD", Market.OANDA)) == "EURUSD 8G"
    assert str(SecurityIdentifier.generate_index("SPX", Market.USA)) == "SPX 31"
    expiry = datetime(2021, 1, 15)  # noqa: DTZ001
    option = SecurityIdentifier.generate_option(
        expiry, SecurityIdentifier.parse("SPX 31"), Market.USA, 4200, OptionRight.PUT, OptionStyle.EUROPEAN
    )
    assert str(option) == "SPX 31KC0UJHCBG4U|SPX 31"


def test_an_option_symbol_has_an_osi_ticker_and_its_underlying() -> None:
    Symbol.resolver = lambda ticker, kind, market: spy().core
    expiry = datetime(2016, 1, 15)  # noqa: DTZ001
    made = Symbol.create_option("SPY", Market.USA, OptionStyle.AMERICAN, OptionRight.CALL, 192.5, expiry)
    assert made.value == "SPY   160115C00192500"
    assert made.underlying is spy()
    assert made.security_type == SecurityType.OPTION


def test_a_symbol_is_its_ticker_and_its_text_and_has_an_order() -> None:
    symbol = spy()
    assert symbol == "SPY" == symbol
    assert symbol == SPY_TEXT
    assert symbol != "IBM"
    by_symbol: dict[object, int] = {symbol: 1}
    assert by_symbol["SPY"] == 1
    assert "AAPL" < symbol < "TSLA"
    assert Symbol(symbol.id, "SPY") is symbol
    assert symbol.starts_with("S")
    assert symbol.EndsWith("PY")
    assert (symbol.Contains("P"), symbol.CompareTo("SPY")) == (True, 0)


def test_the_symbol_cache_knows_what_was_added_and_what_was_set() -> None:
    SymbolCache.securities = lambda: [spy().core]
    assert SymbolCache.try_get_symbol("spy", None) == (True, spy())
    assert SymbolCache.TryGetSymbol("AAPL", None) == (False, None)
    SymbolCache.set("MINE", spy())
    assert SymbolCache.get_symbol("mine") is spy()
    with pytest.raises(AlgorithmError, match="AAPL is not in the symbol cache"):
        SymbolCache.get_symbol("AAPL")


def test_collections_of_dotnet_have_both_sides_members() -> None:
    numbers = List[int]()
    numbers.Add(3)
    numbers.add_range([4, 5])
    assert (numbers, numbers.Count, numbers.IndexOf(9)) == ([3, 4, 5], 3, -1)
    table = Dictionary[str, int]()
    table.Add("one", 1)
    assert [(entry.key, entry.Value) for entry in table] == [("one", 1)]
    assert ("one" in table, table["one"], table.TryGetValue("two")) == (True, 1, (False, None))
    with pytest.raises(KeyError, match="added already"):
        table.add("one", 2)
    assert HashSet[int]([1, 1]).count == 1
    assert Object.reference_equals(table, table)


def test_a_circular_queue_tells_when_its_first_item_comes_out() -> None:
    told: list[int] = []
    queue = CircularQueue[int]([1, 2])
    queue.circle_completed += lambda sender, arguments: told.append(len(told))
    assert [queue.dequeue() for _ in range(5)] == [1, 2, 1, 2, 1]
    assert told == [0, 1, 2]


def test_spans_times_and_helpers() -> None:
    assert TimeSpan.FromMinutes(90) == timedelta(hours=1, minutes=30) == TimeSpan(1, 30, 0)
    assert (Time.OneDay, TimeZones.NewYork) == (timedelta(days=1), "America/New_York")
    assert Extensions.round_to_significant_digits(143.61251, 5) == 143.61
    assert Extensions.round_to_significant_digits(-0.00123456, 3) == -0.00123
    noon = datetime(2013, 10, 7, 12)  # noqa: DTZ001
    assert Extensions.convert_from_utc(noon, TimeZones.NEW_YORK).hour == 8
    assert Extensions.RoundDown(noon.replace(minute=59), timedelta(hours=1)) == noon
    assert PerformanceMetrics.SharpeRatio == PerformanceMetrics.SHARPE_RATIO == "Sharpe Ratio"


def test_collections_come_from_system_and_typing_from_algorithm_imports() -> None:
    install()

    from System.Collections.Generic import List as DotNetList  # type: ignore[import-not-found]

    assert DotNetList is List
    assert NAMES["List"] is not List  # that of Python's typing


def test_a_name_that_nobody_knows_is_refused_with_what_was_meant() -> None:
    with pytest.raises(AttributeError, match="did you mean Resolution"):
        _ = lookup("Resolutoin").DAILY
