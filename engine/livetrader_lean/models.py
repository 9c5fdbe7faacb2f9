"""`self.models` as an algorithm sees it: versions of its models, and handles that predict. Not in LEAN."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.models import Gate, LoadModel, SaveModel, better
from livetrader_engine.models import ModelVersion as CoreVersion
from livetrader_engine.ports import ModelRegistry, ServedModel
from livetrader_lean.binding import Binding
from livetrader_lean.times import local, to_ns, utc
from livetrader_lean.views import Face

Window = tuple[datetime | date, datetime | date]
Promote = bool | str | Callable[["ModelVersion", "ModelVersion | None"], bool]


class ModelVersion(Face):
    """What is known of one saved model. Times are local to the algorithm; `saved` is UTC and the wall's."""

    __slots__ = ("_binding", "_core")

    def __init__(self, core: CoreVersion, binding: Binding) -> None:
        self._core = core
        self._binding = binding

    @property
    def name(self) -> str:
        """Name of the model."""
        return self._core.name

    @property
    def number(self) -> int:
        """Number of the version, from 1; never given twice."""
        return self._core.number

    @property
    def content_hash(self) -> str:
        """SHA-256 of the content, in hexadecimal."""
        return self._core.content

    @property
    def size(self) -> int:
        """Bytes of the content."""
        return self._core.size

    @property
    def format(self) -> str:
        """How it is kept: skops, safetensors, xgboost, lightgbm, keras, onnx, values or pickle."""
        return self._core.format

    @property
    def window(self) -> tuple[datetime, datetime] | None:
        """First and last moment of the data it was trained on, where that was told."""
        start, end = self._core.window_start_ns, self._core.window_end_ns
        if start is None or end is None:
            return None
        return local(start, self._binding.time_zone), local(end, self._binding.time_zone)

    @property
    def features(self) -> list[str]:
        """Names of the features in order; empty where they were not told."""
        return [] if self._core.features is None else list(self._core.features.names)

    @property
    def feature_hash(self) -> str:
        """SHA-256 over names, order and dtypes of the features; empty without."""
        return "" if self._core.features is None else self._core.features.digest

    @property
    def libraries(self) -> dict[str, str]:
        """Versions of the libraries that made it."""
        return dict(self._core.libraries)

    @property
    def metrics(self) -> dict[str, float | None]:
        """What the algorithm said of its quality; None for what was not finite."""
        return dict(self._core.metrics)

    @property
    def job(self) -> str:
        """Number and name of the training that made it; empty outside of one."""
        return self._core.job

    @property
    def created(self) -> datetime:
        """When the algorithm saved it."""
        return local(self._core.made_ns, self._binding.time_zone)

    @property
    def saved(self) -> datetime:
        """When that was by the wall clock, UTC."""
        return utc(self._core.saved_ns)

    @property
    def parent(self) -> int | None:
        """Number of the version that served when this one was saved."""
        return self._core.parent

    def __repr__(self) -> str:
        return f"<{self.name} version {self.number}: {self.format}, {self.size} bytes>"


class Model(Face):
    """A model that serves. Ask it in each step anew: another version takes over between two steps."""

    __slots__ = ("_binding", "_served")

    def __init__(self, served: ServedModel, binding: Binding) -> None:
        self._served = served
        self._binding = binding

    @property
    def ready(self) -> bool:
        """Whether there is a version that may be used."""
        return self._served.version is not None

    @property
    def version(self) -> ModelVersion | None:
        """The version in use, None where there is none."""
        version = self._served.version
        return None if version is None else ModelVersion(version, self._binding)

    @property
    def model(self) -> Any:
        """The model object in use. What it answers is not guarded; `predict` here is."""
        return self._served.model

    @property
    def reason(self) -> str:
        """Why the promoted version is not in use; empty where it is."""
        return self._served.reason

    def predict(self, features: Any) -> Any:
        """Predict. A version that answers NaN or infinity is rolled back, and the last good one answers."""
        return self._served.predict(features)

    def predict_proba(self, features: Any) -> Any:
        """Return the probability of each class, with the same guard."""
        return self._served.predict_proba(features)


