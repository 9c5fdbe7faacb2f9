"""What training may cost: the bucket of this algorithm and the one of the machine, each paid by the minute.

A value behind two questions. `refusal` says why nothing may start now, empty where something may; `pay`
takes minutes that were used and says whether both buckets had them. One owner: the trainer.

A shared bucket that cannot be read or locked stops nothing that runs: its minutes are remembered as owed
and taken as soon as that is possible. Nothing new starts meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from livetrader.clocks import clock_mark, elapsed_ns
from livetrader.ipc.messages import BucketLevel, HostBucketLevel, StartEngine
from livetrader.training.host_bucket import HostBucket, HostBucketError, HostLevel
from livetrader_engine.limits import LeakyBucket, Quota
from livetrader_engine.symbols import NS_PER_SECOND

HOST_LOOK_NS: Final = 5 * NS_PER_SECOND  # how old what we tell of the shared bucket may be
OWN_EMPTY: Final = "the training bucket is empty"
HOST_EMPTY: Final = "the training bucket of this machine is empty"
WAITS: Final = "; waits for its refill"


def budget_of(start: StartEngine, told: Callable[[HostBucketLevel], None]) -> Budget:
    """Return the budget of an engine process: its bucket as it was journaled, and the machine's."""
    limits, place = start.training, start.host_bucket
    quota = Quota(limits["capacity_minutes"], limits["refill_minutes"], limits["refill_interval_minutes"])
    if start.bucket is None:
        bucket = LeakyBucket.full(quota, elapsed_ns())
    else:
        bucket = LeakyBucket.restored(quota, start.bucket.level_minutes, start.bucket.refilled_ns)
    host = None
    if place is not None:
        shared = Quota(place.capacity_minutes, place.refill_minutes, place.refill_interval_minutes)
        host = HostBucket(Path(place.path), shared, clock_mark)
    return Budget(bucket, elapsed_ns, host, told)


class Budget:
    """Pays trainings from one bucket or two. Not thread-safe.

    `elapsed_ns` is the clock the buckets live on (that of livetrader.clocks), which no step of the wall
    clock moves. `told` hears of the shared bucket when it changed.
    """

    def __init__(
        self,
        bucket: LeakyBucket,
        elapsed_ns: Callable[[], int],
        host: HostBucket | None = None,
        told: Callable[[HostBucketLevel], None] = lambda level: None,
    ) -> None:
        self._bucket = bucket
        self._elapsed_ns = elapsed_ns
        self._host = host
        self._told = told
        self._owed_minutes = 0.0
        self._looked_ns: int | None = None
        self._said: HostBucketLevel | None = None
        self._shortage = ""

    @property
    def level(self) -> BucketLevel:
        """The bucket as the supervisor journals it."""
        return BucketLevel(self._bucket.level_minutes, self._bucket.refilled_ns)

    @property
    def shortage(self) -> str:
        """Which bucket the newest `pay` found empty, in words; empty where both had enough."""
        return self._shortage

    def refusal(self) -> str:
        """Return why no training may start now, empty where one may: both buckets hold a minute."""
        self._bucket = self._bucket.refilled(self._elapsed_ns())
        if self._bucket.level_minutes < 1.0:
            return OWN_EMPTY + WAITS
        if self._host is None:
            return ""
        try:
            level = self._settled(self._host)
        except HostBucketError as error:
            self._tell_problem(str(error))
            return str(error)
        self._tell(level)
        return "" if level.bucket.level_minutes >= 1.0 and not self._owed_minutes else HOST_EMPTY + WAITS

    def pay(self, minutes: float) -> bool:
        """Take minutes that were used from both; return whether both had them, else take from neither."""
        self._shortage = ""
        bucket = self._bucket.take(minutes, self._elapsed_ns())
        if bucket is None:
            self._shortage = OWN_EMPTY
            return False
        if not self._host_paid(minutes):
            self._shortage = HOST_EMPTY
            return False
        self._bucket = bucket
        return True

    def look(self) -> None:
        """Tell how the shared bucket stands, and pay what is owed; at most every HOST_LOOK_NS."""
        host, now_ns = self._host, self._elapsed_ns()
        if host is None or (self._looked_ns is not None and now_ns - self._looked_ns < HOST_LOOK_NS):
            return
        self._looked_ns = now_ns
        try:
            self._tell(self._settled(host))
        except HostBucketError as error:
            self._tell_problem(str(error))

    # -- the shared bucket -----------------------------------------------------------------------------

    def _host_paid(self, minutes: float) -> bool:
        host = self._host
        if host is None:
            return True
        try:
            self._settled(host)
            level = host.take(minutes)
        except HostBucketError as error:
            self._tell_problem(str(error))
            self._owed_minutes += minutes
            return True
        if level is None:
            return False
        self._tell(level)
        return True

    def _settled(self, host: HostBucket) -> HostLevel:
        """Return the shared bucket after paying what is owed, as far as it goes."""
        level = host.look()
        due = min(self._owed_minutes, level.bucket.level_minutes)
        if due > 0:
            paid = host.take(due)
            if paid is None:  # somebody else was faster
                return level
            self._owed_minutes -= due
            return paid
        return level

    def _tell(self, level: HostLevel) -> None:
        bucket = level.bucket
        self._say(
            HostBucketLevel(
                bucket.level_minutes, bucket.refilled_ns, bucket.quota.capacity_minutes,
                bucket.next_refill_ns(), level.stranger,
            )
        )  # fmt: skip

    def _tell_problem(self, words: str) -> None:
        capacity = 0.0 if self._host is None else self._host.quota.capacity_minutes
        self._say(HostBucketLevel(0.0, 0, capacity, None, words))

    def _say(self, level: HostBucketLevel) -> None:
        if level != self._said:
            self._said = level
            self._told(level)
