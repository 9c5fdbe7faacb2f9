"""Opens the versions that may serve, and refuses those that may not, with the reason."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from livetrader.models.catalog import Catalog
from livetrader.models.decisions import candidates
from livetrader.models.formats import format_named
from livetrader.models.formats.contract import Loaded, Loading
from livetrader.models.libraries import mismatch
from livetrader.models.records import RecordError
from livetrader.models.schema import schema_of
from livetrader.models.served import Opened, Refusals
from livetrader_engine.commands import LogLevel
from livetrader_engine.errors import AlgorithmError, StoreError
from livetrader_engine.models import LoadModel, ModelRefusedError, ModelVersion


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the registry takes from the run it belongs to.

    `now_ns` is engine time; another value is another step. `tell` shows a line, `adopted` hears of each
    version that is in use, `alarm` of each model (its name) in trouble. `sequential`: nothing changes while
    the algorithm works (a backtest), so a new version is in use at once; else from the next step on.
    `drifted` hears how far the data of a model have moved.
    """

    now_ns: Callable[[], int]
    tell: Callable[[LogLevel, str], None]
    adopted: Callable[[ModelVersion], None]
    alarm: Callable[[str, str], None] = lambda name, trouble: None
    sequential: bool = False
    drifted: Callable[[str, float], None] = lambda name, drift: None


class Opener:
    """Implements served.Source for the thread that makes it. Thread-safe."""

    def __init__(self, catalog: Catalog, surroundings: Surroundings) -> None:
        self._catalog = catalog
        self._around = surroundings
        self._owner = threading.get_ident()
        self._warned: set[tuple[str, int]] = set()

    def open_each(
        self, wish: LoadModel, without: Iterable[int], ready: Sequence[Opened] = ()
    ) -> Iterator[Opened]:
        """Yield the versions that may serve and can be opened, the promoted one first."""
        try:
            numbers = candidates(self._catalog.state(wish.name))
        except (StoreError, OSError) as error:
            self.alarm(wish.name, f"the object store cannot be read: {error}")
            yield from ready
            return
        refused: list[str] = []
        for number in numbers:
            if number in without:
                continue
            try:
                version, loaded = self.open_version(wish, number, ready)
            except _UNUSABLE as error:
                refused.append(f"version {number} is refused: {_words(error)}")
                continue
            self._warn_of_lookahead(version)
            yield Opened(version, loaded, tuple(refused))

    def refusals(self, wish: LoadModel) -> Refusals:
        """Return why no version can be opened."""
        try:
            state = self._catalog.state(wish.name)
            found = [f"version {number} is bad: {why}" for number, why in sorted(state.bad.items())]
            for number in candidates(state):
                try:
                    self.open_version(wish, number)
                except _UNUSABLE as error:
                    found.append(f"version {number} is refused: {_words(error)}")
            if found:
                return Refusals(tuple(found), is_trouble=True)
            if self._catalog.numbers(wish.name):
                return Refusals(("no version of it was promoted; `livetrader models promote` does",), False)
            there = ", ".join(self._catalog.names()) or "none"
            return Refusals((f"there is no model {wish.name!r} yet; there are: {there}",), False)
        except (StoreError, OSError) as error:
            return Refusals((f"the object store cannot be read: {error}",), False)  # told where it was found

    def owns_thread(self) -> bool:
        """Whether this is the thread that made the registry."""
        return threading.get_ident() == self._owner

    def is_step_over(self, since: int) -> bool:
        """Whether a prepared version may be taken over now."""
        return self._around.sequential or self.step() != since

    def step(self) -> int:
        """Return which step this is: its time."""
        return self._around.now_ns()

    def condemn(self, version: ModelVersion, reason: str) -> bool:
        """Mark a version as bad in the store; return whether that was written."""
        try:
            self._catalog.mark_bad(version.name, version.number, reason)
        except (AlgorithmError, StoreError, OSError) as error:
            self.alarm(version.name, f"version {version.number} could not be marked bad: {error}")
            return False
        return True

    def tell(self, level: LogLevel, message: str) -> None:
        """Show a line."""
        self._around.tell(level, message)

    def alarm(self, name: str, trouble: str) -> None:
        """Show a line of error and tell whoever should know of it."""
        self.tell(LogLevel.ERROR, f"model {name!r}: {trouble}")
        self._around.alarm(name, trouble)

    def adopted(self, version: ModelVersion) -> None:
        """Pass on that a version is in use."""
        self._around.adopted(version)

    def open_version(
        self, wish: LoadModel, number: int, ready: Sequence[Opened] = ()
    ) -> tuple[ModelVersion, Loaded]:
        """Open one version. Raises one of _UNUSABLE with the reason where it must not be used."""
        manifest, signed = self._catalog.manifest(wish.name, number)
        version = manifest.version
        for opened in ready:
            if opened.version == version:
                return version, opened.loaded
        _check_schema(version, wish)
        chosen = format_named(version.format)
        why = mismatch(version.libraries, chosen.libraries(version.options))
        if why is not None:
            raise ModelRefusedError(why)
        content = self._catalog.content(manifest)
        loading = Loading(version.options, trusted=signed or wish.allow_pickle, factory=wish.factory)
        try:
            return version, chosen.load(content, loading)
        except AlgorithmError:
            raise
        except Exception as error:  # whatever a library says of content that it cannot open
            raise ModelRefusedError(f"{chosen.name} cannot open it: {_words(error)}") from error

    def _warn_of_lookahead(self, version: ModelVersion) -> None:
        """Say once where a model knows the future: trained on data after the present step."""
        end_ns = version.window_end_ns
        if end_ns is None or end_ns <= self.step() or (version.name, version.number) in self._warned:
            return
        self._warned.add((version.name, version.number))
        told = f"version {version.number} was trained on data that ends later than now"
        self.alarm(version.name, f"{told}: its predictions know the future")


_UNUSABLE: Final = (KeyError, RecordError, AlgorithmError, StoreError, OSError)


def _words(error: BaseException) -> str:
    if isinstance(error, KeyError):
        return "its content is not in the store"
    if isinstance(error, AlgorithmError | RecordError | StoreError):
        return str(error)
    return f"{type(error).__name__}: {error}"


def _check_schema(version: ModelVersion, wish: LoadModel) -> None:
    """Refuse a version trained on other features than the algorithm has."""
    given: Any = schema_of(wish.features)
    if given is None or version.features is None:
        return
    difference = version.features.difference(given)
    if difference is not None:
        raise ModelRefusedError(f"what the algorithm gives {difference}: train and save the model again")
