"""A model that serves: the newest version that may be used, guarded answer by answer.

Who does what: any thread may `prepare` another version, which opens it and puts it aside; the thread that
owns the registry (the engine's) takes it over at the first use in a later step. A call that has begun ends
with the version it began with, or, where that one failed, with the one that answers instead.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol

from livetrader.models.answers import is_finite
from livetrader.models.formats.contract import Loaded
from livetrader.models.schema import arranged
from livetrader_engine.commands import LogLevel
from livetrader_engine.errors import AlgorithmError
from livetrader_engine.models import LoadModel, ModelRefusedError, ModelVersion, ServingModel

NOT_FINITE: Final = "it predicted NaN or infinity"
ADVICE: Final = "see `livetrader models show {name}`"


@dataclass(frozen=True, slots=True)
class Opened:
    """A version that was opened, and why those before it were not."""

    version: ModelVersion
    loaded: Loaded
    refusals: tuple[str, ...] = ()


class Refusals(NamedTuple):
    """Why no version can be used; `is_trouble` unless there is none yet that somebody promoted."""

    reasons: tuple[str, ...]
    is_trouble: bool


class Source(Protocol):
    """What a served model needs of its registry."""

    def open_each(self, wish: LoadModel, without: Iterable[int], ready: Sequence[Opened]) -> Iterator[Opened]:
        """Yield the versions that may serve and can be opened, the promoted one first.

        Those in `ready` are open already. They are what is left where the store cannot be read.
        """
        ...

    def refusals(self, wish: LoadModel) -> Refusals:
        """Return why no version can be opened."""
        ...

    def owns_thread(self) -> bool:
        """Whether this is the thread on which versions change."""
        ...

    def is_step_over(self, since: int) -> bool:
        """Whether a prepared version may be taken over: in another step than `since`, as a rule."""
        ...

    def step(self) -> int:
        """Return which step this is."""
        ...

    def condemn(self, version: ModelVersion, reason: str) -> bool:
        """Mark a version as bad for everybody; return whether the store has taken it."""
        ...

    def tell(self, level: LogLevel, message: str) -> None:
        """Show a line."""
        ...

    def alarm(self, name: str, trouble: str) -> None:
        """Show a line of error and tell whoever should know of it."""
        ...

    def adopted(self, version: ModelVersion) -> None:
        """Take note that a version is in use."""
        ...


@dataclass
class _Place:
    """What a handle holds; changed under its lock. `current` changes with a step, or when it failed."""

    current: Opened | None = None
    spare: Opened | None = None  # served before, still open: it answers at once where the new one fails
    waiting: Opened | None = None
    refused: tuple[str, ...] = ()
    condemned: set[int] = field(default_factory=set)  # those of which the store could not be told
    used_in: int = -1


class Served:
    """Implements ports.ServedModel. Thread-safe; versions change on the registry's own thread only."""

    def __init__(self, source: Source, wish: LoadModel) -> None:
        self._source = source
        self.wish = wish
        self._lock = threading.RLock()
        self._place = _Place()

    # -- what the algorithm asks -----------------------------------------------------------------------

    @property
    def version(self) -> ModelVersion | None:
        """What is known of the version in use, None where none may be used."""
        self._refresh()
        current = self._place.current
        return None if current is None else current.version

    @property
    def model(self) -> Any:
        """The model object in use. Raises ModelRefusedError where there is none."""
        return self._in_use().loaded.model

    @property
    def reason(self) -> str:
        """Why the promoted version is not in use; empty where it is."""
        self._refresh()
        return "; ".join(self._place.refused)

    def predict(self, features: Any) -> Any:
        """Return the model's answer; see `ports.ServedModel`.

        Raises ModelRefusedError where no version answers, AlgorithmError where the features cannot be used.
        """
        return self._ask(features, _predict)

    def predict_proba(self, features: Any) -> Any:
        """Return the probability of each class, with the same guard."""
        return self._ask(features, _predict_proba)

    def serving(self) -> ServingModel:
        """Return what is in use, without changing it."""
        place = self._place
        if place.current is None:
            return ServingModel(self.wish.name, None, 0, "; ".join(place.refused) or "not loaded")
        version = place.current.version
        return ServingModel(self.wish.name, version.number, version.made_ns, "; ".join(place.refused))

    # -- what the registry does ------------------------------------------------------------------------

    def prepare(self) -> None:
        """Open the version that serves now, where it is another one, and put it aside. Any thread."""
        with self._lock:
            without = tuple(self._place.condemned)
            found = next(self._source.open_each(self.wish, without, self._open_ones()), None)
            current = self._place.current
            if found is None:
                reasons, is_trouble = self._source.refusals(self.wish)
                self._refuse(reasons, is_trouble=is_trouble)
            elif current is not None and _same(found.version, current.version):
                self._place.waiting = None
                self._refuse(found.refusals)
            else:
                self._place.waiting = found

    def take_over(self) -> None:
        """Use what was put aside from now on. Only between two uses, on the registry's thread."""
        with self._lock:
            found, self._place.waiting = self._place.waiting, None
            if found is not None:
                self._use(found)

    # -- parts -----------------------------------------------------------------------------------------

    def _open_ones(self) -> tuple[Opened, ...]:
        place = self._place
        return tuple(each for each in (place.current, place.waiting, place.spare) if each is not None)

    def _refresh(self) -> None:
        if not self._source.owns_thread():
            return
        if self._place.waiting is not None and self._source.is_step_over(self._place.used_in):
            self.take_over()
        self._place.used_in = self._source.step()

    def _in_use(self) -> Opened:
        self._refresh()
        current = self._place.current
        if current is None:
            why = "; ".join(self._place.refused) or "no version was promoted yet"
            raise ModelRefusedError(f"no version of {self.wish.name!r} can be used: {why}")
        return current

    def _use(self, found: Opened) -> None:
        before, self._place.current = self._place.current, found
        if before is not None:
            self._place.spare = before
        elif self._place.spare is found:
            self._place.spare = None
        self._refuse(found.refusals)
        version = found.version
        then = "" if before is None else f" after version {before.version.number}"
        self._source.tell(LogLevel.DEBUG, f"model {version.name!r}: version {version.number} serves{then}")
        self._source.adopted(version)

    def _refuse(self, reasons: tuple[str, ...], *, is_trouble: bool = True) -> None:
        """Remember why the promoted version is not in use; each reason is told once."""
        for reason in reasons if is_trouble else ():
            if reason not in self._place.refused:
                self._source.alarm(self.wish.name, reason)
        self._place.refused = reasons

    def _ask(self, features: Any, how: _How) -> Any:
        current = self._in_use()
        given = arranged(features, current.version.features)
        try:
            answer = how(current, given)
            if is_finite(answer):
                return answer
            fault, error = NOT_FINITE, None
        except AlgorithmError:
            raise  # the question was wrong, whoever is asked
        except Exception as raised:  # noqa: BLE001 — boundary: whose fault it is shows when another is asked
            fault, error = f"it raised {type(raised).__name__}: {raised}", raised
        return self._instead(current, features, how, _Failure(fault, error))

    def _instead(self, failed: Opened, features: Any, how: _How, failure: _Failure) -> Any:
        """Return what the last good version answers; the failed one is marked where it is to blame.

        To blame is who fails where another version answers, and who makes NaN of finite features.
        """
        with self._lock:
            clean = failure.error is None and is_finite(features)
            done = (failed.version.number, *self._place.condemned)
            ready = tuple(each for each in self._open_ones() if each is not failed)
            failures = [(failed, failure.text)]
            for other in self._source.open_each(self.wish, done, ready):
                answer, fault = _tried(other, features, how)
                if fault is None:
                    for each, text in failures:
                        self._condemn(each, f"{text}; version {other.version.number} answered instead")
                    self._use(other)
                    return answer
                if fault:
                    failures.append((other, fault))
            if clean:
                self._condemn(failed, failure.text)
                self._place.refused = (f"version {failed.version.number}: {failure.text}",)
        if failure.error is not None:
            raise failure.error
        name, number = failed.version.name, failed.version.number
        if clean:
            raise ModelRefusedError(
                f"version {number} of {name!r} predicted NaN or infinity, and there is no earlier one that "
                f"answers: train and save another; {ADVICE.format(name=name)}"
            )
        raise AlgorithmError(
            f"the features given to {name!r} hold NaN or infinity, and so does what it predicts: "
            "leave such rows out, or fill them as in training"
        )

    def _condemn(self, failed: Opened, reason: str) -> None:
        version = failed.version
        told = f"version {version.number} was rolled back: {reason}"
        self._source.alarm(version.name, f"{told}; {ADVICE.format(name=version.name)}")
        if not self._source.condemn(version, reason):
            self._place.condemned.add(version.number)
        self._place.current = None


