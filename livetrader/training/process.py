"""The engine process's end of a training process: start it, hear it, end it, and say in words how it ended.

What the process may use is bounded before it runs a line of the user's (see child.py); what it says is
bounded here. Ending it is closing its control socket: the guardian there kills and reaps everything.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from livetrader.clocks import monotonic_s
from livetrader.numeric_threads import limit_numeric_threads
from livetrader.training.child import Assignment
from livetrader.training.parcel import Parcel

RESULT_MB: Final = 1024  # what a training process may hand back where nobody says otherwise
END_LIMIT_S: Final = 10.0  # for a guardian to end what it guards; then it is killed itself
LINE_LENGTH: Final = 1000  # characters of a printed line
LINES_KEPT: Final = 20  # of what it printed last: with native crashes the only explanation
LINES_AT_ONCE: Final = 50  # a second's printed lines that are told; the rest is counted
MESSAGE_LIMIT: Final = 64 * 1024  # bytes of one message; ours have less
READ_CHUNK: Final = 64 * 1024  # bytes
OUTPUT_BUDGET: Final = (
    256 * 1024
)  # bytes of output read in a second; beyond it the process waits in its print


@dataclass(frozen=True, slots=True)
class ProcessLimits:
    """What a training process may use. 0 means: half of the machine's memory, no limit of processor time,
    and all cores but one.
    """

    memory_mb: int = 0
    cpu_s: int = 0
    result_mb: int = RESULT_MB
    threads: int = 0
    nice: int = 10


@dataclass(frozen=True, slots=True)
class ProcessEnd:
    """How it ended: `failure` in words for the user, None where a result has arrived.

    `expired`: its deadline was over.
    """

    failure: str | None = None
    expired: bool = False


@dataclass(frozen=True, slots=True)
class Listener:
    """Who hears of a training process, on the thread that runs it. `printed(lines, lost)`."""

    progress: Callable[[float, str], None]
    printed: Callable[[tuple[str, ...], int], None]


class TrainingProcess:
    """One training process. `run` belongs to one thread, which must live as long as it; `end` to any."""

    def __init__(self, limits: ProcessLimits, algorithm_path: Path | None, listener: Listener) -> None:
        self._limits = limits
        self._memory_mb = limits.memory_mb or machine_memory_mb() // 2
        self._algorithm_path = algorithm_path
        self._listener = listener
        self._guard = threading.Lock()
        self._control: socket.socket | None = None  # while there is somebody to end
        self._wanted = True
        self._words: dict[str, Any] = {}
        self._verdict: dict[str, Any] = {}
        self._output = Lines(listener.printed)

    def run(self, request: Parcel, result: Parcel, *, deadline_s: float, gpu: bool) -> ProcessEnd:
        """Let it work on `request` and fill `result`; block until it and everything below it is gone.

        `deadline_s` 0 sets none. Raises OSError where no process can be started.
        """
        control, their_control = socket.socketpair()
        data, their_data = socket.socketpair()
        with control, data:
            with their_control, their_data:
                with self._guard:
                    self._control = control
                    if not self._wanted:
                        control.shutdown(socket.SHUT_WR)
                handed = (their_control, their_data, request, result)
                child = self._spawn([end.fileno() for end in handed], deadline_s, gpu)
            with child:
                self._listen(child, control.fileno(), data.fileno())
                _reap(child)
            with self._guard:
                self._control = None
        return self._told()

    def end(self) -> None:
        """Have it killed; one that has not begun ends as soon as it does. Never waits."""
        with self._guard, suppress(OSError):  # it may be ending by itself just now
            self._wanted = False
            if self._control is not None:
                self._control.shutdown(socket.SHUT_WR)

    def _spawn(self, handed: list[int], deadline_s: float, gpu: bool) -> subprocess.Popen[bytes]:
        limits = self._limits
        control, data, request, result = handed
        assignment = Assignment(
            engine_pid=os.getpid(),
            control=control,
            data=data,
            request=request,
            result=result,
            algorithm_path=str(self._algorithm_path or ""),
            deadline_s=deadline_s,
            memory_mb=self._memory_mb,
            cpu_s=limits.cpu_s,
            result_mb=limits.result_mb,
            nice=limits.nice,
            gpu=gpu,
        )
        return subprocess.Popen(
            [sys.executable, "-m", "livetrader.training.child", json.dumps(asdict(assignment))],
            pass_fds=handed,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment(os.environ, limits.threads, gpu=gpu),
            start_new_session=True,
        )

    def _listen(self, child: subprocess.Popen[bytes], control: int, data: int) -> None:
        """Hear everything until the guardian has said its last word and the output has ended."""
        assert child.stdout is not None
        output = child.stdout.fileno()
        handlers: dict[int, Callable[[bytes], None]] = {
            output: self._output.take,
            data: Messages(self._said).take,
            control: Messages(self._verdict.update).take,
        }
        ended: dict[int, float] = {}  # descriptor: since when
        flushed_s = monotonic_s()
        with selectors.DefaultSelector() as selector:
            for descriptor in handlers:
                selector.register(descriptor, selectors.EVENT_READ)
            while not {output, control} <= ended.keys():
                for key, _ in selector.select(1.0):
                    chunk = _read(key.fd)
                    handlers[key.fd](chunk)
                    if not chunk:
                        ended[key.fd] = monotonic_s()
                    if not chunk or (key.fd == output and self._output.taken > OUTPUT_BUDGET):
                        selector.unregister(key.fd)
                now_s = monotonic_s()
                if now_s - flushed_s >= 1.0:
                    flushed_s = now_s
                    self._output.flush()
                    if output not in ended and output not in selector.get_map():
                        selector.register(output, selectors.EVENT_READ)
                if now_s - ended.get(control, now_s) > END_LIMIT_S:
                    break  # somebody keeps the output open whom not even the guardian could end
        self._output.close()

    def _said(self, message: dict[str, Any]) -> None:
        told = message.get("progress")
        if isinstance(told, list) and len(told) == 2 and isinstance(told[0], int | float):
            self._listener.progress(told[0], str(told[1]))
        elif "done" in message or "failure" in message:
            self._words = message

    def _told(self) -> ProcessEnd:
        verdict, words = self._verdict, self._words
        reason = verdict.get("reason", "")
        if "done" in words and verdict.get("status") == 0:
            return ProcessEnd()
        if reason == "deadline":
            return ProcessEnd("ran past its deadline and was killed", expired=True)
        if reason == "memory":
            held = f"it held {verdict.get('peak_mb', 0)} MB, process_memory_mb is {self._memory_mb}"
            return ProcessEnd(f"out of memory: {held}; it was killed")
        if reason == "stopped":
            return ProcessEnd("it was told to stop")
        if "failure" in words:
            return ProcessEnd(self._failure(words))
        return ProcessEnd(self._crash(verdict.get("status")))

    def _failure(self, words: dict[str, Any]) -> str:
        text = str(words.get("text", ""))
        match words["failure"]:
            case "memory":
                hit_mb = words.get("limit_mb", self._memory_mb)
                cause = f"process_memory_mb is {self._memory_mb}"
                if hit_mb != self._memory_mb:
                    cause = f"[engine] memory_limit_mb leaves it {hit_mb} MB"
                return f"out of memory: {cause}\n{text}".rstrip()
            case "import":
                return f"the algorithm's file does not import in the training process:\n{text}"
            case "request":
                return f"its arguments did not arrive: {text}"
            case "result":
                return f"its result cannot be pickled: {text}; return plain data or a model that can be"
            case "large":
                return (
                    f"its result is too large: {text}; return less, save it in the training function, "
                    "or raise [training] process_result_mb"
                )
            case _:
                return text

    def _crash(self, status: object) -> str:
        last = self._output.last
        tail = "\nit printed last:\n" + "\n".join(last) if last else ""
        if not isinstance(status, int):
            return f"its process is gone and nobody knows why{tail}"
        if status >= 0:
            return f"its process exited with status {status} and returned nothing{tail}"
        name = signal.Signals(-status).name
        if name == "SIGXCPU":
            return f"it used more than {self._limits.cpu_s} s of processor time and was killed{tail}"
        hint = {
            "SIGSEGV": "it crashed in native code",
            "SIGKILL": "killed from outside, most likely by the kernel for want of memory",
            "SIGABRT": "native code gave up, often for want of memory",
        }.get(name, "")
        return f"its process was ended by {name}{': ' + hint if hint else ''}{tail}"


class Lines:
    """What a process prints, as lines: LINES_AT_ONCE are told at a time and the rest counted."""

    def __init__(self, told: Callable[[tuple[str, ...], int], None]) -> None:
        self._told = told
        self.taken = 0  # bytes since the last flush
        self._unfinished = b""
        self._lines: list[str] = []
        self._lost = 0
        self.last: list[str] = []

    def take(self, chunk: bytes) -> None:
        """Take what was printed."""
        self.taken += len(chunk)
        *lines, rest = (self._unfinished + chunk).split(b"\n")
        self._unfinished = rest[:LINE_LENGTH]
        for line in lines:
            self._add(line)

    def flush(self) -> None:
        """Tell what has come since the last time; to be called once a second at most."""
        self.taken = 0
        if self._lines:
            self._told(tuple(self._lines), self._lost)
            self._lines, self._lost = [], 0

    def close(self) -> None:
        """Tell the rest."""
        if self._unfinished:
            self._add(self._unfinished)
            self._unfinished = b""
        self.flush()

    def _add(self, line: bytes) -> None:
        text = line.decode(errors="replace").rstrip()[:LINE_LENGTH]
        if not text:
            return
        self.last = [*self.last[-LINES_KEPT + 1 :], text]
        if len(self._lines) >= LINES_AT_ONCE:
            del self._lines[0]
            self._lost += 1
        self._lines.append(text)


class Messages:
    """JSON objects, one a line, out of what arrives in pieces. Damaged and overlong ones are left out."""

    def __init__(self, take: Callable[[dict[str, Any]], None]) -> None:
        self._take = take
        self._unfinished = b""

    def take(self, chunk: bytes) -> None:
        """Take what has arrived."""
        *lines, rest = (self._unfinished + chunk).split(b"\n")
        self._unfinished = rest[-MESSAGE_LIMIT:]
        for line in lines:
            with suppress(ValueError):  # the user's code wrote there, too: nothing of ours is lost by it
                message = json.loads(line)
                if isinstance(message, dict):
                    self._take(message)


def environment(inherited: Any, threads: int, *, gpu: bool) -> dict[str, str]:
    """Return the environment of a training process; `threads` is for each numeric library."""
    variables = dict(inherited)
    limit_numeric_threads(variables, threads)
    variables["PYTHONUNBUFFERED"] = "1"
    if not gpu:
        variables["CUDA_VISIBLE_DEVICES"] = ""
    return variables


def machine_memory_mb() -> int:
    """Return how much memory the machine has."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // (1024 * 1024)


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, READ_CHUNK)
    except ConnectionResetError:
        return b""


def _reap(child: subprocess.Popen[bytes]) -> None:
    """Wait for the guardian, which has nothing left to do; one that hangs is killed."""
    try:
        child.wait(END_LIMIT_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