class Models(Face):
    """Versions of models in the object store: save one, load the one that serves, promote, roll back."""

    __slots__ = ("_binding", "_registry")

    def __init__(self, binding: Binding) -> None:
        registry = binding.engine.ports.models
        if registry is None:
            raise AlgorithmError(
                "this run keeps no models: run the algorithm with `livetrader backtest` or `run`"
            )
        self._registry: ModelRegistry = registry
        self._binding = binding

    def save(  # noqa: PLR0913 — what is kept with a model, each by its name
        self,
        name: str,
        model: Any,
        features: Any = None,
        window: Window | None = None,
        metrics: Mapping[str, float] | None = None,
        promote: Promote = True,
        format: str | None = None,
    ) -> ModelVersion:
        """Keep a model as a new version and let it serve, unless `promote` says otherwise.

        `features`: names or the table it was trained with. `window`: first and last moment of its data.
        `promote`: True, False, the name of a metric that has to rise ("accuracy"; "-rmse" has to fall), or a
        function (new, serving) -> bool. `format`: chosen by the kind of model where it is not given.

        Raises AlgorithmError where the model cannot be kept or opened again; nothing is saved then.
        """
        zone = self._binding.time_zone
        wish = SaveModel(
            name=name,
            model=model,
            features=features,
            window_ns=None if window is None else (to_ns(window[0], zone), to_ns(window[1], zone)),
            metrics=dict(metrics or {}),
            promote=self._gate(promote),
            format=format,
            job=self._job(),
        )
        return self._face(self._registry.save(wish))

    def load(
        self,
        name: str,
        features: Any = None,
        factory: Callable[[], Any] | None = None,
        allow_pickle: bool = False,
        required: bool = True,
    ) -> Model:
        """Open the version that serves, or the newest one before it that may be used here.

        A version is refused, with the reason, where its features or libraries are others than here, or its
        content is damaged. `factory` makes the untrained network of a torch model. `allow_pickle` opens
        pickles that this instance did not write. With `required=False` the handle waits until there is one.

        Raises ModelRefusedError where no version may be used.
        """
        wish = LoadModel(name, features, factory, allow_pickle, required)
        return Model(self._registry.load(wish), self._binding)

    def versions(self, name: str) -> list[ModelVersion]:
        """Return the versions that are kept, oldest first."""
        return [self._face(version) for version in self._registry.versions(name)]

    @property
    def names(self) -> list[str]:
        """Names of all models, sorted."""
        return list(self._registry.names())

    def promote(self, name: str, number: int, reason: str = "") -> ModelVersion:
        """Let a version serve. Raises ModelRefusedError where it is not there or marked bad."""
        return self._face(self._registry.promote(name, number, reason or "promoted by the algorithm"))

    def rollback(self, name: str, number: int | None = None, reason: str = "") -> ModelVersion:
        """Let the version before serve again, or the one named. Raises ModelRefusedError without one."""
        return self._face(self._registry.rollback(name, number, reason or "rolled back by the algorithm"))

    def drift(self, name: str, reference: Any, recent: Any) -> float:
        """Return how far `recent` features or predictions are from `reference`, those of the training.

        The population stability index of the worst column: below 0.1 nothing has moved, from 0.25 on it has.
        Live it is shown to the operator as the metric livetrader_model_drift. Both are tables or columns of
        numbers, 20 rows at least. Raises AlgorithmError where they cannot be compared.
        """
        return self._registry.drift(name, reference, recent)

    def _face(self, version: CoreVersion) -> ModelVersion:
        return ModelVersion(version, self._binding)

    def _gate(self, promote: Promote) -> bool | Gate:
        if isinstance(promote, str):
            return better(promote)
        if isinstance(promote, bool):
            return promote
        if not callable(promote):
            raise AlgorithmError(f"promote is True, False, a metric or a function, not {promote!r}")
        decide = promote

        def gate(new: CoreVersion, serving: CoreVersion | None) -> bool:
            return bool(decide(self._face(new), None if serving is None else self._face(serving)))

        return gate

    def _job(self) -> str:
        """Return the training that is running; where several are, nobody can tell which one saves."""
        jobs = self._binding.engine.ports.trainer.status.jobs
        running = [f"{job.number} {job.name}" for job in jobs if job.state == "running"]
        return running[0] if len(running) == 1 else ""
