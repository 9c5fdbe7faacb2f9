"""Budgets in time: the leaky bucket of training minutes and the limit of one step. Pure; clocks come in.

Accounting follows LEAN (Common/Util/RateLimit/FixedIntervalRefillStrategy.cs): whole refills at fixed
intervals, no drip. LEAN asks the clock on the wall, so that a step of it gives a refill or takes many away.
Here a bucket lives on a clock that counts the machine's time since its start; ClockMark carries it over
restarts. The table by server size is the training quota of QuantConnect's documentation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Self

from livetrader_engine.errors import ConfigurationError
from livetrader_engine.symbols import NS_PER_MINUTE

MINUTES_PER_DAY: Final = 1440.0


@dataclass(frozen=True, slots=True)
class Quota:
    """How much training a bucket holds and how it comes back; all in minutes."""

    capacity_minutes: float
    refill_minutes: float
    refill_interval_minutes: float = MINUTES_PER_DAY

    def __post_init__(self) -> None:
        """Refuse what could never be used. Raises ConfigurationError naming the value."""
        if self.capacity_minutes < 0 or self.refill_minutes < 0:
            raise ConfigurationError("training minutes cannot be negative")
        if self.refill_interval_minutes <= 0:
            raise ConfigurationError("refill_interval_minutes must be more than 0")


# megabytes of memory -> minutes held, minutes that come back every 24 hours
SERVER_QUOTAS: Final[dict[int, Quota]] = {
    512: Quota(30.0, 5.0),
    1024: Quota(60.0, 10.0),
    2048: Quota(90.0, 15.0),
}


def quota_of_server(megabytes: int) -> Quota:
    """Return the quota of a server size. Raises ConfigurationError for a size the table does not have."""
    try:
        return SERVER_QUOTAS[megabytes]
    except KeyError:
        sizes = ", ".join(str(size) for size in SERVER_QUOTAS)
        raise ConfigurationError(f"no training quota for {megabytes} MB; use one of {sizes}") from None


@dataclass(frozen=True, slots=True)
class ClockMark:
    """One look at the clocks, in nanoseconds: the wall's, and time since the machine's start `boot_id`.

    `boot_id` is empty where nobody knows which start it was; then only the wall's clock can be compared.
    """

    wall_ns: int
    elapsed_ns: int
    boot_id: str = ""

    def until(self, later: ClockMark) -> int:
        """Return how much time has passed until `later`, never less than 0.

        Of one start of the machine no step of the wall clock is seen. Over several starts the wall clock is
        all there is; one that went back tells of no time passed.
        """
        if self.boot_id and self.boot_id == later.boot_id:
            return max(0, later.elapsed_ns - self.elapsed_ns)
        return max(0, later.wall_ns - self.wall_ns)


@dataclass(frozen=True, slots=True)
class LeakyBucket:
    """Minutes that may still be spent, as a value: every change returns a new bucket.

    `level_minutes` is between 0 and the capacity; `refilled_ns` is the start of the refill interval we are
    in, on the clock of whoever asks: one that never goes back (ClockMark.elapsed_ns). It does not know who
    spends and reads no clock.
    """

    quota: Quota
    level_minutes: float
    refilled_ns: int

    @classmethod
    def full(cls, quota: Quota, now_ns: int) -> Self:
        """Return a bucket that nobody has used: LEAN starts full."""
        return cls(quota, quota.capacity_minutes, now_ns)

    @classmethod
    def restored(cls, quota: Quota, level_minutes: float, refilled_ns: int) -> Self:
        """Return the bucket as it was journaled, within today's capacity: a restart refills nothing."""
        return cls(quota, max(0.0, min(level_minutes, quota.capacity_minutes)), refilled_ns)

    @classmethod
    def carried(
        cls, quota: Quota, level_minutes: float, waited_ns: int, marks: tuple[ClockMark, ClockMark]
    ) -> Self:
        """Return a bucket of an earlier process on the clock of `marks[1]` (now).

        At `marks[0]` it held `level_minutes` and had waited `waited_ns` for its next refill. What passed
        between the marks counts towards the next refills, and nothing else does.
        """
        then, now = marks
        waited = max(0, waited_ns) + then.until(now)
        return cls.restored(quota, level_minutes, now.elapsed_ns - waited)

    def waited_ns(self, now_ns: int) -> int:
        """Return for how long the bucket has waited for its next refill; a bucket is stored with this."""
        return max(0, now_ns - self.refilled_ns)

    def refilled(self, now_ns: int) -> LeakyBucket:
        """Return the bucket with every whole interval that has passed by `now_ns` paid in.

        A clock that went back changes nothing.
        """
        interval_ns = round(self.quota.refill_interval_minutes * NS_PER_MINUTE)
        intervals = (now_ns - self.refilled_ns) // interval_ns
        if intervals <= 0:
            return self
        level = min(self.quota.capacity_minutes, self.level_minutes + intervals * self.quota.refill_minutes)
        return replace(self, level_minutes=level, refilled_ns=self.refilled_ns + intervals * interval_ns)

    def take(self, minutes: float, now_ns: int) -> LeakyBucket | None:
        """Return the bucket with `minutes` taken out, None where it does not hold so much."""
        if minutes <= 0:
            raise ConfigurationError("a grant is more than 0 minutes")
        bucket = self.refilled(now_ns)
        if bucket.level_minutes < minutes:
            return None
        return replace(bucket, level_minutes=bucket.level_minutes - minutes)

    def next_refill_ns(self) -> int:
        """Return when the next refill is due, on the bucket's clock."""
        return self.refilled_ns + round(self.quota.refill_interval_minutes * NS_PER_MINUTE)


@dataclass(frozen=True, slots=True)
class StepLimit:
    """How long one step of the engine may take. LEAN's default is 20 minutes, plus granted training."""

    limit_s: float

    def exceeded(self, step_s: float, granted_s: float) -> bool:
        """Return whether a step that has run for `step_s` is over the limit and what training added."""
        return step_s > self.limit_s + granted_s
