"""What can be set about the replay feed."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from livetrader_engine.data.subscription import Normalization, Subscription

Speed = Annotated[float, msgspec.Meta(gt=0)] | Literal["max"]

NORMALIZATIONS: Final = {
    "raw": Normalization.RAW,
    "adjusted": Normalization.ADJUSTED,
    "split_adjusted": Normalization.SPLIT_ADJUSTED,
    "total_return": Normalization.TOTAL_RETURN,
}


class ReplayConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[feed] plugin = "replay". The data comes from [data] folder.

    `start` and `end` are whole days, both included, in `timezone`; without `end` the replay goes on to
    today. A gap in the data lasts as long as it lasted, divided by `speed`; the first data comes at once.
    """

    start: date = date(1998, 1, 1)
    end: date | None = None
    timezone: str = "America/New_York"
    speed: Speed = 1.0  # times real time, or "max"
    lockstep: bool = True  # each step waits for the algorithm to finish the one before
    resume: bool = True  # a restarted daemon goes on where it was; false: from `start` each time
    normalization: Literal["raw", "adjusted", "split_adjusted", "total_return"] | None = None  # as asked for
    extended_market_hours: bool | None = None  # as the algorithm asks

    def __post_init__(self) -> None:
        """Refuse a period that ends before it begins, and a timezone that does not exist."""
        if self.end is not None and self.end < self.start:
            raise ValueError("end: must not be before start")
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(
                f"timezone: {self.timezone!r} is not known; write it like Europe/Berlin"
            ) from error


def bounds_ns(config: ReplayConfig, now_ns: int) -> tuple[int, int]:
    """Return when the tape begins and ends (UTC ns)."""
    zone = ZoneInfo(config.timezone)
    start_ns = _midnight_ns(config.start, zone)
    if config.end is None:
        return start_ns, now_ns
    return start_ns, _midnight_ns(config.end + timedelta(days=1), zone)


def _midnight_ns(day: date, zone: ZoneInfo) -> int:
    return int(datetime.combine(day, time(), tzinfo=zone).timestamp()) * 1_000_000_000


def played(subscription: Subscription, config: ReplayConfig) -> Subscription:
    """Return the stream that is played for the one asked for: the settings may overrule it."""
    if config.normalization is not None:
        subscription = msgspec.structs.replace(
            subscription, normalization=NORMALIZATIONS[config.normalization]
        )
    if config.extended_market_hours is not None:
        subscription = msgspec.structs.replace(
            subscription, extended_market_hours=config.extended_market_hours
        )
    return subscription
