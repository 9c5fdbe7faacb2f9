"""Months of training quotas: restarts of engine, daemon and machine, and a wall clock that is stepped.

The referee knows LEAN's refill rule as a loop over single refills and nothing of our buckets. Its time is
what can be known: within one start of the machine the time that passed; over a restart of the machine what
the wall clock says between the last record before it and the first after it, if that is not negative.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as st

from livetrader.ipc.messages import TrainingReported, TrainingState
from livetrader.journal.journal import Journal
from livetrader.journal.records import BucketCharged, Record, decode, encode
from livetrader.journal.replay import JournalState
from livetrader.settings import TrainingSettings
from livetrader.supervisor.training_ledger import TrainingLedger
from livetrader.training.budget import OWN_EMPTY, WAITS, Budget
from livetrader.training.host_bucket import HostBucket
from livetrader_engine.limits import ClockMark, LeakyBucket, Quota

MINUTE = 60_000_000_000
HOUR = 60 * MINUTE
START = 1_700_000_000_000_000_000


class Machine:
    """Its clocks. `pass_time` is true time; the wall's may be stepped; a reboot begins a new count."""

    def __init__(self) -> None:
        self.wall_ns, self.elapsed_ns, self.boot = START, 0, 0

    def mark(self) -> ClockMark:
        return ClockMark(self.wall_ns, self.elapsed_ns, f"start {self.boot}")

    def pass_time(self, span_ns: int) -> None:
        self.wall_ns += span_ns
        self.elapsed_ns += span_ns

    def reboot(self, off_ns: int) -> None:
        self.wall_ns += off_ns
        self.elapsed_ns, self.boot = 0, self.boot + 1


class Referee:
    """LEAN's rule, one refill after the other, in known time."""

    def __init__(self, capacity: int, refill: int, interval_ns: int) -> None:
        self.capacity, self.refill, self.interval_ns = capacity, refill, interval_ns
        self.now = 0
        self.level = capacity
        self.next = interval_ns
        self.recorded = (0, START, capacity, interval_ns)  # known time, wall, level and next refill

    def settle(self) -> None:
        while self.now >= self.next:
            self.next += self.interval_ns
            self.level += self.refill
            if self.level > self.capacity:
                self.level = self.capacity

    def pass_time(self, span_ns: int) -> None:
        self.now += span_ns
        self.settle()

    def record(self, wall_ns: int) -> None:
        """Take note that all this was written down now."""
        self.recorded = (self.now, wall_ns, self.level, self.next)

    def reboot(self, wall_ns: int) -> None:
        """Begin again from the last record, as the wall clock has it; that is then the last record."""
        self.now, wall, self.level, self.next = self.recorded
        gone = wall_ns - wall
        self.now += gone if gone > 0 else 0
        self.settle()
        self.record(wall_ns)


class Paper:
    """Stands where the journal does, and keeps what it keeps: text."""

    def __init__(self) -> None:
        self.rows: list[str] = []
        self.charges = 0

    def append_soon(self, record: Record) -> None:
        self.rows.append(encode(record))
        self.charges += isinstance(record, BucketCharged)

    def state(self) -> JournalState:
        state = JournalState()
        for row in self.rows:
            state.apply(decode(row))
        return state


class Daemon:
    """Supervisor's ledger and engine's budget, as the two processes have them."""

    def __init__(self, machine: Machine, quota: TrainingSettings) -> None:
        self.machine, self.settings, self.paper = machine, quota, Paper()
        self.job = 0
        self.start()

    def start(self) -> None:
        """Start the daemon: what it knows is what was journaled."""
        self.ledger = TrainingLedger(self.settings, cast(Journal, self.paper), self.machine.mark)
        state = self.paper.state()
        self.ledger.load(state.bucket, state.settled_ns)
        self.start_engine()

    def start_engine(self) -> None:
        """Start the engine process: what it knows is what it is told."""
        level = self.ledger.level()
        quota = Quota(
            self.settings.capacity_minutes,
            self.settings.refill_minutes,
            self.settings.refill_interval_minutes,
        )
        bucket = LeakyBucket.restored(quota, level.level_minutes, level.refilled_ns)
        self.budget = Budget(bucket, lambda: self.machine.elapsed_ns)
        self.ledger.engine_started()

    def tell(self, state: TrainingState, message: str = "") -> None:
        self.ledger.reported(
            TrainingReported(self.machine.wall_ns, self.job, "fit", state, message, self.budget.level, 0.0)
        )


Op = tuple[str, int]
OPS = st.lists(
    st.one_of(
        st.tuples(st.just("pass"), st.integers(0, 40 * 24 * 60)),  # minutes
        st.tuples(st.just("train"), st.integers(0, 40)),  # minutes that it takes
        st.tuples(st.just("step"), st.integers(-400 * 24 * 60, 400 * 24 * 60)),  # of the wall clock, minutes
        st.tuples(st.just("engine dies"), st.just(0)),
        st.tuples(st.just("daemon dies"), st.just(0)),
        st.tuples(st.just("reboot"), st.integers(0, 10 * 24 * 60)),  # minutes off
    ),
    max_size=30,
)


