"""User code on a thread of its own that can be told to stop.

Python cannot end a thread from outside. What can be done is done in this order: a flag that the function
may ask for, then `TrainingStopped` raised inside it, which ends every loop of Python at its next step, and
where that does not help (native code that never returns, a function that catches everything) the thread is
given up: nobody waits for it any more.

The race to know: the exception must never reach a thread that is doing something else by then. So a thread
does not end before its runner is dismissed, and after the dismissal nobody raises anything in it. What the
thread itself does after the user's code is one `put` into a queue that needs no lock of Python's. And user
code that is inside of ours (it logs, it reads history) is left alone until it is out again: an exception
between taking one of our locks and giving it back would stop the engine.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Final

from livetrader.training.voice import Voice, speak_for_thread
from livetrader_lean.failures import user_traceback

SWITCH_INTERVAL_S: Final = 0.0001  # how long training may hold the interpreter while trading waits for it
OURS: Final = ("livetrader.", "livetrader_engine.", "livetrader_lean.", "livetrader_plugins.")
AROUND: Final = ("livetrader.training.", "livetrader_engine.training")  # what calls the user's code: no locks
MESSAGE_LENGTH: Final = 4000  # characters of a traceback that travel


class TrainingStopped(BaseException):
    """Raised inside a training function that was told to stop: its deadline or its quota is over, or an
    operator cancelled it. No Exception, so that `except Exception` does not keep the function alive.
    """


@dataclass(frozen=True, slots=True)
class Outcome:
    """How user code ended: with a value, or with a failure in the user's terms.

    `error` is what it raised in this process. `expired`: its deadline was over.
    """

    value: object = None
    failure: str | None = None
    error: BaseException | None = None
    expired: bool = False


STOPPED: Final = Outcome(failure="it was told to stop")


def outcome_of(call: Callable[[], object]) -> Outcome:
    """Run user code in this thread and return how it ended. Raises nothing."""
    try:
        return Outcome(call())
    except TrainingStopped:
        return STOPPED
    except BaseException as error:  # noqa: BLE001 — boundary: a failed training must not end trading
        return Outcome(failure=user_traceback(error)[-MESSAGE_LENGTH:], error=error)


class ShortTurns:
    """Makes threads hand over the interpreter often while anybody trains. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._training = 0
        self._usual_s = 0.0

    def begin(self) -> None:
        """Take short turns until `end` has been called as often."""
        with self._lock:
            if not self._training:
                self._usual_s = sys.getswitchinterval()
                sys.setswitchinterval(SWITCH_INTERVAL_S)
            self._training += 1

    def end(self) -> None:
        """One training less."""
        with self._lock:
            self._training -= 1
            if not self._training:
                sys.setswitchinterval(self._usual_s)


class Runner:
    """Runs one call. `start`, `wait` belong to one thread; `interrupt` and `give_up` to any."""

    def __init__(self, call: Callable[[], object], voice: Voice, turns: ShortTurns, nice: int = 0) -> None:
        self._call = call
        self._voice = voice
        self._turns = turns
        self._nice = nice
        self._ended: SimpleQueue[Outcome | None] = SimpleQueue()
        self._guard = threading.Lock()
        self._begun = False  # its thread is where TrainingStopped is caught
        self._over = False
        self._given_up = False
        self._dismissed = threading.Lock()
        self._dismissed.acquire()
        self._thread = threading.Thread(target=self._main, name="training", daemon=True)

    @property
    def alive(self) -> bool:
        """Whether its thread still is there."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin."""
        self._turns.begin()
        self._thread.start()

    def wait(self) -> Outcome | None:
        """Block until the call has ended, and return how; None when it was given up."""
        outcome = self._ended.get()
        with self._guard:
            if not self._over:
                self._over = True
                self._raise_inside(None)
                self._dismissed.release()
                self._turns.end()
        return outcome

    def interrupt(self) -> bool:
        """Raise TrainingStopped inside the call at its next step of Python; return whether that was done.

        It is not before the call has begun, nor while it is inside of our own code, and needs not be after it
        has ended.
        """
        with self._guard:
            if self._over:
                return True
            if not self._begun or self._inside_ours():
                return False
            self._raise_inside(TrainingStopped)
            if self._inside_ours():  # it went there between the look and the deed; nothing is raised yet
                self._raise_inside(None)
                return False
            return True

    def give_up(self) -> None:
        """Let `wait` return; the thread is left to itself, and ends if its call ever does."""
        with self._guard:
            if not self._over:
                self._over = self._given_up = True
                self._dismissed.release()
                self._ended.put(None)

    def _inside_ours(self) -> bool:
        """Whether the user's code has called ours and waits for it."""
        frame = sys._current_frames().get(self._thread.ident or 0)
        while frame is not None and frame.f_code is not outcome_of.__code__:
            name = str(frame.f_globals.get("__name__"))
            if name.startswith(OURS) and not name.startswith(AROUND):
                return True
            frame = frame.f_back
        return False

    def _raise_inside(self, kind: type[BaseException] | None) -> None:
        ident = self._thread.ident
        if ident is not None:
            raised = ctypes.py_object() if kind is None else ctypes.py_object(kind)
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), raised)

    def _main(self) -> None:
        try:
            self._begun = True
            step_back(self._nice)
            speak_for_thread(self._voice)
            self._ended.put(outcome_of(self._call))
        except TrainingStopped:  # it came between the user's code and our `put`
            self._ended.put(STOPPED)
        while True:
            try:
                self._dismissed.acquire()
                break
            except TrainingStopped:  # it came after the end: there is nothing left to stop
                continue
        if self._given_up:
            self._turns.end()


def step_back(nice: int) -> None:
    """Give the calling thread a lower priority. Linux applies it to this thread only."""
    if nice:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), nice)
