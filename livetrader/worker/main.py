"""The engine process: load the algorithm, say READY, run, and say how it ended.

Threads: the engine's (this one: all engine state and the user's callbacks), the reader (socket to lanes),
the beats, and training. User code may do anything here, so nothing here is trusted by the supervisor.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
from pathlib import Path
from typing import Final, NoReturn

import msgspec

from livetrader.clocks import monotonic_s, wall_ns
from livetrader.garbage import spare_what_is_loaded
from livetrader.histories.chain import HistoryChain
from livetrader.histories.opening import open_histories, plain_context
from livetrader.ipc.messages import (
    BEAT_INTERVAL_S,
    Beat,
    EngineFailed,
    EngineFinished,
    Initialized,
    ModelReported,
    ShortData,
    StartEngine,
    StepCompleted,
    WarmedUp,
)
from livetrader.models.catalog import Retention
from livetrader.models.opening import live_keys, open_registry, surroundings_of
from livetrader.numeric_threads import limit_numeric_threads
from livetrader.store.opening import open_store
from livetrader.store.options import use_credentials
from livetrader.training import attempts as trainings
from livetrader.training.budget import budget_of
from livetrader.training.runs import TrainerClocks, TrainerRules
from livetrader.training.start_notes import StartNotes
from livetrader.training.trainer import ThreadedTrainer
from livetrader.worker.benchmark import BenchmarkTeller, benchmark_options
from livetrader.worker.confinement import confine
from livetrader.worker.feed import LiveFeed, Progress
from livetrader.worker.inbox import Inbox
from livetrader.worker.outbox import Outbox
from livetrader.worker.remote import LockstepOrders, RemoteOrders, RemoteResults
from livetrader.worker.warm_up import ToldHistory
from livetrader_engine.commands import QuitAlgorithm
from livetrader_engine.decisions import TRAINING
from livetrader_engine.engine import Engine, EngineOptions, EnginePorts
from livetrader_engine.events import DataEnded, EngineEvent, MarketDataArrived, StopRequested, TimePulse
from livetrader_engine.ports import OrderSink
from livetrader_engine.symbols import Resolution
from livetrader_engine.transactions import TradingPolicy
from livetrader_lean.failures import user_message, user_traceback

EXIT_FINISHED: Final = 0
EXIT_FAILED: Final = 1
EXIT_NOT_LOADED: Final = 3
_PAGE_MB: Final = os.sysconf("SC_PAGE_SIZE") / 1024 / 1024


def main(arguments: list[str]) -> NoReturn:
    """Run the engine process: `FD MEMORY_MB SUPERVISOR_PID`. Ends the process; does not return."""
    descriptor, memory_limit_mb, supervisor_pid = (int(argument) for argument in arguments)
    confine(supervisor_pid, memory_limit_mb)
    connection = socket.socket(fileno=descriptor)
    outbox = Outbox(connection)
    run = EngineRun(connection, outbox)
    try:
        reason = run.run()
        outbox.send(EngineFinished(reason))
        status = EXIT_FINISHED
    except BrokenPipeError:
        status = EXIT_FAILED  # the supervisor is gone; there is nobody to tell
    except BaseException as error:  # noqa: BLE001 — boundary: whatever the algorithm raised is told, then we end
        outbox.send(EngineFailed(run.stage, user_message(error), user_traceback(error)))
        status = EXIT_FAILED if run.stage == "run" else EXIT_NOT_LOADED
    _leave(status)


class EngineRun:
    """One life of the engine. `stage` says how far it came: load, initialize or run."""

    def __init__(self, connection: socket.socket, outbox: Outbox) -> None:
        self.stage = "load"
        self._outbox = outbox
        self._progress = Progress(monotonic_s)
        self._inbox = Inbox(connection, outbox, self._now_ns, _abandoned)
        self._feed = LiveFeed(self._inbox, self._progress, self._adopt)
        self._engine: Engine | None = None
        self._training: ThreadedTrainer | None = None
        self._stop_reason = ""
        self._history: HistoryChain | None = None

    def run(self) -> str:
        """Do everything until the algorithm is over; return why. Raises what the algorithm raised."""
        self._inbox.start()
        start = self._inbox.wait_for_start()
        limit_numeric_threads(os.environ, int(start.training.get("threads", 0)))
        trainer = self._training = self._trainer(start)
        self._start_beats(trainer)
        engine = self._engine = self._build(start, trainer)

        from livetrader_lean.adapter import AlgorithmAdapter  # user code may not even be loaded yet
        from livetrader_lean.loader import load

        algorithm_type = load(Path(start.algorithm_path), start.class_name)
        adapter = AlgorithmAdapter(engine, algorithm_type, start.parameters)
        self.stage = "initialize"
        engine.attach(adapter)
        adapter.initialize()
        benchmark = BenchmarkTeller(engine, self._outbox)
        engine.process(start.account)
        self._outbox.send(Initialized(engine.warm_up_from_ns, algorithm_type.__name__))
        wanted = adapter.binding.warm_up
        points, short = self._warm_up(engine, start.time_ns, None if wanted is None else wanted.resolution)
        self.stage = "run"
        spare_what_is_loaded()
        self._outbox.send(WarmedUp(points, short))

        from livetrader_engine.loop import run

        def completed(event: EngineEvent) -> None:
            benchmark.look()
            self._completed(event)
            if adapter.quit_reason is not None and not engine.ended:
                self._quit(engine, adapter.quit_reason)

        run(engine, self._feed, completed)
        return adapter.quit_reason or self._stop_reason or "the algorithm ended by itself"

    def _adopt(self) -> None:
        if self._training is not None:
            self._training.adopt()

    def _now_ns(self) -> int:
        return 0 if self._engine is None else self._engine.clock.now_ns

    def _completed(self, event: EngineEvent) -> None:
        if isinstance(event, MarketDataArrived | TimePulse) and event.sequence:
            self._outbox.send(StepCompleted(event.sequence, event.time_ns))
        elif isinstance(event, StopRequested):
            self._stop_reason = event.reason
        elif isinstance(event, DataEnded):
            self._stop_reason = "the data ended"

    def _quit(self, engine: Engine, reason: str) -> None:
        """End the run that the algorithm has quit, after the step in which it did; positions stay."""
        self._outbox.send(QuitAlgorithm(reason))
        self._stop_reason = reason
        engine.process(StopRequested(engine.clock.now_ns, reason))

    def _warm_up(
        self, engine: Engine, until_ns: int, resolution: Resolution | None
    ) -> tuple[int, tuple[ShortData, ...]]:
        """Feed the engine its past, at a resolution or each stream's own.

        Return how many points that were, and which streams lacked sessions.

        What ends exactly where live data begins is past: an engine before this one may have traded on it.
        So the warm-up includes it, and ends with what comes after.
        """
        from_ns = engine.warm_up_from_ns
        if from_ns is None:
            return 0, ()
        engine.set_warm_up(from_ns, until_ns + 1)
        from livetrader_engine.synchronizer import HistoricalFeed

        assert self._history is not None, "built with the engine"
        told = ToldHistory(self._history, until_ns)
        history = HistoricalFeed(told, engine.ports.reference, from_ns, until_ns)
        if resolution is not None:
            history.warm_up_with(resolution, until_ns)
        points = 0
        for event in self._feed.warm_up(history):
            points += len(event.points)
            engine.process(event)
            self._adopt()
        return points, told.short()

    def _trainer(self, start: StartEngine) -> ThreadedTrainer:
        clocks = TrainerClocks(wall_ns, monotonic_s, self._now_ns)
        budget = budget_of(start, self._outbox.send)
        deadline_s = start.training.get("deadline_minutes", 0.0) * 60.0
        notes = StartNotes()
        self._inbox.start_noted = notes.noted
        rules = TrainerRules(deadline_s, start.training_waits, self._inbox.wake, notes.wait)
        trainer = ThreadedTrainer(budget, clocks, self._outbox.send, trainings.surroundings_of(start), rules)
        self._inbox.cancel_training = trainer.cancel
        return trainer

    def _build(self, start: StartEngine, trainer: ThreadedTrainer) -> Engine:
        use_credentials(start.credentials)
        history = self._history = _history(start)
        # In lockstep the market stands still while an order waits: on old prices it would wait in vain, and
        # the run is a backtest through the whole daemon, which trades exactly as one in this process does.
        policy = TradingPolicy(
            wait_on_stale_prices=not start.lockstep,
            convert_daily_market_orders=start.lockstep,
            defer_requests=start.lockstep,
        )
        options = EngineOptions(
            start_ns=start.time_ns,
            policy=policy,
            missed_trainings=start.missed_trainings,
            names_decisions=True,
            benchmark=benchmark_options(start.lockstep),
        )
        cash = start.account.cash.get(options.account_currency)
        if cash is not None:
            options = msgspec.structs.replace(options, cash=cash)
        store = open_store(start.object_store, _report_store)
        around = surroundings_of(
            lambda: self._engine,
            sequential=start.training_waits,
            report=self._report_model,
            drifted=self._report_drift,
        )
        ports = EnginePorts(
            feed=self._feed,
            orders=self._orders(lockstep=start.lockstep),
            history=history,
            reference=history.reference,
            results=RemoteResults(self._outbox, monotonic_s),
            trainer=trainer,
            object_store=store,
            models=open_registry(
                store,
                live_keys(Path(start.state_directory)),
                around,
                retention=Retention(start.model_versions),
            ),
        )
        engine = Engine(ports, options)
        engine.trainings.judged = self._outbox.send
        engine.orders.turn = trainer.calls.make
        trainer.calls.around = lambda: engine.decisions.because_of(TRAINING, engine.clock.now_ns)
        return engine

    def _orders(self, *, lockstep: bool) -> OrderSink:
        if not lockstep:
            return RemoteOrders(self._inbox, self._outbox, self._progress.stamped)
        progress = self._progress
        return LockstepOrders(
            self._inbox, self._outbox, self._now_ns, lambda: progress.steps, progress.stamped
        )

    def _report_model(self, name: str, number: int | None, trouble: str) -> None:
        self._outbox.send(ModelReported(self._now_ns(), name, number, trouble))

    def _report_drift(self, name: str, drift: float) -> None:
        self._outbox.send(ModelReported(self._now_ns(), name, drift=drift))

    def _start_beats(self, trainer: ThreadedTrainer) -> None:
        statm = os.open("/proc/self/statm", os.O_RDONLY)

        def beat() -> None:
            pause = threading.Event()
            while not pause.wait(BEAT_INTERVAL_S):
                trainer.tick()
                started_s = self._progress.step_started_s
                readiness = None if self._engine is None else self._engine.readiness
                message = Beat(
                    step_started_s=None if started_s is None else monotonic_s() - started_s,
                    steps=self._progress.steps,
                    training_running=trainer.status.is_training,
                    training_granted_s=trainer.granted_s,
                    resident_mb=int(os.pread(statm, 128, 0).split()[1]) * _PAGE_MB,
                    conflated=self._inbox.conflated,
                    model_required=readiness is not None and readiness.required,
                    model_ns=None if readiness is None else readiness.model_ns,
                    model_problem="" if readiness is None else readiness.problem(),
                    waiting=self._inbox.waiting,
                )
                try:
                    self._outbox.send_urgent(message)
                except OSError:
                    return  # the supervisor is gone, and the reader is about to notice

        threading.Thread(target=beat, name="beats", daemon=True).start()


def _history(start: StartEngine) -> HistoryChain:
    """Make the histories, which live in this process."""
    data_folder, folder = Path(start.data_folder), Path(start.state_directory) / "history"
    return open_histories(start.histories, lambda name: plain_context(name, data_folder, folder, _report))


def _report(action: str, **fields: object) -> None:
    details = " ".join(f"{name}={value!r}" for name, value in fields.items())
    sys.stderr.write(f"{action} {details}\n")


def _report_store(words: str) -> None:
    _report("object_store_trouble", problem=words)


def _abandoned(reason: str) -> NoReturn:
    """Without a supervisor nobody checks orders, so nothing may go on. Called from the reader thread."""
    sys.stderr.write(f"the engine process ends: {reason}\n")
    os._exit(EXIT_FAILED)


def _leave(status: int) -> NoReturn:
    """End at once: threads of user code must not keep a finished engine alive."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
