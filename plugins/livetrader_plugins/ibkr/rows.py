"""One request for history at TWS: the question, its rows, and what a refusal of it means."""

from __future__ import annotations

from datetime import date
from typing import Final, NamedTuple, Protocol, cast

from livetrader_plugins.ibkr import requests
from livetrader_plugins.ibkr.asking import NO_SUCH_CONTRACT
from livetrader_plugins.ibkr.historytimes import bar_start, zone_of
from livetrader_plugins.ibkr.library import Contract
from livetrader_plugins.ibkr.pacing import Ask
from livetrader_plugins.ibkr.questions import RefusedError
from livetrader_plugins.ibkr.session import TwsSession

SECONDS_SINCE_1970: Final = 2  # formatDate: times come without a zone to guess
_NO_DATA: Final = ("no data", "no historical data")
_PACE: Final = "pacing violation"


class Row(NamedTuple):
    """One bar as IB told it: an instant, or the date of a daily bar."""

    start: int | date
    open: float
    high: float
    low: float
    close: float
    volume: float


class _Told(Protocol):
    """The library's BarData."""

    date: str
    open: float
    high: float
    low: float
    close: float
    volume: float


async def historical_rows(
    session: TwsSession, contract: Contract, ask: Ask, timezone: str
) -> tuple[Row, ...]:
    """Ask once. Raises RefusedError for a refusal, VenueError for silence.

    `timezone` is that of times without one.
    """
    messages = await session.request(
        requests.HISTORICAL_BARS, contract, ask.end, ask.duration, ask.bar_size, ask.what,
        ask.regular_hours, SECONDS_SINCE_1970, False, [],
    )  # fmt: skip
    zone = zone_of(timezone)
    told = [cast(_Told, message.arguments[1]) for message in messages]
    return tuple(
        Row(
            bar_start(each.date, zone), float(each.open), float(each.high), float(each.low),
            float(each.close), max(float(each.volume), 0.0),
        )
        for each in told
    )  # fmt: skip


def is_empty(error: RefusedError) -> bool:
    """Return whether a refusal says that there is nothing."""
    return error.code == NO_SUCH_CONTRACT or any(words in str(error).lower() for words in _NO_DATA)


def is_too_fast(error: RefusedError) -> bool:
    """Return whether a refusal says that the pace was too fast."""
    return _PACE in str(error).lower()
