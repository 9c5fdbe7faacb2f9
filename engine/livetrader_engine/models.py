"""What is known of a model beside its content: versions, feature schemas, and who may serve.

Nothing here opens a model. The registry behind `ports.ModelRegistry` does, in the engine process; the command
line and the supervisor read these facts only.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from livetrader_engine.errors import AlgorithmError

MAX_FEATURES: Final = 20_000  # names in a schema; they are kept with every version
MAX_METRICS: Final = 200


class ModelRefusedError(AlgorithmError):
    """No version of the model may be used. The message has the reason of each and the remedy."""


class FeatureSchema(msgspec.Struct, frozen=True):
    """Columns a model was trained with, in order. A dtype is empty where it was not told."""

    names: tuple[str, ...]
    dtypes: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 over names, order and dtypes, in hexadecimal."""
        return hashlib.sha256(json.dumps([self.names, self._dtypes]).encode()).hexdigest()

    @property
    def is_numbered(self) -> bool:
        """Whether the names only count the columns of an array."""
        return self.names == numbered(len(self.names))

    @property
    def _dtypes(self) -> tuple[str, ...]:
        return self.dtypes or ("",) * len(self.names)

    def difference(self, given: FeatureSchema) -> str | None:
        """Return how `given` differs from what the model was trained with, None where it does not."""
        if self.is_numbered or given.is_numbered:  # an array has no names to compare
            same = len(self.names) == len(given.names)
            return None if same else f"has {len(given.names)} columns, it was {len(self.names)}"
        if self.names != given.names:
            missing = [name for name in self.names if name not in given.names]
            extra = [name for name in given.names if name not in self.names]
            told = [
                *([f"lacks {_listed(missing)}"] if missing else []),
                *([f"has {_listed(extra)} beyond it"] if extra else []),
            ]
            return " and ".join(told) or f"has another order, {_listed(given.names)}"
        for name, ours, theirs in zip(self.names, self._dtypes, given._dtypes, strict=True):
            if ours and theirs and ours != theirs:
                return f"has {name} as {theirs}, it was {ours}"
        return None


def numbered(width: int) -> tuple[str, ...]:
    """Return names for the columns of an array: x0, x1 and so on."""
    return tuple(f"x{number}" for number in range(width))


class ModelVersion(msgspec.Struct, frozen=True):
    """One saved model. Never changes; which version serves is told elsewhere.

    `content` is the SHA-256 of the bytes, `size` their number. `made_ns` is engine time, `saved_ns` the
    wall's. The window says what data it was trained on. `parent` served when it was saved. `options` belong
    to the format. A metric that was not finite is None.
    """

    name: str
    number: int
    content: str
    size: int
    format: str
    model_type: str
    made_ns: int
    saved_ns: int
    libraries: dict[str, str]
    window_start_ns: int | None = None
    window_end_ns: int | None = None
    features: FeatureSchema | None = None
    metrics: dict[str, float | None] = {}
    job: str = ""
    parent: int | None = None
    options: dict[str, str] = {}


Gate = Callable[[ModelVersion, ModelVersion | None], bool]  # (new, serving) -> may the new one serve?


class SaveModel(msgspec.Struct, frozen=True):
    """What an algorithm asks for when it saves a model.

    `features`: names, a FeatureSchema, or a table with columns. `promote`: whether it shall serve, or a gate
    that decides. `format`: None chooses the safest for the kind of model.
    """

    name: str
    model: Any
    features: Any = None
    window_ns: tuple[int, int] | None = None
    metrics: Mapping[str, float] = {}
    promote: bool | Gate = True
    format: str | None = None
    job: str = ""


class LoadModel(msgspec.Struct, frozen=True):
    """What an algorithm asks for when it loads one.

    `factory` makes an untrained model where the content is weights only (torch). `allow_pickle` opens
    pickles that this instance did not write: they run code, so only for what you trust. With `required`
    false a handle comes back that is not ready until there is a version that may be used.
    """

    name: str
    features: Any = None
    factory: Callable[[], Any] | None = None
    allow_pickle: bool = False
    required: bool = True


class ServingModel(msgspec.Struct, frozen=True):
    """What an open handle serves: no number where nothing may be used, with the reason."""

    name: str
    number: int | None
    made_ns: int = 0
    reason: str = ""


def better(metric: str) -> Gate:
    """Return the gate that lets a version serve when a metric rose; `-name` when it fell.

    The first version needs the metric only. A metric that is missing or not finite never passes.
    """
    lower = metric.startswith("-")
    name = metric.removeprefix("-")

    def passes(new: ModelVersion, serving: ModelVersion | None) -> bool:
        value = new.metrics.get(name)
        if value is None:
            return False
        other = None if serving is None else serving.metrics.get(name)
        return other is None or (value < other if lower else value > other)

    return passes


def _listed(names: Sequence[str], most: int = 5) -> str:
    text = ", ".join(names[:most])
    return text if len(names) <= most else f"{text} and {len(names) - most} more"
