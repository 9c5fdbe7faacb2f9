"""What a training function may say and ask while it runs, wherever that is. Imports nothing heavy."""

from __future__ import annotations

import importlib.util
import threading
from typing import Final

TEXT_LENGTH: Final = 200  # characters of the words beside a fraction


class Voice:
    """Of one training. Its own threads write, anybody reads; nothing here waits or takes a lock.

    `cancelled` is set by whoever ends the training; `told` is the newest progress: a fraction and words.
    """

    def __init__(self, gpu: bool = False) -> None:
        self._gpu = gpu
        self.cancelled = False
        self.told: tuple[float, str] | None = None

    def progress(self, fraction: float, text: str = "") -> None:
        """Say how far it is; a fraction beyond 0 to 1 counts as the nearer end."""
        self.told = (min(1.0, max(0.0, float(fraction))), str(text)[:TEXT_LENGTH])

    @property
    def device(self) -> str:
        """'cuda' where the training asked for `gpu` and torch sees one, else 'cpu'."""
        if not self._gpu or importlib.util.find_spec("torch") is None:
            return "cpu"
        import torch  # only where it was asked for

        return "cuda" if torch.cuda.is_available() else "cpu"


class _OfThisThread(threading.local):
    voice: Voice | None = None


_of_thread: Final = _OfThisThread()
_of_process: Final[list[Voice]] = []  # at most one: in a training process every thread speaks for it


def speak_for_thread(voice: Voice | None) -> None:
    """Let this thread speak with `voice` from now on; None ends it."""
    _of_thread.voice = voice


def speak_for_process(voice: Voice) -> None:
    """Let every thread of this process speak with `voice`, for good."""
    _of_process[:] = [voice]


def current() -> Voice | None:
    """Return the voice of the training that calls, None where no training does."""
    return _of_thread.voice or (_of_process[0] if _of_process else None)


def progress(fraction: float, text: str = "") -> None:
    """Say how far the training is, 0 to 1, and what it does; shown to the operator."""
    voice = current()
    if voice is not None:
        voice.progress(fraction, text)


def cancelled() -> bool:
    """Return whether the training has been told to stop: a long loop should ask, save nothing, and return."""
    voice = current()
    return voice is not None and voice.cancelled


def device() -> str:
    """Return where to put a model: 'cuda' where the training asked for `gpu` and torch sees one, or 'cpu'."""
    voice = current()
    return "cpu" if voice is None else voice.device
