"""The training process: a guardian, and under it the worker that runs the user's function.

    engine process ── control: its end ends all ──> guardian ── watches, kills, reaps ──> worker ──> ...
                   <── data: progress, how it went ─────────────────────────────────────── worker

The guardian does nothing that can fail: it forks before anything else is imported, reads /proc, and ends
every process below it when the worker has ended, the deadline is over, memory is over its limit, or the
engine process is gone. It adopts orphans (PR_SET_CHILD_SUBREAPER), so nobody escapes by forking twice.
The worker may do anything; nothing it says is trusted beyond its own outcome.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import json
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

from livetrader.training.voice import Voice, speak_for_process

WATCH_INTERVAL_S: Final = 0.1  # how often memory and the deadline are looked at; a hog fills 100 MB meanwhile
REAP_LIMIT_S: Final = 5.0  # for what was killed to end; longer only in the middle of sick I/O
FAREWELL_MB: Final = 64  # above the soft limit of memory, to say that it was hit
OOM_SCORE: Final = 1000  # of 1000: the kernel takes training first
PROGRESS_INTERVAL_S: Final = 0.2  # between two words of progress that travel
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_CHILD_SUBREAPER: Final = 36
_MB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Assignment:
    """What the engine process hands over as JSON in the first argument. 0 means: no limit.

    `control`, `data`, `request`, `result` are inherited descriptors. `deadline_s` counts from the start.
    """

    engine_pid: int
    control: int
    data: int
    request: int
    result: int
    algorithm_path: str
    deadline_s: float
    memory_mb: int
    cpu_s: int
    result_mb: int
    nice: int
    gpu: bool


def main(arguments: list[str]) -> NoReturn:
    """Run the training process. Ends the process; does not return."""
    assignment = Assignment(**json.loads(arguments[0]))
    _libc_prctl(_PR_SET_CHILD_SUBREAPER, 1)
    guardian = os.getpid()
    worker = os.fork()  # before anything heavy is there: the guardian stays small
    if worker == 0:
        _as_worker(assignment, guardian)
    with contextlib.suppress(PermissionError, ProcessLookupError):  # it did that itself, or is gone
        os.setpgid(worker, worker)
    os.close(assignment.data)
    verdict = _Guardian(assignment, worker).watch()
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the engine process is gone
        os.write(assignment.control, json.dumps(verdict).encode() + b"\n")
    os._exit(0)


class _Guardian:
    """Watches one worker and everything below it; owns their end."""

    def __init__(self, assignment: Assignment, worker: int) -> None:
        self._assignment = assignment
        self._worker = worker
        self._peak_mb = 0.0
        self._reason = ""

    def watch(self) -> dict[str, object]:
        """Block until the worker is over or has to be; end everything and return the verdict."""
        started_s = time.monotonic()  # noqa: TID251 — a process of its own, without clocks that are handed in
        poll = select.poll()
        worker_end = os.pidfd_open(self._worker)
        poll.register(worker_end, select.POLLIN)
        poll.register(self._assignment.control, select.POLLIN | select.POLLHUP)
        with contextlib.suppress(ProcessLookupError):  # gone already: control tells it, too
            poll.register(os.pidfd_open(self._assignment.engine_pid), select.POLLIN)
        while not self._reason:
            ready = [descriptor for descriptor, _ in poll.poll(WATCH_INTERVAL_S * 1000)]
            age_s = time.monotonic() - started_s  # noqa: TID251 — see above
            if worker_end in ready:
                break
            self._reason = "stopped" if ready else self._excess(age_s)
        return {"reason": self._reason, "status": self._end_all(), "peak_mb": round(self._peak_mb)}

    def _excess(self, age_s: float) -> str:
        if self._assignment.deadline_s and age_s > self._assignment.deadline_s:
            return "deadline"
        used_mb = sum(_memory_mb(pid) for pid in _family(self._worker))
        self._peak_mb = max(self._peak_mb, used_mb)
        if self._assignment.memory_mb and used_mb > self._assignment.memory_mb:
            return "memory"
        return ""

    def _end_all(self) -> int | None:
        """Kill the worker and whatever is below or was left behind, reap them; return the worker's status."""
        status = None
        limit_s = time.monotonic() + REAP_LIMIT_S  # noqa: TID251 — see above
        while time.monotonic() < limit_s:  # noqa: TID251 — see above
            if status is None:  # while it is not reaped, its number is nobody else's
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self._worker, signal.SIGKILL)
            for pid in _family(os.getpid())[1:]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            try:
                pid, ended = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break  # nobody is left
            if pid == self._worker:
                status = os.waitstatus_to_exitcode(ended)
            elif not pid:
                select.select([], [], [], 0.002)
        return status


def _family(pid: int) -> list[int]:
    """Return a process and everything below it, parents first. What ends meanwhile is left out."""
    found = [pid]
    for member in found:
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{member}/task").iterdir():
                children = (task / "children").read_text()
                found += [int(child) for child in children.split()]
    return found


