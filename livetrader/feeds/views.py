"""Turns the chain's state into what an operator reads. Pure: frozen copies out, nothing changed."""

from __future__ import annotations

from typing import Final

from livetrader.control.data_views import DataView, FeedView, StreamView
from livetrader.feeds.board import Board, Source, Stream
from livetrader.feeds.counting import FeedCounts
from livetrader.feeds.ladder import SILENT, Rung
from livetrader.feeds.marks import Marks

UNWELL_LIMIT: Final = 100  # streams in one status; it is sent twice a second to each reader
_WORST_FIRST: Final = {rung: at for at, rung in enumerate((Rung.STALE, Rung.RECONNECTED, Rung.DOUBTED))}


def data_view(board: Board, marks: Marks, counts: FeedCounts, now_s: float) -> DataView:
    """Return how market data stand; `now_s` is monotonic."""
    unwell = [
        stream
        for stream in board.streams.values()
        if stream.server or stream.is_stale or stream.watch.rung in SILENT
    ]
    unwell.sort(
        key=lambda stream: (not stream.is_stale, _WORST_FIRST.get(stream.watch.rung, 9), stream.ticker)
    )
    tracks = [stream.track for stream in board.streams.values() if stream.track is not None]
    return DataView(
        feeds=tuple(feed_view(source, board, counts, now_s) for source in board.sources),
        states=board.counted(),
        stale_symbols=len(marks),
        unwell=tuple(_stream_view(stream, board, marks) for stream in unwell[:UNWELL_LIMIT]),
        waiting_bars=sum(track.waiting for track in tracks),
        backfilled_bars=counts.backfilled_bars,
        missing_bars=counts.missing_bars,
    )


def feed_view(source: Source, board: Board, counts: FeedCounts, now_s: float) -> FeedView:
    """Return how one feed stands."""
    data_s = source.session.data_s
    return FeedView(
        name=source.name,
        connected=source.is_up,
        subscriptions=len(source.session.subscriptions),
        data_age_s=None if data_s is None else now_s - data_s,
        message=source.session.message,
        streams=len(board.served_by(source)),
        reconnects=sum(count for (name, _), count in counts.reconnects.items() if name == source.name),
        refused=dict(source.quarantine.counts),
    )


def _stream_view(stream: Stream, board: Board, marks: Marks) -> StreamView:
    subscription = stream.subscription
    return StreamView(
        ticker=stream.ticker,
        resolution=subscription.resolution.name.lower(),
        tick_type=subscription.tick_type.name.lower(),
        feed=board.server_of(stream).name,
        state=stream.watch.rung.value,
        since_ns=marks.since_ns.get(subscription, stream.watch.since_ns),
        heard_ns=stream.watch.heard_ns,
        stale=stream.is_stale,
        reason="; ".join(stream.refused.values()) or stream.reason,
    )
