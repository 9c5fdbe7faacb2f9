"""What the engine process says about training: into the ledger, the log, the metrics and the stream."""

from __future__ import annotations

from typing import Final

from livetrader.control.operations import TrainingChanged
from livetrader.errors import JournalError
from livetrader.ipc.link import Link
from livetrader.ipc.messages import (
    Beat,
    HostBucketLevel,
    StartNoted,
    TrainingPrinted,
    TrainingReported,
    TrainingState,
)
from livetrader.journal.records import ScheduleSettled
from livetrader.supervisor.parts import Parts
from livetrader.supervisor.training_ledger import model_view
from livetrader_engine.missed import ScheduleJudged

News = TrainingReported | TrainingPrinted | HostBucketLevel | ScheduleJudged
_NEXT_STEP: Final = (
    "the model before is still in use; see `livetrader training` and the log, then train again"
)

_TOLD: Final = {  # states that an operator should read of: the log's action and level
    TrainingState.RUNNING: ("training_started", "info"),
    TrainingState.DEFERRED: ("training_deferred", "warning"),
    TrainingState.READY: ("training_ready", "info"),
    TrainingState.FAILED: ("training_failed", "error"),
    TrainingState.EXPIRED: ("training_expired", "error"),
    TrainingState.CANCELLED: ("training_cancelled", "warning"),
}


class TrainingNews:
    """Passes news on. Belongs to the loop's thread; owns only what was last said of the host's bucket."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._host_problem = ""

    def __call__(self, link: Link, news: News, beat: Beat | None) -> None:
        """Take note of one piece of news that came over `link`; `beat` is the newest of the engine."""
        match news:
            case TrainingReported():
                self._job(link, news)
            case TrainingPrinted():
                self._printed(news)
                return  # a line of the log, which the stream has
            case HostBucketLevel():
                self._host(news)
            case ScheduleJudged():
                self._judged(news)
        parts = self._parts
        if parts.hub.readers:
            model = model_view(beat, parts.clock.now_ns)
            parts.hub.publish(TrainingChanged(parts.training.view(model)))

    async def _note_start(self, link: Link, job: int, started: ScheduleSettled) -> None:
        """Journal that an occurrence starts, then let it begin; without the journal it does not."""
        try:
            await self._parts.journal.append(started)
        except JournalError as error:
            self._parts.logs.daemon("training_not_begun", level="error", job=job, problem=str(error))
            return
        link.send(StartNoted(job))

    def _job(self, link: Link, report: TrainingReported) -> None:
        parts = self._parts
        changed = parts.training.state_of(report.job) != report.state
        started = parts.training.reported(report)
        if started is not None:
            name = f"start of training {report.job}"
            parts.tasks.spawn(name, self._note_start(link, report.job, started))
        if not changed:
            return  # a minute was paid, or it told its progress
        parts.metrics.training_jobs.labels(report.state.value).inc()
        told = _TOLD.get(report.state)
        if told is not None:
            action, level = told
            fields: dict[str, object] = {
                "job": report.job,
                "name": report.name,
                "minutes": report.minutes_used,
            }
            if report.message:
                fields["reason"] = report.message
            if report.scheduled_ns is not None:
                fields["scheduled_ns"] = report.scheduled_ns
            if report.abandoned:
                fields["abandoned"] = True
            parts.logs.daemon(action, level=level, **fields)
            if level == "error":
                title = f"training {report.name} {report.state.value}"
                parts.notify(title, f"job {report.job}: {report.message}", _NEXT_STEP)

    def _printed(self, printed: TrainingPrinted) -> None:
        for line in printed.lines:
            self._parts.logs.daemon("training_output", job=printed.job, name=printed.name, text=line)
        if printed.lost:
            self._parts.logs.daemon(
                "training_output_lost",
                level="warning",
                job=printed.job,
                name=printed.name,
                lines=printed.lost,
            )

    def _host(self, level: HostBucketLevel) -> None:
        self._parts.training.host_told(level)
        if level.problem != self._host_problem:
            self._host_problem = level.problem
            if level.problem:
                self._parts.logs.daemon("training_host_bucket", level="error", problem=level.problem)
                step = "nothing new is trained until it can be used again; trading goes on"
                self._parts.notify("the machine's training bucket", level.problem, step)
            else:
                self._parts.logs.daemon("training_host_bucket", problem="", left_minutes=level.level_minutes)

    def _judged(self, decision: ScheduleJudged) -> None:
        self._parts.training.judged(decision)
        missed = decision.missed
        if decision.first and not missed.count:
            return
        self._parts.logs.daemon(
            "training_missed",
            level="info" if decision.first else "warning",
            schedule=decision.schedule,
            policy=decision.policy.value,
            missed=missed.count,
            more=not missed.complete,
            runs=len(decision.plan.runs),
            first_start=decision.first,
        )