def _memory_mb(pid: int) -> float:
    """Return what a process holds that is no file: shared memory is counted with each that maps it."""
    with contextlib.suppress(OSError):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        kept = [line for line in lines if line.startswith(("RssAnon:", "RssShmem:"))]
        return sum(int(line.split()[1]) for line in kept) / 1024
    return 0.0


# -- the worker ----------------------------------------------------------------------------------------


class _SendingVoice(Voice):
    """Tells progress to the engine process, at a bounded rate; what comes in between is left out."""

    def __init__(self, gpu: bool, say: Callable[[dict[str, object]], None]) -> None:
        super().__init__(gpu)
        self._say = say
        self._sent_s = 0.0

    def progress(self, fraction: float, text: str = "") -> None:
        """Say how far it is."""
        super().progress(fraction, text)
        now_s = time.monotonic()  # noqa: TID251 — a process of its own, without clocks that are handed in
        if now_s - self._sent_s >= PROGRESS_INTERVAL_S or fraction >= 1.0:
            self._sent_s = now_s
            self._say({"progress": self.told})


def _as_worker(assignment: Assignment, guardian: int) -> NoReturn:
    def say(message: dict[str, object]) -> None:
        os.write(assignment.data, json.dumps(message).encode() + b"\n")

    try:
        os.setpgid(0, 0)
        os.close(assignment.control)
        _confine(assignment, guardian)
        say(_work(assignment, _SendingVoice(assignment.gpu, say)))
    except BrokenPipeError:
        os._exit(1)  # nobody listens any more
    except MemoryError:
        limit_mb = _make_room()
        say({"failure": "memory", "text": "", "limit_mb": limit_mb})
    finally:
        with contextlib.suppress(OSError, ValueError):  # the output may be closed, or full and nobody's
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(0)  # threads and exit handlers of user code must not keep a finished training alive


def _confine(assignment: Assignment, guardian: int) -> None:
    """Die with the guardian, step back behind trading, keep to the limits."""
    _libc_prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != guardian:
        os._exit(1)
    os.nice(assignment.nice)
    with contextlib.suppress(OSError):  # a kernel without groups by session: the line above is enough there
        Path("/proc/self/autogroup").write_text(str(assignment.nice))
    with contextlib.suppress(PermissionError):  # some containers refuse it: being nice has to do there
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))  # never preempt who has just woken up
    Path("/proc/self/oom_score_adj").write_text(str(OOM_SCORE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # the traceback tells more than gigabytes on disk
    if assignment.memory_mb:
        _, most = resource.getrlimit(resource.RLIMIT_DATA)  # the engine's own limit stands above ours
        hard = (assignment.memory_mb + FAREWELL_MB) * _MB
        hard = hard if most == resource.RLIM_INFINITY else min(hard, most)
        resource.setrlimit(resource.RLIMIT_DATA, (max(0, hard - FAREWELL_MB * _MB), hard))
    if assignment.cpu_s:
        resource.setrlimit(resource.RLIMIT_CPU, (assignment.cpu_s, assignment.cpu_s + 1))
    faulthandler.enable()


def _make_room() -> int:
    """Allow a little more memory, to say that it was used up; return the limit that was hit, in MB."""
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))
    return soft // _MB


def _work(assignment: Assignment, voice: Voice) -> dict[str, object]:
    """Load the user's file, do the work, put the result down; return what to say about it."""
    from livetrader.training.parcel import Parcel, ParcelTooLargeError, UnpicklableError
    from livetrader.training.runner import outcome_of
    from livetrader_lean.loader import execute

    speak_for_process(voice)
    if assignment.algorithm_path:
        loaded = outcome_of(lambda: execute(Path(assignment.algorithm_path)))
        if loaded.failure is not None:
            return _failed("import", loaded.failure, loaded.error)
    try:
        request: Any = Parcel(assignment.request).unpack()
    except UnpicklableError as error:
        return _failed("request", str(error), error)
    function, arguments = request
    outcome = outcome_of(lambda: function(*arguments))
    if outcome.failure is not None:
        return _failed("raised", outcome.failure, outcome.error)
    try:
        Parcel(assignment.result).pack(outcome.value, assignment.result_mb)
    except (UnpicklableError, ParcelTooLargeError) as error:
        kind = "large" if isinstance(error, ParcelTooLargeError) else "result"
        return _failed(kind, str(error), error)
    return {"done": True}


def _failed(kind: str, text: str, error: BaseException | None) -> dict[str, object]:
    while error is not None:
        if isinstance(error, MemoryError):
            return {"failure": "memory", "text": text, "limit_mb": _make_room()}
        error = error.__cause__ or error.__context__
    return {"failure": kind, "text": text}


def _libc_prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, int(value), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option}) failed")


if __name__ == "__main__":
    main(sys.argv[1:])
