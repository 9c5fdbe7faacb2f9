"""HIST: what every history plugin must do. Subclass `HistoryContract`, give it a `harness` fixture."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Protocol

import msgspec
import pytest

from livetrader_engine.data.bars import MarketPoint, Tick
from livetrader_engine.data.subscription import HistoryRequest
from livetrader_engine.errors import DataError
from livetrader_engine.spi import HistoryPlugin
from livetrader_engine.symbols import Symbol
from livetrader_engine.testing.data_feed_contract import tick_type_of

THREADS: Final = 8
ENOUGH: Final = 10  # points that a harness's request must have at least


class HistoryHarness(Protocol):
    """One history plugin and requests that it has data for."""

    name: str
    plugin: HistoryPlugin
    requests: Sequence[HistoryRequest]  # each with at least ENOUGH points
    unknown: Symbol  # of which there is no data


def wire(points: Sequence[MarketPoint]) -> list[object]:
    """Return points as values that can be compared (points themselves compare by identity)."""
    return [msgspec.structs.astuple(point) for point in points]


class HistoryContract:
    """The cases. Synchronous, as history plugins are."""

    def test_hist_01_points_ascend_by_end_time(self, harness: HistoryHarness) -> None:
        """HIST-01: later points come later; bars of one stream never share an end."""
        for request in harness.requests:
            points = list(harness.plugin.history(request))
            ends = [point.end_time_ns for point in points]
            assert len(points) >= ENOUGH and ends == sorted(ends)
            if not isinstance(points[0], Tick):
                assert len(set(ends)) == len(ends)

    def test_hist_02_the_range_is_open_at_its_start_and_closed_at_its_end(
        self, harness: HistoryHarness
    ) -> None:
        """HIST-02: (start, end] — two ranges that meet give each point once."""
        for request in harness.requests:
            whole = list(harness.plugin.history(request))
            middle = whole[len(whole) // 2].end_time_ns
            first = list(harness.plugin.history(msgspec.structs.replace(request, end_ns=middle)))
            second = list(harness.plugin.history(msgspec.structs.replace(request, start_ns=middle)))
            assert first[-1].end_time_ns == middle < second[0].end_time_ns
            assert wire(first) + wire(second) == wire(whole)
            assert all(request.start_ns < point.end_time_ns <= request.end_ns for point in whole)

    def test_hist_03_only_the_stream_that_was_asked_for(self, harness: HistoryHarness) -> None:
        """HIST-03: symbol, kind and period are the request's."""
        for request in harness.requests:
            stream = request.subscription
            for point in harness.plugin.history(request):
                assert point.symbol is stream.symbol and tick_type_of(point) is stream.tick_type
                assert point.end_time_ns - point.time_ns <= stream.resolution.period_ns

    def test_hist_04_no_data_is_an_empty_answer(self, harness: HistoryHarness) -> None:
        """HIST-04: an unknown symbol and an empty range raise nothing and give nothing."""
        request = harness.requests[0]
        stream = msgspec.structs.replace(request.subscription, symbol=harness.unknown)
        assert list(harness.plugin.history(msgspec.structs.replace(request, subscription=stream))) == []
        empty = msgspec.structs.replace(request, end_ns=request.start_ns)
        assert list(harness.plugin.history(empty)) == []

    def test_hist_05_threads_do_not_disturb_each_other(self, harness: HistoryHarness) -> None:
        """HIST-05: the same requests in many threads at once give what they give alone."""
        alone = [wire(list(harness.plugin.history(request))) for request in harness.requests]
        jobs = [request for _ in range(THREADS) for request in harness.requests]
        with ThreadPoolExecutor(THREADS) as pool:
            together = list(pool.map(lambda request: wire(list(harness.plugin.history(request))), jobs))
        assert together == alone * THREADS

    def test_hist_06_nothing_is_filled_forward(self, harness: HistoryHarness) -> None:
        """HIST-06: gaps stay gaps; filling them is the reader's business."""
        for request in harness.requests:
            for point in harness.plugin.history(request):
                assert isinstance(point, Tick) or not point.fill_forward

    def test_hist_07_a_request_can_be_left_half_read(self, harness: HistoryHarness) -> None:
        """HIST-07: abandoning an answer leaves the next one whole."""
        request = harness.requests[0]
        whole = wire(list(harness.plugin.history(request)))
        half = iter(harness.plugin.history(request))
        next(half)
        del half
        assert wire(list(harness.plugin.history(request))) == whole

    def test_hist_08_reference_data_agrees_with_itself(self, harness: HistoryHarness) -> None:
        """HIST-08: a ticker gives one symbol, with hours and properties; a made-up market is refused."""
        reference = harness.plugin.reference
        for request in harness.requests:
            symbol = request.subscription.symbol
            found = reference.symbol(symbol.value, symbol.security_type, symbol.market)
            assert found is symbol
            assert reference.hours(symbol) is not None
            assert reference.properties(symbol).lot_size > 0
        symbol = harness.requests[0].subscription.symbol
        with pytest.raises(DataError):
            reference.symbol(symbol.value, symbol.security_type, "no such market")
