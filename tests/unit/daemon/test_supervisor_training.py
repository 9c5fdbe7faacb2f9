"""The supervisor's ledger of training: the bucket outlives engine and daemon."""

from __future__ import annotations

import asyncio
from pathlib import Path

from livetrader.ipc.messages import BucketLevel, TrainingReported, TrainingState
from livetrader.journal.journal import Journal
from livetrader.settings import TrainingSettings
from livetrader.supervisor.training_ledger import TrainingLedger, quota_from
from livetrader_engine.limits import ClockMark

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