def train(daemon: Daemon, referee: Referee, minutes: int) -> None:
    """Let a job begin if it may, use its minutes one by one, and end; the referee says what may be."""
    machine = daemon.machine
    daemon.job += 1
    refusal = daemon.budget.refusal()
    assert (refusal == OWN_EMPTY + WAITS) is (referee.level < 1), refusal
    if refusal:
        daemon.tell(TrainingState.DEFERRED, refusal)
        (waiting,) = [item for item in daemon.ledger.summary().deferred if item.job == daemon.job]
        assert (waiting.reason, waiting.since_ns) == (refusal, machine.wall_ns)
        return
    daemon.tell(TrainingState.RUNNING)
    for _ in range(minutes):
        machine.pass_time(MINUTE)
        referee.pass_time(MINUTE)
        paid = daemon.budget.pay(1.0)
        assert paid is (referee.level >= 1)
        if not paid:
            daemon.tell(TrainingState.EXPIRED, "used up")
            return
        referee.level -= 1
        daemon.tell(TrainingState.RUNNING)
    daemon.tell(TrainingState.READY)


@settings(max_examples=120, deadline=None)
@given(
    ops=OPS,
    capacity=st.integers(0, 150),
    refill=st.integers(0, 60),
    interval_hours=st.integers(1, 24 * 8),
)
def test_the_bucket_is_what_the_referee_says_through_everything_that_may_happen(
    ops: list[Op], capacity: int, refill: int, interval_hours: int
) -> None:
    machine = Machine()
    quota = TrainingSettings(
        capacity_minutes=float(capacity),
        refill_minutes=float(refill),
        refill_interval_minutes=float(interval_hours * 60),
    )
    referee = Referee(capacity, refill, interval_hours * HOUR)
    daemon = Daemon(machine, quota)
    for what, number in ops:
        charges = daemon.paper.charges
        if what == "pass":
            machine.pass_time(number * MINUTE)
            referee.pass_time(number * MINUTE)
        elif what == "step":
            machine.wall_ns += number * MINUTE
        elif what == "engine dies":
            daemon.start_engine()
        elif what == "daemon dies":
            daemon.start()
        elif what == "reboot":
            machine.reboot(number * MINUTE)
            referee.reboot(machine.wall_ns)
            daemon.start()
        else:
            train(daemon, referee, number)
        if daemon.paper.charges > charges and what == "train":
            newest = daemon.paper.state().bucket
            assert newest is not None
            back = machine.wall_ns - newest.time_ns  # minutes of its job that it could not pay
            referee.recorded = (referee.now - back, newest.time_ns, int(newest.level_minutes), referee.next)
        shown = daemon.ledger.summary()
        assert shown.bucket_level_minutes == referee.level
        assert shown.bucket_used_minutes == capacity - referee.level
        assert shown.next_refill_ns == machine.wall_ns + referee.next - referee.now


@settings(max_examples=40, deadline=None)
@given(
    ops=st.lists(
        st.one_of(
            st.tuples(st.just("pass"), st.integers(0, 20 * 24 * 60)),
            st.tuples(st.just("take"), st.integers(1, 40)),
            st.tuples(st.just("step"), st.integers(-400 * 24 * 60, 400 * 24 * 60)),
            st.tuples(st.just("reboot"), st.integers(0, 10 * 24 * 60)),
        ),
        max_size=25,
    ),
    capacity=st.integers(1, 100),
    refill=st.integers(0, 60),
)
def test_the_shared_bucket_is_what_the_referee_says(ops: list[Op], capacity: int, refill: int) -> None:
    machine = Machine()
    referee = Referee(capacity, refill, 24 * HOUR)
    with TemporaryDirectory() as folder:
        quota = Quota(float(capacity), float(refill))
        daemons = [HostBucket(Path(folder) / "host.json", quota, machine.mark) for _ in range(3)]
        daemons[0].take(1.0)  # the first use makes the file: before it there is nothing to remember
        referee.level -= 1
        referee.record(machine.wall_ns)
        for turn, (what, number) in enumerate(ops):
            shared = daemons[turn % len(daemons)]
            if what == "pass":
                machine.pass_time(number * MINUTE)
                referee.pass_time(number * MINUTE)
            elif what == "step":
                machine.wall_ns += number * MINUTE
            elif what == "reboot":
                machine.reboot(number * MINUTE)
                referee.reboot(machine.wall_ns)
            else:
                granted = shared.take(float(number)) is not None
                assert granted is (referee.level >= number)
                if granted:
                    referee.level -= number
                    referee.record(machine.wall_ns)
            assert shared.look().bucket.level_minutes == referee.level
