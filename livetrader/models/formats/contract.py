"""What a format is: how one kind of model becomes bytes, and bytes a model that predicts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from livetrader.models.libraries import Library
from livetrader_engine.errors import AlgorithmError

Predict = Callable[[Any], Any]


class Dump(NamedTuple):
    """A model as bytes, and what its format has to know beside them."""

    content: bytes
    options: dict[str, str]


class Loading(NamedTuple):
    """What may be used to open one. `trusted`: this instance wrote it, or the caller answers for it."""

    options: Mapping[str, str]
    trusted: bool = False
    factory: Callable[[], Any] | None = None


class Loaded(NamedTuple):
    """A model object and how to ask it; without `predict` it holds values only."""

    model: Any
    predict: Predict | None
    predict_proba: Predict | None


class Format(Protocol):
    """One way to keep models. Libraries are imported when a method needs them, never before."""

    @property
    def name(self) -> str:
        """Name in version records; never changes."""
        ...

    def handles(self, model: Any, families: frozenset[str]) -> bool:
        """Whether this is the format for a model whose class descends from these top-level packages."""
        ...

    def libraries(self, options: Mapping[str, str]) -> tuple[Library, ...]:
        """Return what is needed to open a model with these options, and how versions must match."""
        ...

    def dump(self, model: Any) -> Dump:
        """Return the model as bytes. Raises AlgorithmError where it cannot be kept so."""
        ...

    def load(self, content: bytes, loading: Loading) -> Loaded:
        """Return the model. Raises ModelRefusedError where it must not be opened."""
        ...


def methods_of(model: Any) -> Loaded:
    """Return a model that has scikit-learn's methods, or some of them."""
    return Loaded(model, getattr(model, "predict", None), getattr(model, "predict_proba", None))


def class_of(package: str, name: str, base: type) -> type:
    """Return a class of a library by name, if it descends from `base`. Raises AlgorithmError where not."""
    import importlib

    found = getattr(importlib.import_module(package), name, None)
    if not (isinstance(found, type) and issubclass(found, base)):
        raise AlgorithmError(f"{package} has no model class {name!r}")
    return found
