"""One engine process: spawn, watch, and bury. Restarting it is the keeper's job.

The child runs in its own session (a Ctrl-C at the terminal is the supervisor's alone), dies with the
supervisor (PR_SET_PDEATHSIG, set by the child itself, and the end of the link), inherits one socket and
nothing else, and is ended by SIGKILL only: user code may hold the interpreter and never see anything milder.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from livetrader.ipc.link import Link
from livetrader.ipc.messages import (
    Beat,
    EngineFailed,
    EngineFinished,
    FromEngine,
    Initialized,
    WarmedUp,
)
from livetrader.settings import EngineSettings
from livetrader.supervisor.child_output import ChildOutput
from livetrader_engine.limits import StepLimit

CHECK_INTERVAL_S: Final = 0.1  # how often beats and memory are looked at; a hog fills 100 MB meanwhile
LAST_WORDS_S: Final = 2.0  # how long a dead child's link is read for what it said last
SPAWN_LIMIT_S: Final = 30.0  # from fork to the first beat: the interpreter and our own imports
SEND_BUFFER: Final = 32 * 1024  # bytes of the child: a flood of orders waits there, and beats behind it
KEPT_ENVIRONMENT: Final = frozenset(
    {
        "PATH",
        "HOME",
        "XDG_CONFIG_HOME",
        "LANG",
        "LC_ALL",
        "LC_CTYPE",
        "TZ",
        "TMPDIR",
        "PYTHONPATH",
        "PYTHONHOME",
        "VIRTUAL_ENV",
        "LD_LIBRARY_PATH",
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "CUDA_VISIBLE_DEVICES",
        "PYTHONDONTWRITEBYTECODE",
        "PYTHONPYCACHEPREFIX",
    }
)  # fmt: skip — credentials of the daemon stay with the daemon

_PAGE_MB: Final = os.sysconf("SC_PAGE_SIZE") / 1024 / 1024


class EndCause(StrEnum):
    """Why an engine process is no more."""

    FINISHED = "finished"  # the algorithm ended by itself, or was asked to
    FAILED = "failed"  # it raised and said so
    EXITED = "exited"  # gone without a word: sys.exit, os._exit
    SIGNALED = "signaled"  # segmentation fault, out of memory, somebody's kill
    BEATS_LOST = "beats_lost"
    STEP_OVERDUE = "step_overdue"
    MEMORY = "memory"
    LATE = "late"  # not READY within its limits
    LINK = "link"  # broke the protocol, or let its order lane overflow
    RUNAWAY = "runaway"  # a training thread that does not stop; [training] on_runaway = "restart"
    KILLED = "killed"  # by us, on purpose


@dataclass(frozen=True, slots=True)
class EngineEnd:
    """How an engine process ended. `stage` and `traceback` are set for FAILED, in the user's terms."""

    cause: EndCause
    detail: str
    stage: str = ""
    traceback: str = ""
    was_ready: bool = False


