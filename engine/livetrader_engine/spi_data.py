"""What a plugin of market data may offer beside the contract of livetrader_engine.spi: all of it optional.

    Watched      a feed that tells when it last heard of a stream, and asks the venue for one anew
    Resumable    a feed that goes on where it was left, and so has to know what was taken
    Downloader   a history whose data can be kept: unadjusted, whole dates, with splits and dividends
    DataStore    a history that keeps what others downloaded, so that it is asked for once
    ExaminedStore  one that looks for what is wrong with what it keeps
    ActionBooker a simulated brokerage that books splits and dividends when it is told of them
    Timekeeping  a brokerage or feed whose venue tells its time

The daemon puts several feeds and histories into an order; these are what it needs of them for that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from datetime import date
from decimal import Decimal
from typing import NamedTuple, Protocol, runtime_checkable

import msgspec

from livetrader_engine.data.bars import MarketPoint
from livetrader_engine.data.corporate_actions import CorporateAction
from livetrader_engine.data.subscription import Subscription, TickType
from livetrader_engine.symbols import Resolution, SecurityType, Symbol


class StreamRefused(msgspec.Struct, frozen=True, tag="refused"):
    """A feed's word that it will not deliver a stream that it had accepted: not entitled, unknown ticker.

    `reason` says why and what to do. The stream counts as unsubscribed; other streams go on.
    """

    time_ns: int
    subscription: Subscription
    reason: str


class BarsMissing(msgspec.Struct, frozen=True, tag="missing"):
    """A feed's word that it will not bring the bars of [start_ns, end_ns) of a stream: it heard them in part.

    They are history's to tell. `end_ns` may lie ahead: the period runs still, and is history's as a whole.
    `reason` says why, for people. Times are UTC nanoseconds.
    """

    time_ns: int
    subscription: Subscription
    start_ns: int
    end_ns: int
    reason: str


@runtime_checkable
class Watched(Protocol):
    """A feed whose streams can be watched one by one."""

    def heard_ns(self, subscription: Subscription) -> int | None:
        """Return when the venue last sent data of this stream (UTC ns of arrival); None for never.

        What counts is what the stream is made of: the trades of a minute bar, not the bar. Cheap.
        """
        ...

    async def renew(self, subscription: Subscription) -> None:
        """Ask the venue for a subscribed stream anew; what is in the making is kept. Raises VenueError."""
        ...


@runtime_checkable
class Resumable(Protocol):
    """A feed that begins, after a close in good order, behind what was taken, not behind what it yielded.

    What it yields while the daemon ends reaches neither engine nor account, and has to come again.
    """

    def taken(self) -> None:
        """Note that what was yielded last is on its way to engine and account. Cheap; never blocks."""
        ...


class DateSpan(NamedTuple):
    """Exchange dates, both included."""

    first: date
    last: date


class DownloadRequest(msgspec.Struct, frozen=True):
    """Unadjusted data of whole exchange dates, extended hours included.

    Dates are days of the time zone of the symbol's data. A daily bar lasts from midnight to midnight.
    """

    symbol: Symbol
    resolution: Resolution
    tick_type: TickType
    dates: DateSpan


class AnnouncedSplit(msgspec.Struct, frozen=True, tag="split"):
    """One share becomes `1 / factor` shares at the beginning of `ex_date`."""

    symbol: Symbol
    ex_date: date
    factor: Decimal


class AnnouncedDividend(msgspec.Struct, frozen=True, tag="dividend"):
    """Cash per share, in the security's currency, as paid on the shares held before `ex_date`."""

    symbol: Symbol
    ex_date: date
    amount: Decimal


Announcement = AnnouncedSplit | AnnouncedDividend


class DownloadCapabilities(msgspec.Struct, frozen=True):
    """What can be downloaded: each combination of the three. `announces`: splits and dividends, too."""

    security_types: frozenset[SecurityType]
    resolutions: frozenset[Resolution]
    tick_types: frozenset[TickType]
    announces: bool = False


@runtime_checkable
class Downloader(Protocol):
    """A history that hands data over as they were traded. Synchronous and thread-safe, as histories are."""

    downloads: DownloadCapabilities

    def download(self, request: DownloadRequest) -> Iterator[MarketPoint]:
        """Yield the raw points of these dates, ascending, without fill-forward.

        Raises VenueError where the venue did not answer whole (never a part for the whole), DataError for
        what it does not have, and says why.
        """
        ...

    def announcements(self, symbol: Symbol, dates: DateSpan) -> Sequence[Announcement]:
        """Return splits and dividends with ex-dates within these, ascending. Raises VenueError, DataError."""
        ...


class Served(NamedTuple):
    """Who brought what is stored of these dates."""

    provider: str
    request: DownloadRequest
    time_ns: int
    points: int


@runtime_checkable
class DataStore(Protocol):
    """A history that keeps downloaded data in files and then has them. Several processes may share it.

    Every method raises OSError where the disk fails or another process holds the files for too long.
    """

    def gaps(self, request: DownloadRequest) -> Sequence[DateSpan]:
        """Return the dates that are neither stored nor known to have no data, ascending.

        Raises DataError for data that have no place in it at all.
        """
        ...

    def store(self, provider: str, request: DownloadRequest, points: Iterable[MarketPoint]) -> Served:
        """Keep these dates, whole or not at all, in place of what was there. Dates without points count as
        known to be empty. Raises DataError for what cannot be written in its format, OSError where the disk
        fails; then the files are as before.
        """
        ...

    def announced_until(self, symbol: Symbol) -> date | None:
        """Return the last date up to which splits and dividends of a symbol are stored, None for none."""
        ...

    def store_announcements(
        self, provider: str, symbol: Symbol, dates: DateSpan, announcements: Sequence[Announcement]
    ) -> None:
        """Keep the splits and dividends of these dates in place of what was there."""
        ...

    def unpriced(self, symbol: Symbol, since: date) -> Sequence[date]:
        """Return the stored ex-dates whose close of the session before is neither stored nor known to be
        lacking, where that session is `since` or later, ascending: a dividend weighs nothing without it.
        """
        ...

    def served(self, symbol: Symbol | None = None) -> Sequence[Served]:
        """Return who brought what, newest first; of one symbol, or of all."""
        ...


class DataFault(msgspec.Struct, frozen=True):
    """Something wrong with stored data. `path` is relative to the folder; `kind` one word for programs."""

    path: str
    kind: str
    problem: str


@runtime_checkable
class ExaminedStore(Protocol):
    """A store that looks for what is wrong with what it keeps."""

    def faults(self, tickers: Set[str], progress: Callable[[str, int, int], None]) -> Iterator[DataFault]:
        """Yield what is wrong with the data of these tickers, of all where none is named; changes nothing.

        `progress(what, done, of)` hears how far it is.
        """
        ...


@runtime_checkable
class ActionBooker(Protocol):
    """A brokerage that learns of corporate actions from the daemon, because it is simulated."""

    async def book_action(self, action_id: str, action: CorporateAction) -> None:
        """Book a split, a dividend or a delisting on what the account holds; anything else changes nothing.

        Exactly once for each `action_id`, over restarts; durable when this returns. Working orders are left
        alone: changing them is the daemon's. Raises VenueError.
        """
        ...


@runtime_checkable
class Timekeeping(Protocol):
    """A brokerage or feed whose venue tells its time."""

    @property
    def clock_offset_s(self) -> float | None:
        """Return our clock less the venue's in seconds, None while it is not known."""
        ...