@dataclass(frozen=True, slots=True)
class _Failure:
    text: str
    error: Exception | None


_How = Callable[[Opened, Any], Any]


def _same(one: ModelVersion, other: ModelVersion) -> bool:
    return (one.number, one.content, one.saved_ns) == (other.number, other.content, other.saved_ns)


def _predict(opened: Opened, features: Any) -> Any:
    predict = opened.loaded.predict
    if predict is None:
        raise AlgorithmError(f"{opened.version.name!r} holds values and does not predict: use `.model`")
    return predict(features)


def _predict_proba(opened: Opened, features: Any) -> Any:
    predict = opened.loaded.predict_proba
    if predict is None:
        kind = opened.version.model_type
        raise AlgorithmError(f"{opened.version.name!r} is a {kind}, which knows no probabilities")
    return predict(features)


def _tried(other: Opened, features: Any, how: _How) -> tuple[Any, str | None]:
    """Return an answer and None, or nothing and what was wrong: nothing to blame where it cannot be asked."""
    try:
        answer = how(other, arranged(features, other.version.features))
    except AlgorithmError:
        return None, ""
    except Exception as error:  # noqa: BLE001 — boundary: asked instead of one that failed, whose error is told
        return None, f"it raised {type(error).__name__}: {error}"
    return (answer, None) if is_finite(answer) else (None, NOT_FINITE)