class EngineProcess:
    """Owns one child, its link and its output. All methods belong to the loop's thread.

    `received(message)` gets everything but beats and last words, in order. It never restarts anything.
    """

    def __init__(
        self,
        settings: EngineSettings,
        monotonic_s: Callable[[], float],
        received: Callable[[FromEngine], None],
        output: Callable[[str], None],
        started: Callable[[], None],
    ) -> None:
        self._started = started
        self._settings = settings
        self._monotonic_s = monotonic_s
        self._received = received
        self._output_line = output
        self._last_words: EngineFailed | EngineFinished | None = None
        self._verdict: tuple[EndCause, str] | None = None
        self._exited = asyncio.Event()
        self._link_ended = asyncio.Event()
        self._link_fault = ""
        self._step_limit = StepLimit(settings.step_limit_s)
        self.initialized = False
        self.warmed_up = False
        self.beat: Beat | None = None
        self._beat_s = self._phase_s = monotonic_s()
        self.pid = 0  # until it is spawned
        self._child: subprocess.Popen[bytes] | None = None
        self._pidfd = self._statm = -1
        self._output: ChildOutput | None = None
        own, self._theirs = socket.socketpair()
        self._theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        self.link = Link(own, self._message, self._link_end)

    async def _spawn(self) -> None:
        """Start the child. What was sent over the link before waits for it.

        Forking takes milliseconds, so a thread does it: one of the loop's default executor, whose threads
        live as long as the loop does. (The child dies with the *thread* that forked it, see prctl(2).)
        """
        with self._theirs:
            self._child = child = await asyncio.to_thread(self._fork)
        self.pid = child.pid
        self._pidfd = os.pidfd_open(self.pid)
        asyncio.get_running_loop().add_reader(self._pidfd, self._exit_noticed)
        self._statm = os.open(f"/proc/{self.pid}/statm", os.O_RDONLY)
        assert child.stdout is not None
        self._output = ChildOutput(child.stdout, self._output_line)
        if self._verdict is not None:
            self.kill(*self._verdict)  # somebody wanted it dead before it lived

    def _fork(self) -> subprocess.Popen[bytes]:
        theirs = self._theirs.fileno()
        arguments = [str(theirs), str(self._settings.memory_limit_mb), str(os.getpid())]
        return subprocess.Popen(
            [sys.executable, "-m", "livetrader.worker", *arguments],
            pass_fds=(theirs,),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment(os.environ),
            start_new_session=True,
        )

    @property
    def beat_age_s(self) -> float:
        """Seconds since the last sign of life; while we do not read, it does not age."""
        return 0.0 if self.link.paused else self._monotonic_s() - self._beat_s

    @property
    def step_age_s(self) -> float | None:
        """Seconds the engine has been inside its current step, None between steps."""
        if self.beat is None or self.beat.step_started_s is None:
            return None
        return self.beat.step_started_s + self.beat_age_s

    @property
    def alive(self) -> bool:
        """Whether the process has not ended yet."""
        return not self._exited.is_set()

    @property
    def dismissed(self) -> bool:
        """Whether it was killed on purpose: what it still says counts no more."""
        return self._verdict is not None and self._verdict[0] is EndCause.KILLED

    def resident_mb(self) -> float:
        """Return the resident memory of the child, 0 once it has ended."""
        try:
            return int(os.pread(self._statm, 128, 0).split()[1]) * _PAGE_MB
        except (OSError, IndexError):
            return 0.0

    def kill(self, cause: EndCause, detail: str) -> None:
        """SIGKILL the whole session of the child. The first verdict stands."""
        if self._verdict is None:
            self._verdict = (cause, detail)
        if self.alive and self.pid:
            with contextlib.suppress(ProcessLookupError):  # it has just ended by itself
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)  # it leads its session: what it started ends too

    async def run(self) -> EngineEnd:
        """Spawn it and watch it until it has ended, and reap it."""
        try:
            await self._spawn()
            self._started()
            while not self._exited.is_set():
                try:
                    async with asyncio.timeout(CHECK_INTERVAL_S):
                        await self._exited.wait()
                except TimeoutError:
                    self._check()
            if not self.link.paused:  # of a flood nobody needs the end
                # a child of the child may hold the link open; then there are no more words either
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LAST_WORDS_S):
                        await self._link_ended.wait()
            return self._end()
        finally:
            self._bury()

    def _check(self) -> None:
        """Compare the signs of life with their limits; SIGKILL at the first that is beyond."""
        limits = self._settings
        if self._link_ended.is_set():
            self.kill(EndCause.LINK, self._link_fault)  # whatever it still does, nobody would hear of it
            return
        resident_mb = self.resident_mb()
        if limits.memory_limit_mb and resident_mb > limits.memory_limit_mb:
            text = f"it uses {resident_mb:.0f} MB, memory_limit_mb is {limits.memory_limit_mb}"
            self.kill(EndCause.MEMORY, text)
            return
        spoken = self.beat is not None or self.warmed_up
        beat_limit_s = limits.io_beat_limit_s if spoken else max(SPAWN_LIMIT_S, limits.io_beat_limit_s)
        if self.beat_age_s > beat_limit_s:
            self.kill(EndCause.BEATS_LOST, f"no beat for {self.beat_age_s:.1f} s")
            return
        phase_s = self._monotonic_s() - self._phase_s
        if not self.initialized:
            if phase_s > limits.initialize_limit_s:
                self.kill(EndCause.LATE, f"initialize took over {limits.initialize_limit_s:g} s")
        elif not self.warmed_up:
            if phase_s > limits.warm_up_limit_s:
                self.kill(EndCause.LATE, f"warm-up took over {limits.warm_up_limit_s:g} s")
        elif self._step_overdue():
            self.kill(EndCause.STEP_OVERDUE, f"one step has taken {self.step_age_s:.1f} s")

    def _step_overdue(self) -> bool:
        age_s = self.step_age_s
        granted_s = 0.0 if self.beat is None else self.beat.training_granted_s
        return age_s is not None and self._step_limit.exceeded(age_s, granted_s)

    def _message(self, message: FromEngine) -> None:
        match message:
            case Beat():
                self.beat = message
                self._beat_s = self._monotonic_s()
                return
            case EngineFailed() | EngineFinished():
                self._last_words = message
                return
            case Initialized():
                self.initialized = True
                self._phase_s = self._monotonic_s()
            case WarmedUp():
                self.warmed_up = True
                self._beat_s = self._monotonic_s()  # a sign of life: perhaps before the first beat
            case _:
                pass
        self._received(message)

    def _link_end(self, reason: str) -> None:
        self._link_ended.set()
        self._link_fault = reason

    def _exit_noticed(self) -> None:
        asyncio.get_running_loop().remove_reader(self._pidfd)
        if self._child is not None:
            self._child.poll()
        self._exited.set()

    def _end(self) -> EngineEnd:
        status = None if self._child is None else self._child.poll()
        words, ready = self._last_words, self.warmed_up
        if self._verdict is not None and self._verdict[0] is not EndCause.LINK:
            return EngineEnd(*self._verdict, was_ready=ready)
        if isinstance(words, EngineFailed):
            return EngineEnd(EndCause.FAILED, words.error, words.stage, words.traceback, ready)
        if isinstance(words, EngineFinished):
            return EngineEnd(EndCause.FINISHED, words.reason, was_ready=ready)
        stage = "run" if ready else "initialize"
        ours = self._verdict is not None and status == -signal.SIGKILL
        if status is not None and status < 0 and not ours:  # also where its link was missed first
            name = signal.Signals(-status).name
            return EngineEnd(EndCause.SIGNALED, f"ended by {name}", stage, was_ready=ready)
        if self._verdict is not None and ours:
            return EngineEnd(*self._verdict, stage=stage, was_ready=ready)
        return EngineEnd(EndCause.EXITED, f"exited with status {status}", stage, was_ready=ready)

    def _bury(self) -> None:
        """Make sure that the child is dead and reaped and everything of it is closed."""
        if self.alive and self._child is not None:  # we were cancelled
            self.kill(EndCause.KILLED, "the supervisor is ending")
            asyncio.get_running_loop().remove_reader(self._pidfd)
            self._child.wait()  # a SIGKILLed process ends within milliseconds
            self._exited.set()
        self.link.close()
        if self._output is not None:
            self._output.close()
        for descriptor in (self._pidfd, self._statm):
            if descriptor >= 0:
                os.close(descriptor)


def environment(inherited: Mapping[str, str]) -> dict[str, str]:
    """Return the child's environment: what it needs to find Python and its libraries, no secrets.

    Compiled modules are kept unless the operator forbids it: without them TensorFlow's import takes three
    times as long, at every start of an engine or of a training process.
    """
    kept = {name: value for name, value in inherited.items() if name in KEPT_ENVIRONMENT}
    return kept | {"PYTHONUNBUFFERED": "1", "PYTHONFAULTHANDLER": "1"}
