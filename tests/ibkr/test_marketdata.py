"""What ticks mean: trades by volume, books that are never crossed, and what is put into quarantine."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livetrader_engine.data.pointgate import is_bar
from livetrader_engine.symbols import NS_PER_SECOND
from livetrader_plugins.ibkr.marketdata import (
    ASK,
    ASK_SIZE,
    BID,
    BID_SIZE,
    LAST,
    LAST_SIZE,
    TRUST_NS,
    VOLUME,
    Book,
    Heard,
    Quoted,
    Traded,
)


class Reader:
    """A book and everything it said."""

    def __init__(self, *, counts_volume: bool = True) -> None:
        self.book = Book(counts_volume=counts_volume)
        self.now_ns = NS_PER_SECOND
        self.heard: list[Heard] = []

    def take(self, heard: Heard | None) -> None:
        if heard is not None:
            self.heard.append(heard)

    def price(self, kind: int, price: float, size: float = 100.0) -> None:
        self.now_ns += 1000
        self.take(self.book.price(self.now_ns, kind, price, size))

    def size(self, kind: int, size: float) -> None:
        self.now_ns += 1000
        self.take(self.book.size(self.now_ns, kind, size))

    def quote(self, bid: float, ask: float) -> None:
        """Tell a quote as TWS does: in four messages."""
        self.price(BID, bid)
        self.price(ASK, ask)
        self.size(BID_SIZE, 100)
        self.size(ASK_SIZE, 100)

    def wait(self, span_ns: int) -> None:
        self.now_ns += span_ns
        self.take(self.book.settle(self.now_ns))

    @property
    def quotes(self) -> list[tuple[float, float]]:
        return [(each.bid, each.ask) for each in self.heard if isinstance(each, Quoted)]

    @property
    def trades(self) -> list[Traded]:
        return [each for each in self.heard if isinstance(each, Traded)]


sides = st.sampled_from([BID, ASK, 66, 67])
any_price = st.sampled_from([-1.0, 0.0, -5.0, math.nan, math.inf, 1.7976931348623157e308, 99.0, 100.0, 101.0])


@given(
    st.lists(
        st.tuples(sides, any_price, st.sampled_from([0.0, 100.0, math.nan]), st.integers(0, 2 * TRUST_NS))
    )
)
def test_whatever_comes_no_quote_is_crossed_and_no_price_impossible(
    ticks: list[tuple[int, float, float, int]],
) -> None:
    reader = Reader()
    for kind, price, size, pause_ns in ticks:
        reader.wait(pause_ns)
        reader.price(kind, price, size)
    for each in reader.heard:
        assert isinstance(each, Quoted)
        assert all(math.isfinite(number) and number >= 0 for number in each)
        assert each.bid < each.ask or not (each.bid and each.ask)
        assert each.bid or each.ask
    refused = sum(
        not math.isfinite(price) or price > 1e300 or price < -1 or (price <= 0 and size > 0)
        for _, price, size, _ in ticks
    )
    assert reader.book.refused["not a price"] == refused


def test_a_book_that_moves_through_itself_is_not_crossed() -> None:
    reader = Reader()
    reader.quote(100.0, 101.0)
    reader.quote(102.0, 103.0)
    reader.quote(100.5, 101.5)
    assert reader.quotes[-1] == (100.5, 101.5) and (102.0, 103.0) in reader.quotes
    assert not reader.book.refused


def test_a_crossed_quote_stays_away_and_is_counted_once() -> None:
    reader = Reader()
    reader.quote(100.0, 101.0)
    before = reader.quotes
    reader.quote(105.0, 104.0)
    assert reader.quotes == before and reader.book.refused == {"bid not below ask": 1}
    reader.quote(100.1, 101.1)
    assert reader.quotes == [*before, (100.1, 101.1)]  # nothing of the crossed one is in it


def test_a_bid_that_is_taken_back_is_counted() -> None:
    reader = Reader()
    reader.quote(100.0, 101.0)
    reader.price(BID, 105.0)
    reader.price(BID, 100.2)
    assert reader.quotes[-1] == (100.2, 101.0) and reader.book.refused == {"bid not below ask": 1}


def test_a_locked_book_is_counted_when_it_stands_and_believed_when_it_has_stood_open() -> None:
    reader = Reader()
    reader.quote(100.0, 101.0)
    reader.price(BID, 101.0)
    reader.wait(TRUST_NS)
    assert reader.book.refused == {"bid not below ask": 1}
    reader.price(BID, 100.5)
    assert reader.quotes[-1] == (100.0, 101.0)  # one side only has been told anew
    reader.wait(TRUST_NS)
    assert reader.quotes[-1] == (100.5, 101.0)


def test_a_side_that_is_not_there_is_withdrawn() -> None:
    reader = Reader()
    reader.quote(100.0, 101.0)
    reader.price(BID, -1.0, 0.0)
    assert reader.heard[-1] == Quoted(0.0, 0.0, 101.0, 100.0) and not reader.book.refused


def test_sizes_are_told_apart_from_prices() -> None:
    reader = Reader()
    reader.price(BID, 100.0, 3.0)
    reader.price(ASK, 101.0, 4.0)
    reader.size(BID_SIZE, 7.0)
    reader.size(ASK_SIZE, 4.0)
    assert reader.heard[-1] == Quoted(100.0, 7.0, 101.0, 4.0) and len(reader.heard) == 2


def test_a_new_book_waits_for_its_second_side_and_not_for_ever() -> None:
    reader = Reader()
    reader.price(BID, 100.0)
    reader.size(BID_SIZE, 5.0)
    assert reader.heard == []
    reader.wait(TRUST_NS)
    assert reader.heard == [Quoted(100.0, 5.0, 0.0, 0.0)]


@pytest.mark.parametrize(("last", "volume"), [(LAST, VOLUME), (68, 74)])
def test_a_trade_is_what_the_volume_grew_by(last: int, volume: int) -> None:
    reader = Reader()
    reader.price(last, 100.0)
    reader.size(volume, 5000)
    reader.size(LAST_SIZE, 100)
    reader.price(last, 100.5)
    reader.size(volume, 5300)
    reader.size(volume, 5300)
    reader.size(volume, 5400)
    assert reader.trades == [Traded(100.5, 300.0), Traded(100.5, 100.0)]


def test_the_volume_of_a_new_day_begins_anew() -> None:
    reader = Reader()
    reader.price(LAST, 100.0)
    for total in (5000, 10, 25, math.nan, 1e301, 30):
        reader.size(VOLUME, total)
    assert reader.trades == [Traded(100.0, 15.0), Traded(100.0, 5.0)]
    assert reader.book.refused == {"not a volume": 2}


def test_an_index_has_no_volume_and_each_price_counts_but_the_standing_one() -> None:
    reader = Reader(counts_volume=False)
    for price in (4000.0, 4001.0, math.nan, 4001.5):
        reader.price(LAST, price, 0.0)
    assert reader.trades == [Traded(4001.0, 0.0), Traded(4001.5, 0.0)]
    assert reader.book.refused == {"not a price": 1}


@pytest.mark.parametrize(
    ("prices", "volume", "good"),
    [
        ((1.0, 2.0, 0.5, 1.5), 10.0, True),
        ((1.0, 0.9, 0.5, 0.8), 10.0, False),
        ((1.0, 2.0, 1.1, 1.5), 10.0, False),
        ((1.0, 2.0, 0.0, 1.5), 10.0, False),
        ((1.0, math.nan, 0.5, 1.5), 10.0, False),
        ((1.0, 2.0, 0.5, 1.5), math.nan, False),
    ],
)
def test_bars_that_cannot_be_are_known(
    prices: tuple[float, float, float, float], volume: float, good: bool
) -> None:
    assert is_bar(prices, volume) is good
