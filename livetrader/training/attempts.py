"""One attempt at a training: in a thread, or in a process with a bit of thread before and after it.

An attempt knows nothing of queues, quotas or deadlines; who runs it decides when it has to stop.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Protocol

from livetrader.clocks import monotonic_s
from livetrader.ipc.messages import StartEngine
from livetrader.training.parcel import Parcel, ParcelError, ParcelTooLargeError
from livetrader.training.process import RESULT_MB, Listener, ProcessLimits, TrainingProcess
from livetrader.training.runner import Outcome, Runner, ShortTurns, outcome_of
from livetrader.training.voice import Voice, speak_for_thread
from livetrader_engine.training import TrainingWork

REQUEST_LIMIT_MB: Final = 4096  # of function and arguments; more belongs into a file or the object store
REMEDY: Final = (
    "with process=True the function must stand at the top level of a file (no method, no lambda), and its "
    "arguments and result be plain data: arrays, frames, numbers, models; or leave process out"
)


Printed = Callable[[tuple[str, ...], int], None]  # lines, and how many were left out before them


class Attempt(Protocol):
    """One training under way. `run` blocks and belongs to one thread; the others never wait."""

    mode: str
    voice: Voice

    def run(self) -> Outcome | None:
        """Train, and return how it ended; None when it was given up."""
        ...

    def stop(self) -> bool:
        """Tell it to end, and return whether it was told; may be called again."""
        ...

    def give_up(self) -> None:
        """Let `run` return although the user's code has not."""
        ...

    def alive(self) -> bool:
        """Whether a thread of it is still there."""
        ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What attempts need of the process they are made in. `nice` is for threads of training."""

    algorithm_path: Path | None  # the user's file, which a training process loads; None where there is none
    limits: ProcessLimits
    turns: ShortTurns
    nice: int = 0


def surroundings_of(start: StartEngine) -> Surroundings:
    """Return what the supervisor's first message says of them."""
    told = start.training
    nice = 0 if start.training_waits else int(told["nice"])  # nobody to step back for
    limits = ProcessLimits(
        memory_mb=int(told.get("process_memory_mb", 0)),
        cpu_s=int(told.get("process_cpu_s", 0)),
        result_mb=int(told.get("process_result_mb", RESULT_MB)),
        threads=int(told.get("threads", 0)),
        nice=nice,
    )
    return Surroundings(Path(start.algorithm_path), limits, ShortTurns(), nice)


class ThreadAttempt:
    """Runs the work on a thread of its own in this process."""

    mode = "thread"

    def __init__(self, work: TrainingWork, surroundings: Surroundings) -> None:
        self.voice = Voice(work.gpu)
        self._runner = Runner(
            lambda: work.function(*work.prepared()), self.voice, surroundings.turns, surroundings.nice
        )

    def run(self) -> Outcome | None:
        """Train, and return how it ended; None when it was given up."""
        self._runner.start()
        return self._runner.wait()

    def stop(self) -> bool:
        """Set the flag, and raise TrainingStopped inside the function at its next step."""
        self.voice.cancelled = True
        return self._runner.interrupt()

    def give_up(self) -> None:
        """Leave the thread to itself."""
        self._runner.give_up()

    def alive(self) -> bool:
        """Whether its thread is still there."""
        return self._runner.alive


class ProcessAttempt:
    """Runs the work in a process of its own; `prepare`, pickling and unpickling in this one.

    These three run user code: on a thread that can be told to stop, or, for `inline`, where `run` is called.
    """

    mode = "process"

    def __init__(
        self,
        work: TrainingWork,
        surroundings: Surroundings,
        *,
        deadline_s: float = 0.0,
        printed: Printed,
        inline: bool = False,
    ) -> None:
        self.voice = Voice(work.gpu)
        self._work = work
        self._surroundings = surroundings
        self._deadline_s = deadline_s
        self._inline = inline
        self._guard = threading.Lock()
        self._stopped = False
        self._runner: Runner | None = None
        listener = Listener(self.voice.progress, printed)
        self._process = TrainingProcess(surroundings.limits, surroundings.algorithm_path, listener)

    def run(self) -> Outcome | None:
        """Train, and return how it ended; None when it was given up before or after the process."""
        request, result, started_s = Parcel(), Parcel(), monotonic_s()
        try:
            packed = self._call(lambda: self._pack(request))
            if packed is None or packed.failure is not None:
                return packed
            left_s = max(0.001, started_s + self._deadline_s - monotonic_s()) if self._deadline_s else 0.0
            end = self._process.run(request, result, deadline_s=left_s, gpu=self._work.gpu)
            if end.expired:
                text = f"ran past its deadline of {self._deadline_s:g} s and was killed"
                return Outcome(failure=text, expired=True)
            if end.failure is not None:
                return Outcome(failure=end.failure)
            request.close()
            return self._call(lambda: _unpacked(result, self._work))
        except OSError as error:
            return Outcome(failure=f"no training process could be started: {error}")
        finally:
            request.close()
            result.close()

    def stop(self) -> bool:
        """Kill the process with everything below it, or interrupt what runs in this one."""
        self.voice.cancelled = True
        self._process.end()
        with self._guard:
            self._stopped = True
            return self._runner is None or self._runner.interrupt()

    def give_up(self) -> None:
        """Leave the thread of user code to itself. A process never needs it: it can be killed."""
        with self._guard:
            if self._runner is not None:
                self._runner.give_up()

    def alive(self) -> bool:
        """Whether a thread of it is still there."""
        return self._runner is not None and self._runner.alive

    def _pack(self, request: Parcel) -> None:
        work = self._work
        arguments = work.prepared()
        try:
            request.pack((work.function, arguments), REQUEST_LIMIT_MB)
        except ParcelTooLargeError as error:
            raise ParcelTooLargeError(
                f"the arguments of training {work.name!r} are too large: {error}"
            ) from None
        except ParcelError as error:
            raise ParcelError(
                f"training {work.name!r} cannot be sent to a process ({error}): {REMEDY}"
            ) from None

    def _call(self, code: Callable[[], object]) -> Outcome | None:
        """Run user code of this process that belongs to the training."""
        if self._inline:
            speak_for_thread(self.voice)
            try:
                return _in_words(outcome_of(code))
            finally:
                speak_for_thread(None)
        surroundings = self._surroundings
        runner = Runner(code, self.voice, surroundings.turns, surroundings.nice)
        with self._guard:
            if self._stopped:
                return Outcome(failure="it was told to stop")
            self._runner = runner
            runner.start()
        return _in_words(runner.wait())


def attempt_at(
    work: TrainingWork, surroundings: Surroundings, deadline_s: float, printed: Printed
) -> Attempt:
    """Return an attempt at the work, in a thread or in a process as it asks; `deadline_s` 0 sets none."""
    if work.process:
        return ProcessAttempt(work, surroundings, deadline_s=deadline_s, printed=printed)
    return ThreadAttempt(work, surroundings)


def _unpacked(result: Parcel, work: TrainingWork) -> object:
    try:
        return result.unpack()
    except ParcelError as error:
        raise ParcelError(
            f"the result of training {work.name!r} cannot be put together here: {error}"
        ) from None


def _in_words(outcome: Outcome | None) -> Outcome | None:
    """Return the outcome without a traceback where the message says all there is."""
    if outcome is not None and isinstance(outcome.error, ParcelError):
        return replace(outcome, failure=str(outcome.error))
    return outcome
