"""How market data stand, for operators: each feed, and the streams that are not fresh."""

from __future__ import annotations

import msgspec


class FeedView(msgspec.Struct, frozen=True):
    """One data feed. `data_age_s` is wall time since its last market event, None before the first.

    `streams` counts what it serves; `refused` what of it did not pass the gates, by reason.
    """

    name: str
    connected: bool
    keeps_time: bool = False
    subscriptions: int = 0
    data_age_s: float | None = None
    message: str = ""
    streams: int = 0
    reconnects: int = 0  # that silence caused
    refused: dict[str, int] = {}


class StreamView(msgspec.Struct, frozen=True):
    """One stream that is not as it should be: silent, stale, or served by another feed than the first.

    `state` is a rung of the ladder (docs/market-data.md). `heard_ns`: when the venue last sent some of it.
    """

    ticker: str
    resolution: str
    tick_type: str
    feed: str
    state: str
    since_ns: int
    heard_ns: int | None = None
    stale: bool = False
    reason: str = ""


class DataView(msgspec.Struct, frozen=True):
    """All feeds, in order of preference; how many streams are in which state; those that are not well.

    `unwell` holds the first hundred, the worst first; `stale_symbols` counts all that take no new risk.
    """

    feeds: tuple[FeedView, ...] = ()
    states: dict[str, int] = {}
    stale_symbols: int = 0
    unwell: tuple[StreamView, ...] = ()
    waiting_bars: int = 0  # live bars that wait for their past
    backfilled_bars: int = 0
    missing_bars: int = 0
