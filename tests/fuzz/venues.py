"""The histories under fire, each with its hostile server. Importable without any of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import exchange_calendars  # noqa: F401 — so that importing it does not count for the first question
import polygon as polygon_library  # noqa: F401 — the same

from livetrader_engine.spi import Context, DataFeedPlugin
from livetrader_engine.spi_data import Downloader
from livetrader_plugins.alphavantage.history import AlphaVantageHistory
from livetrader_plugins.polygon.feed import PolygonFeed
from livetrader_plugins.polygon.history import PolygonHistory
from tests.fuzz.alphavantage_answers import AlphaVantageAnswers
from tests.fuzz.answers import HostileServer
from tests.fuzz.histories import Skipping, context
from tests.fuzz.polygon_answers import PolygonAnswers

READ_TIMEOUT_S = 0.5


@contextmanager
def polygon(folder: Path, clock: Skipping, random: Random) -> Iterator[tuple[Downloader, Callable[[], int]]]:
    """Polygon's history and how many answers it has got."""
    server = HostileServer(PolygonAnswers(random), random)
    config = PolygonHistory.Config(
        api_key="key", url=server.url, attempts=2, read_timeout_s=READ_TIMEOUT_S, library="polygon"
    )
    history = PolygonHistory(config, context(folder, clock), clock.wait)
    try:
        yield history, lambda: server.answered
    finally:
        history.close()
        server.close()


@contextmanager
def alphavantage(
    folder: Path, clock: Skipping, random: Random
) -> Iterator[tuple[Downloader, Callable[[], int]]]:
    """Alpha Vantage's history and how many answers it has got."""
    server = HostileServer(AlphaVantageAnswers(random), random)
    config = AlphaVantageHistory.Config(
        api_key="key", url=server.url, attempts=2, read_timeout_s=READ_TIMEOUT_S,
        requests_per_minute=0, requests_per_day=0,
    )  # fmt: skip
    history = AlphaVantageHistory(config, context(folder, clock), clock.wait)
    try:
        yield history, lambda: server.answered
    finally:
        history.close()
        server.close()


VENUES = {"polygon": polygon, "alphavantage": alphavantage}


def polygon_feed(made_from: str) -> Callable[[int, Context], DataFeedPlugin]:
    """Return what makes Polygon's feed for a port; `made_from`: of which events it makes bars."""

    def made(port: int, context: Context) -> DataFeedPlugin:
        config = PolygonFeed.Config(
            api_key="key",
            host=f"127.0.0.1:{port}",
            tls=False,
            made_from=made_from,  # type: ignore[arg-type]  # a literal
        )
        return PolygonFeed(config, context)

    return made
