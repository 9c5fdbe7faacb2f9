"""Files read at once give what the careful readers give, bit by bit, or are left to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livetrader_engine.data.bars import MarketPoint, PriceScale, Tick
from livetrader_engine.data.subscription import Subscription, TickType
from livetrader_engine.errors import DataError
from livetrader_engine.symbols import NS_PER_MINUTE, Resolution, SecurityType, Symbol, equity_identifier
from livetrader_plugins.lean_data import bulk, convert, dayfile
from livetrader_plugins.lean_data.convert import NS_PER_MS, Adjustment, Layout

SPY = Symbol.create(equity_identifier("SPY", date(1998, 1, 2)), "SPY", SecurityType.EQUITY, "usa")
MIDNIGHT = 1_381_118_400_000_000_000

AtOnce = Callable[[bytes, Layout, Adjustment], list[MarketPoint] | None]


def _start(text: str) -> int:
    return MIDNIGHT + (round(float(text) * NS_PER_MS) if "." in text else int(text) * NS_PER_MS)


def _layout(divisor: float) -> Layout:
    return Layout("the file", SPY, divisor, _start, NS_PER_MINUTE, MIDNIGHT)


def _fields(points: Sequence[MarketPoint]) -> list[tuple[object, ...]]:
    return [tuple(map(repr, msgspec.structs.astuple(point))) for point in points]


_HOW = st.sampled_from(
    [
        Adjustment(scale=PriceScale()),
        Adjustment(0.9987654, scale=PriceScale(factor=Decimal("0.9987654"))),
        Adjustment(0.3333333, 1.37),
    ]
)
_WHOLE = st.integers(0, 10**9).map(str)
_PLAIN = st.decimals(0, 10**6, places=5, allow_nan=False).map(lambda number: f"{number:f}")
_TIMES = st.integers(0, 86_399_999).map(str)
_SIDE = st.one_of(
    st.tuples(_WHOLE, _WHOLE, _WHOLE, _WHOLE, st.one_of(_WHOLE, st.just(""))), st.just(("", "", "", "", ""))
)
_TRADES = st.lists(st.tuples(_TIMES, _WHOLE, _WHOLE, _WHOLE, _WHOLE, _WHOLE), min_size=1, max_size=20)
_PLAIN_TRADES = st.lists(st.tuples(_TIMES, _PLAIN, _PLAIN, _PLAIN, _WHOLE, _PLAIN), min_size=1, max_size=20)
_QUOTES = st.lists(
    st.builds(lambda when, bid, ask: (when, *bid, *ask), _TIMES, _SIDE, _SIDE), min_size=1, max_size=20
)
_FLAGS = st.tuples(st.sampled_from("PQNZ"), st.sampled_from(["0", "80000000"]), st.sampled_from("01"))
_TRADE_TICKS = st.lists(
    st.builds(lambda numbers, flags: (*numbers, *flags), st.tuples(_TIMES, _WHOLE, _WHOLE), _FLAGS),
    min_size=1, max_size=20,
)  # fmt: skip
_QUOTE_TICKS = st.lists(
    st.builds(
        lambda numbers, flags: (*numbers, *flags),
        st.tuples(_TIMES, _WHOLE, _WHOLE, st.one_of(_WHOLE, st.just("")), _WHOLE),
        _FLAGS,
    ),
    min_size=1,
    max_size=20,
)


def _text(rows: list[tuple[str, ...]]) -> bytes:
    return "".join(",".join(row) + "\n" for row in rows).encode()


def _agree(
    at_once: AtOnce, careful: convert.RowReader, rows: list[tuple[str, ...]], divisor: float, how: Adjustment
) -> None:
    layout = _layout(divisor)
    expected = list(careful([",".join(row) for row in rows], layout, how))
    points = at_once(_text(rows), layout, how)
    assert points is not None
    assert _fields(points) == _fields(expected)


@given(_TRADES, _HOW)
def test_trade_bars_in_units_agree(rows: list[tuple[str, ...]], how: Adjustment) -> None:
    _agree(bulk.trade_bars, convert.trade_bars, rows, 10_000.0, how)


@given(_PLAIN_TRADES, _HOW)
def test_trade_bars_with_decimal_points_agree(rows: list[tuple[str, ...]], how: Adjustment) -> None:
    _agree(bulk.trade_bars, convert.trade_bars, rows, 1.0, how)


@given(_QUOTES, _HOW)
def test_quote_bars_agree_where_a_side_is_missing_too(rows: list[tuple[str, ...]], how: Adjustment) -> None:
    _agree(bulk.quote_bars, convert.quote_bars, rows, 10_000.0, how)


@given(_TRADE_TICKS, _HOW)
def test_trade_ticks_agree(rows: list[tuple[str, ...]], how: Adjustment) -> None:
    _agree(bulk.trade_ticks, convert.trade_ticks, rows, 10_000.0, how)


@given(_QUOTE_TICKS, _HOW)
def test_quote_ticks_agree(rows: list[tuple[str, ...]], how: Adjustment) -> None:
    _agree(bulk.quote_ticks, convert.quote_ticks, rows, 10_000.0, how)


@pytest.mark.parametrize(
    "row",
    [
        "34200000,1,2,3,4",
        "34200000,1,2,3,4,5,6",
        "34200000,1,2,,4,5",
        "34200000,1,2,x,4,5",
        "34200000,1,2,3.0.0,4,5",
        "34200000,1,2,.,4,5",
        "",
    ],
)
def test_a_row_of_another_shape_is_left_to_the_careful_reader_which_names_it(row: str) -> None:
    good = "34200000,10000,10000,10000,10000,5"
    text = f"{good}\n{row}\n{good}\n".encode()
    assert bulk.trade_bars(text, _layout(10_000.0), Adjustment()) is None
    stream = Subscription(SPY, Resolution.MINUTE)
    read = dayfile.day_batches(stream, text, _layout(10_000.0), Adjustment())
    if row:
        with pytest.raises(DataError, match="the file: row 2 "):
            list(read)
    else:
        assert [len(batch) for batch in read] == [2]  # an empty row is nothing


def test_rows_that_are_short_and_long_by_one_are_not_taken_for_good_ones() -> None:
    text = b"34200000,1,2,3,4\n34260000,1,2,3,4,5,6\n"
    assert bulk.trade_bars(text, _layout(10_000.0), Adjustment()) is None


def test_a_large_file_is_read_in_parts_and_ticks_of_one_instant_stay_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dayfile, "CHUNK_BYTES", 100)
    rows = [f"{34_200_000 + number // 7},{10_000 + number},5,Q,0,0" for number in range(200)]
    text = ("\r\n".join(rows)).encode()
    stream = Subscription(SPY, Resolution.TICK, TickType.TRADE)
    batches = list(dayfile.day_batches(stream, text, _layout(10_000.0), Adjustment()))
    assert len(batches) > 20
    ticks = [point for batch in batches for point in batch if isinstance(point, Tick)]
    assert [tick.price for tick in ticks] == [(10_000 + number) / 10_000 for number in range(200)]
    for one, other in pairwise(batches):
        assert one[-1].time_ns < other[0].time_ns


def test_a_bad_row_in_a_later_part_is_named_by_its_number_in_the_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dayfile, "CHUNK_BYTES", 100)
    rows = [f"{34_200_000 + number},10000,10000,10000,10000,5" for number in range(50)]
    rows[41] = "nonsense"
    stream = Subscription(SPY, Resolution.SECOND)
    with pytest.raises(DataError, match="the file: row 42 "):
        list(dayfile.day_batches(stream, "\n".join(rows).encode(), _layout(10_000.0), Adjustment()))
