"""Fill a data folder from a provider, one kind of data after another. Knows nothing of screens."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import NamedTuple

import msgspec

from livetrader.errors import ConfigError
from livetrader.histories.chain import HistoryChain
from livetrader.histories.filling import Filling, Lacking
from livetrader.histories.spans import days_of
from livetrader_engine.data.subscription import TickType
from livetrader_engine.errors import DataError
from livetrader_engine.spi import VenueError
from livetrader_engine.spi_data import DateSpan, DownloadRequest
from livetrader_engine.symbols import Resolution, SecurityType, Symbol


class Wanted(NamedTuple):
    """What is to be downloaded: each combination of tickers, resolutions and kinds, as far as it is over."""

    tickers: Sequence[str]
    security_type: SecurityType
    market: str
    resolutions: Sequence[Resolution]
    tick_types: Sequence[TickType]
    dates: DateSpan


class Outcome(msgspec.Struct, frozen=True):
    """What became of one kind of data of one ticker.

    `dates` had to be downloaded, `points` were; `lacking` tells what could not be had, and why.
    """

    ticker: str
    resolution: str
    kind: str
    dates: int
    points: int
    provider: str
    lacking: tuple[str, ...]


Progress = Callable[[str, Filling], None]  # (what is being downloaded, how far it is)


def download(chain: HistoryChain, wanted: Wanted, progress: Progress) -> Iterator[Outcome]:
    """Download what the folder lacks; yield what became of each kind, in order.

    A kind that fails does not keep the others from being tried. Raises ConfigError for a market that does not
    exist and for dates that are not over, OSError where the folder cannot be written.
    """
    requests = [DownloadRequest(symbol, each, kind, dates)
                for symbol, dates in _symbols(chain, wanted)
                for each in wanted.resolutions
                for kind in wanted.tick_types]  # fmt: skip
    for request in requests:
        yield _one(chain, request, progress)


def _one(chain: HistoryChain, request: DownloadRequest, progress: Progress) -> Outcome:
    resolution, kind = request.resolution.name.lower(), request.tick_type.name.lower()
    title = f"{request.symbol.value} {resolution} {kind}"
    newest = Filling(0, 0, "", 0)

    def heard(filling: Filling) -> None:
        nonlocal newest
        newest = filling if filling.provider else filling._replace(provider=newest.provider)
        progress(title, newest)

    dates = 0
    try:
        dates = sum(map(days_of, chain.lacks(request)))
        progress(title, Filling(0, dates, "", 0))
        lacking = [_words(each) for each in chain.fill(request, heard)]
    except (DataError, VenueError) as error:
        lacking = [str(error)]
    if dates and not newest.points and not lacking:
        span = f"{request.dates.first} to {request.dates.last}"
        lacking = [f"{span}: {newest.provider} has nothing of {request.symbol.value}: check the ticker"]
    return Outcome(
        request.symbol.value, resolution, kind, dates, newest.points, newest.provider, tuple(lacking)
    )


def _words(lacking: Lacking) -> str:
    reason = lacking.reason or "no provider that was named offers this kind of data"
    return f"{lacking.dates.first} to {lacking.dates.last}: {reason}"


def _symbols(chain: HistoryChain, wanted: Wanted) -> list[tuple[Symbol, DateSpan]]:
    try:
        symbols = [
            chain.reference.symbol(ticker, wanted.security_type, wanted.market) for ticker in wanted.tickers
        ]
        return [(symbol, over_until(wanted.dates, chain.today(symbol))) for symbol in symbols]
    except DataError as error:
        raise ConfigError([str(error)]) from error


def over_until(dates: DateSpan, today: date) -> DateSpan:
    """Return the dates that are over. Raises ConfigError where none is, or where they are upside down."""
    if dates.last < dates.first:
        raise ConfigError([f"--end {dates.last} lies before --start {dates.first}"])
    if dates.first >= today:
        raise ConfigError([f"--start {dates.first}: that date is not over yet; only whole dates are kept"])
    return DateSpan(dates.first, min(dates.last, date.fromordinal(today.toordinal() - 1)))
