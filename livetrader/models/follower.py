"""Follows the store live: what others promote or roll back is opened here and in use within a minute."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from livetrader_engine.commands import LogLevel
from livetrader_engine.errors import EngineError

PAUSE_S: Final = 10.0  # between two looks: two small reads per model that is in use
STOP_LIMIT_S: Final = 5.0


class Followed(Protocol):
    """What a follower needs of a registry."""

    def open_names(self) -> Sequence[str]:
        """Return the names of the models that are in use."""
        ...

    def sequence(self, name: str) -> int:
        """Return the number of the newest decision about a model."""
        ...

    def changed_since(self, name: str, sequence: int) -> bool:
        """Return whether there is a newer decision."""
        ...

    def follow(self, name: str) -> None:
        """Open what serves now for everybody who uses the model."""
        ...


class Follower:
    """One thread that looks for decisions of other processes. It opens models; it never changes who is asked.

    `forget` drops what the store has cached. A store that cannot be read is told once, until it can again.
    """

    def __init__(
        self,
        registry: Followed,
        forget: Callable[[], None],
        tell: Callable[[LogLevel, str], None],
        pause_s: float = PAUSE_S,
    ) -> None:
        self._registry = registry
        self._tell = tell
        self._forget = forget
        self._pause_s = pause_s
        self._seen: dict[str, int] = {}
        self._stopped = False
        self._wake = threading.Event()
        self._told: str | None = None
        self._thread = threading.Thread(target=self._run, name="models", daemon=True)

    def start(self) -> None:
        """Begin. Once."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread and wait for it."""
        self._stopped = True
        self._wake.set()
        self._thread.join(STOP_LIMIT_S)

    def soon(self) -> None:
        """Look as soon as possible: something was decided in this process."""
        self._wake.set()

    def look(self) -> None:
        """Open what was decided since the last look. Raises what the store raises."""
        self._forget()
        for name in self._registry.open_names():
            seen = self._seen.get(name)
            if seen is None or self._registry.changed_since(name, seen):
                sequence = self._registry.sequence(name)
                self._registry.follow(name)
                self._seen[name] = sequence  # only now: what could not be read is looked at again

    def _run(self) -> None:
        while True:
            self._wake.wait(self._pause_s)
            self._wake.clear()
            if self._stopped:
                return
            try:
                self.look()
            except (EngineError, OSError) as error:
                if str(error) != self._told:
                    self._told = str(error)
                    self._tell(LogLevel.ERROR, f"models: the object store cannot be read: {error}")
                continue
            self._told = None
