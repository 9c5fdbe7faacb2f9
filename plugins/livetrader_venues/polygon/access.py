"""What a key opens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from livetrader_venues.stockmarket.tape import SECOND_NS

TEST_KEY = "test-key"
EVENTS = ("T", "Q", "A", "AM", "V")
MARKETS = ("stocks", "options", "indices")


@dataclass(frozen=True, slots=True)
class Access:
    """One key and its plan. The default is the dearest plan.

    Streams that the plan lacks are refused one by one, without a word about which (`refusal`). Connections
    are counted for each market; over the limit the oldest is told so and closed, or the newest.
    """

    key: str = TEST_KEY
    streams: tuple[str, ...] = EVENTS
    markets: tuple[str, ...] = MARKETS
    rest: bool = True
    websocket: bool = True
    real_time: bool = True  # False: authenticated, then told that real-time data need another plan
    delay_s: float = 0.0  # everything is told so much later
    connections: int = 1
    evicts: Literal["oldest", "newest"] = "oldest"
    requests_per_minute: int = 0  # 0 for no limit
    retry_after_s: float | None = None  # said with 429; the venue mostly does not
    history_from: date | None = None
    quotes: bool = True  # REST
    trades: bool = True  # REST
    refusal: str = "not authorized"


def delay_of(access: Access) -> int:
    """Return by how many nanoseconds later a key is told everything."""
    return int(access.delay_s * SECOND_NS)
