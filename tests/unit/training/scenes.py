"""A trainer with clocks to set, and everything it reported."""

from __future__ import annotations

import threading
from pathlib import Path

from livetrader.ipc.messages import TrainingPrinted, TrainingReported, TrainingState
from livetrader.training.attempts import Surroundings
from livetrader.training.budget import Budget
from livetrader.training.process import ProcessLimits
from livetrader.training.runner import ShortTurns
from livetrader.training.runs import TrainerClocks, TrainerRules
from livetrader.training.trainer import ThreadedTrainer
from livetrader_engine.limits import LeakyBucket, Quota
from livetrader_engine.training import TrainingWork

MINUTE_NS = 60_000_000_000
DAY_NS = 1440 * MINUTE_NS
LIMIT_S = 15.0  # of waiting for another thread; a test has 20 s


class Scene:
    """Nothing happens by time alone: clocks stand still until somebody sets them."""

    def __init__(
        self,
        level: float = 5.0,
        capacity: float = 120.0,
        *,
        rules: TrainerRules | None = None,
        path: Path | None = None,
        limits: ProcessLimits | None = None,
    ) -> None:
        self.wall_ns = 0
        self.now_s = 1000.0
        self.reports: list[TrainingReported] = []
        self.printed: list[TrainingPrinted] = []
        self.woken = threading.Event()
        self._changed = threading.Condition()
        bucket = LeakyBucket.restored(Quota(capacity, 18.0), level, 0)
        self.turns = ShortTurns()
        self.trainer = ThreadedTrainer(
            Budget(bucket, lambda: self.wall_ns),
            TrainerClocks(lambda: self.wall_ns, lambda: self.now_s, lambda: 77),
            self._report,
            Surroundings(path, limits or ProcessLimits(threads=1, nice=0), self.turns),
            rules or TrainerRules(wake=self.woken.set),
        )

    def submit(self, work: TrainingWork) -> None:
        self.trainer.submit(work)

    def _report(self, report: TrainingReported | TrainingPrinted) -> None:
        with self._changed:
            if isinstance(report, TrainingPrinted):
                self.printed.append(report)
            else:
                self.reports.append(report)
            self._changed.notify_all()

    def states(self, job: int = 1) -> list[TrainingState]:
        return [report.state for report in self.reports if report.job == job]

    def wait_for(self, state: TrainingState, job: int = 1) -> TrainingReported:
        """Return the first report of this state."""
        with self._changed:
            reached = self._changed.wait_for(lambda: state in self.states(job), LIMIT_S)
        said = [(r.state, r.message) for r in self.reports if r.job == job]
        assert reached, f"job {job} went {said}, never {state}"
        return next(report for report in self.reports if report.job == job and report.state == state)

    def pass_s(self, seconds: float) -> None:
        """Let time pass, a second at a time, each with its tick."""
        for _ in range(int(seconds)):
            self.now_s += 1.0
            self.trainer.tick()
