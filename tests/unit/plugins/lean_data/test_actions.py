"""Corporate actions out of small factor and map files; what they should be is counted by hand."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from livetrader_engine.data.corporate_actions import (
    CorporateAction,
    Delisting,
    DelistingKind,
    Dividend,
    Split,
    SplitKind,
    SymbolChange,
)
from livetrader_engine.symbols import SecurityType, Symbol, equity_identifier
from livetrader_plugins.lean_data.actions import corporate_actions
from livetrader_plugins.lean_data.convert import FactorFile, MapFile, read_factor_file, read_map_file
from tests.unit.engine.calendar.hours_of import us_equities

US = us_equities()
OLD = Symbol.create(equity_identifier("OLD", date(2013, 9, 3)), "NEW", SecurityType.EQUITY, "usa")

# Thursday 3 October 2013: 1 % of 200 is paid, from Friday on. Friday 4: two for one, from Monday on.
FACTORS = read_factor_file("f", "20131003,0.99,0.5,200\n20131004,1,0.5,198\n20501231,1,1,0\n")
MAPPED = read_map_file("m", "20130903,old,Q\n20131008,old,Q\n20131010,new,Q\n")


def actions(
    first: date, last: date, factors: FactorFile | None = FACTORS, mapped: MapFile | None = None
) -> list[CorporateAction]:
    return list(corporate_actions(OLD, (factors, mapped), US, (first, last)))


def midnight(day: int) -> int:
    return US.local_midnight(date(2013, 10, day))


def test_a_dividend_counts_from_the_next_session_on_and_a_split_is_told_the_session_before() -> None:
    assert actions(date(2013, 10, 1), date(2013, 10, 31)) == [
        Split(OLD, midnight(4), SplitKind.WARNING, Decimal("0.5"), Decimal(0)),
        Dividend(OLD, midnight(4), Decimal("2.00"), Decimal(200)),
        Split(OLD, midnight(7), SplitKind.OCCURRED, Decimal("0.5"), Decimal(198)),
    ]


def test_a_stream_hears_of_the_rows_in_its_span_only() -> None:
    assert actions(date(2013, 10, 5), date(2013, 10, 31)) == []
    assert actions(date(2013, 10, 4), date(2013, 10, 6)) == [
        Split(OLD, midnight(4), SplitKind.WARNING, Decimal("0.5"), Decimal(0))
    ]


def test_a_row_without_reference_price_tells_nothing() -> None:
    factors = read_factor_file("f", "20131003,0.99,1,0\n20501231,1,1,0\n")
    assert actions(date(2013, 10, 1), date(2013, 10, 31), factors) == []


def test_a_new_ticker_counts_from_the_session_after_the_old_ones_last() -> None:
    found = actions(date(2013, 10, 7), date(2013, 10, 9), None, MAPPED)
    assert found == [SymbolChange(OLD, midnight(9), "OLD", "NEW")]


def test_a_delisting_is_told_on_the_last_day_and_done_at_the_midnight_after_it() -> None:
    found = actions(date(2013, 10, 9), date(2013, 10, 11), None, MAPPED)
    assert found == [
        Delisting(OLD, midnight(10), DelistingKind.WARNING),
        Delisting(OLD, midnight(11), DelistingKind.DELISTED),
    ]
    assert actions(date(2013, 10, 9), date(2013, 10, 10), None, MAPPED) == found[:1]
    assert actions(date(2013, 10, 11), date(2013, 10, 31), None, MAPPED) == []
