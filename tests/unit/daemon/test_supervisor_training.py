"""The supervisor's ledger of training: the bucket outlives engine and daemon."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from livetrader.control.training_views import ModelView
from livetrader.ipc.messages import Beat, BucketLevel, HostBucketLevel, TrainingReported, TrainingState
from livetrader.journal.journal import Journal
from livetrader.settings import TrainingSettings
from livetrader.supervisor.training_ledger import TrainingLedger, model_view, quota_from
from livetrader_engine.limits import ClockMark
from livetrader_engine.missed import Missed, MissedPolicy, Plan, ScheduleJudged

DAY_NS = 86_400_000_000_000
WALL_NS = 1_600_000_000_000_000_000
T = TrainingState


def mark(elapsed_ns: int, wall_ns: int = WALL_NS, boot: str = "boot") -> ClockMark:
    return ClockMark(wall_ns, elapsed_ns, boot)


def report(state: TrainingState, level: float, job: int = 1, message: str = "") -> TrainingReported:
    return TrainingReported(5, job, "fit", state, message, BucketLevel(level, 0), 120.0 - level)


def test_a_spent_bucket_is_still_spent_after_a_restart_of_the_daemon(tmp_path: Path) -> None:
    async def scene() -> None:
        journal = Journal(tmp_path / "journal.sqlite3")
        await journal.open()
        ledger = TrainingLedger(TrainingSettings(), journal, lambda: mark(1))
        ledger.load(journal.state.bucket, {})
        assert ledger.summary().bucket_level_minutes == 120.0
        ledger.reported(report(T.RUNNING, 118.0))
        ledger.reported(report(T.READY, 3.0))
        await journal.close()

        journal = Journal(tmp_path / "journal.sqlite3")
        await journal.open()
        ledger = TrainingLedger(TrainingSettings(), journal, lambda: mark(1))
        ledger.load(journal.state.bucket, {})
        assert ledger.level() == BucketLevel(3.0, 0)
        assert ledger.summary().bucket_level_minutes == 3.0
        await journal.close()

        later = TrainingLedger(TrainingSettings(), journal, lambda: mark(DAY_NS))
        later.load(journal.state.bucket, {})
        assert later.summary().bucket_level_minutes == 21.0  # one refill of 18 minutes is due

    asyncio.run(scene())


def test_readiness_follows_the_jobs_of_the_engine_of_now(tmp_path: Path) -> None:
    async def scene() -> None:
        journal = Journal(tmp_path / "journal.sqlite3")
        await journal.open()
        ledger = TrainingLedger(TrainingSettings(), journal, lambda: mark(1))
        ledger.reported(report(T.RUNNING, 120.0))
        assert (ledger.summary().ready, ledger.summary().is_training) == (False, True)
        ledger.reported(report(T.READY, 120.0))
        assert ledger.summary().ready
        ledger.reported(report(T.RUNNING, 120.0, job=2))
        assert not ledger.summary().ready, "a model is being replaced"
        ledger.reported(report(T.FAILED, 120.0, job=2, message="no data"))
        assert ledger.summary().last_error == "no data"
        assert [job.state for job in ledger.view().jobs] == ["ready", "failed"]
        ledger.engine_started()
        assert ledger.view().jobs == ()
        assert not ledger.summary().ready, "its model died with the engine process"
        for job in range(300):
            ledger.reported(report(T.READY, 120.0, job=job))
        assert len(ledger.view().jobs) == 100
        await journal.close()

    asyncio.run(scene())


def test_the_quota_is_a_row_of_the_table_or_the_numbers() -> None:
    assert quota_from(TrainingSettings(server_mb=1024)).capacity_minutes == 60.0
    assert quota_from(TrainingSettings(capacity_minutes=7.0)).capacity_minutes == 7.0


def test_a_wall_clock_that_was_wrong_gives_and_takes_nothing(tmp_path: Path) -> None:
    async def scene() -> None:
        path = tmp_path / "journal.sqlite3"
        wall_ns = WALL_NS
        for step_ns in (0, 400 * DAY_NS, -800 * DAY_NS):
            wall_ns += step_ns
            journal = Journal(path)
            await journal.open()
            ledger = TrainingLedger(TrainingSettings(), journal, lambda: mark(5, wall_ns))  # noqa: B023
            ledger.load(journal.state.bucket, journal.state.settled_ns)
            if step_ns == 0:
                ledger.reported(report(T.RUNNING, 0.0))
            assert ledger.summary().bucket_level_minutes == 0.0
            assert ledger.summary().next_refill_ns == wall_ns + DAY_NS - 5
            await journal.close()

    asyncio.run(scene())


def test_what_was_started_and_what_was_judged_is_known_after_a_restart(tmp_path: Path) -> None:
    def begun(schedule: str, due_ns: int | None, job: int) -> TrainingReported:
        return msgspec.structs.replace(
            report(T.RUNNING, 120.0, job=job), schedule=schedule, scheduled_ns=due_ns
        )

    def decided(schedule: str, settled_ns: int, *, first: bool) -> ScheduleJudged:
        return ScheduleJudged(schedule, MissedPolicy.SKIP, first, Missed(), Plan((), settled_ns))

    async def scene() -> None:
        path = tmp_path / "journal.sqlite3"
        journal = Journal(path)
        await journal.open()
        ledger = TrainingLedger(TrainingSettings(), journal, lambda: mark(1))
        ledger.load(None, {})
        ledger.judged(decided("fit: weekly", 10, first=True))
        ledger.judged(decided("other", 77, first=False))
        waiting = msgspec.structs.replace(begun("fit: weekly", 20, 1), state=T.PENDING)
        assert ledger.reported(waiting) is None
        assert ledger.missed().settled_ns["fit: weekly"] == 10, "a job that only waits was not started"
        started = ledger.reported(begun("fit: weekly", 20, 1))
        assert started is not None
        await journal.append(started)
        assert ledger.reported(begun("fit: weekly", 20, 1)) is None  # a minute later
        assert ledger.reported(begun("", None, 2)) is None  # wanted at once: no occurrence of anything
        known = {"fit: weekly": 20, "other": 77}
        assert ledger.missed().settled_ns == known
        await journal.close()

        journal = Journal(path)
        await journal.open()
        assert journal.state.settled_ns == known
        again = TrainingLedger(TrainingSettings(), journal, lambda: mark(1))
        again.load(journal.state.bucket, journal.state.settled_ns)
        assert again.missed().settled_ns == known
        await journal.close()

    asyncio.run(scene())


def test_deferred_jobs_show_since_when_and_why_and_the_shared_bucket_is_shown(tmp_path: Path) -> None:
    async def scene() -> None:
        journal = Journal(tmp_path / "journal.sqlite3")
        await journal.open()
        settings = TrainingSettings(host_capacity_minutes=60.0, host_file=tmp_path / "host.json")
        ledger = TrainingLedger(settings, journal, lambda: mark(1000))
        host = ledger.summary().host
        assert host is not None and (host.capacity_minutes, host.problem) == (60.0, "not looked at yet")
        ledger.reported(msgspec.structs.replace(report(T.DEFERRED, 0.0, message="empty"), time_ns=5))
        ledger.reported(msgspec.structs.replace(report(T.DEFERRED, 0.0, message="still empty"), time_ns=9))
        (waiting,) = ledger.summary().deferred
        assert (waiting.job, waiting.name, waiting.since_ns, waiting.reason) == (1, "fit", 5, "still empty")
        ledger.host_told(HostBucketLevel(20.0, 0, 60.0, 1000 + 7))
        host = ledger.view().host
        assert host is not None
        assert (host.left_minutes, host.used_minutes, host.next_refill_ns) == (20.0, 40.0, WALL_NS + 7)
        ledger.host_told(HostBucketLevel(0.0, 0, 60.0, None, "host.json: not a training bucket"))
        host = ledger.view().host
        assert host is not None and host.next_refill_ns is None and "not a training bucket" in host.problem
        ledger.reported(report(T.READY, 0.0))
        assert ledger.view().deferred == ()
        await journal.close()

    asyncio.run(scene())


def test_a_loaded_model_counts_and_the_newest_beat_tells_of_it() -> None:
    assert model_view(None, 5) == ModelView()
    beat = Beat(None, 1, False, 0.0, 1.0, 0, model_required=True, model_ns=5, model_problem="stale")
    assert model_view(beat, 5 + 2 * 10**9) == ModelView(True, 5, 2.0, "stale")
