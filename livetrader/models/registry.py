"""The registry an algorithm uses: saves, checks, opens and serves versions. Lives in the engine process.

It puts formats, schemas and libraries between the algorithm and the catalog. What was saved is opened again
before it may serve, so nothing is promoted that could not be loaded.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from math import isfinite
from typing import Any, Final

from livetrader.models.catalog import Catalog
from livetrader.models.follower import Follower
from livetrader.models.formats import prepare_formats
from livetrader.models.opener import Opener, Surroundings
from livetrader.models.packing import PackedModel, pack
from livetrader.models.records import check_name
from livetrader.models.schema import schema_of
from livetrader.models.served import Served
from livetrader_engine.commands import LogLevel
from livetrader_engine.errors import AlgorithmError
from livetrader_engine.models import (
    MAX_METRICS,
    LoadModel,
    ModelRefusedError,
    ModelVersion,
    SaveModel,
    ServingModel,
)
from livetrader_engine.ports import ServedModel

MAX_OPEN: Final = 256  # handles of one algorithm; each holds a model in memory


class Registry:
    """Implements ports.ModelRegistry over a catalog. Thread-safe; belongs to the thread that makes it.

    With `forget`, which drops what the store has cached, it follows the store from its first `load` on.
    """

    def __init__(
        self, catalog: Catalog, surroundings: Surroundings, forget: Callable[[], None] | None = None
    ) -> None:
        self._catalog = catalog
        self._now_ns = surroundings.now_ns
        self._sequential = surroundings.sequential
        self._opener = Opener(catalog, surroundings)
        self._drifted = surroundings.drifted
        self._handles: list[Served] = []
        self._lock = threading.Lock()  # guards _handles and _following
        self._follower = None if forget is None else Follower(self, forget, self._opener.tell)
        self._following = False

    # -- what an algorithm asks ------------------------------------------------------------------------

    def save(self, wish: SaveModel) -> ModelVersion:
        """Keep a model as a new version; see `ports.ModelRegistry`.

        Raises AlgorithmError where it cannot be kept or opened again, StoreError where the store is full.
        """
        check_name(wish.name)
        packed = wish.model if isinstance(wish.model, PackedModel) else pack(wish.model, wish.format)
        draft = self._draft(wish, packed)
        promote = wish.promote
        unfit = sorted(name for name, value in draft.metrics.items() if value is None)
        if unfit and promote is not False:
            promote = False
            self._opener.alarm(
                wish.name, f"metric {unfit[0]} of a new version is not finite: it is not promoted"
            )
        version, serves = self._catalog.add(draft, packed.dump.content, promote)
        if serves and not self._opens_elsewhere(wish.name):
            self._changed(wish.name)
        if not serves:
            told = f"model {wish.name!r}: version {version.number} is kept and does not serve"
            self._opener.tell(LogLevel.DEBUG, told)
        return version

    def load(self, wish: LoadModel) -> ServedModel:
        """Open the version that serves, or the newest that may. Raises ModelRefusedError where none may."""
        check_name(wish.name)
        prepare_formats()
        served = Served(self._opener, wish)
        served.prepare()
        served.take_over()
        if wish.required and served.serving().number is None:
            why = served.serving().reason
            raise ModelRefusedError(f"no version of {wish.name!r} can be used: {why}")
        with self._lock:
            if len(self._handles) >= MAX_OPEN:
                raise AlgorithmError(f"{MAX_OPEN} models are loaded already: load each once, in initialize")
            self._handles.append(served)
            if self._follower is not None and not self._following:
                self._following = True
                self._follower.start()
        return served

    def close(self) -> None:
        """Follow the store no longer; what is loaded goes on serving."""
        if self._follower is not None and self._following:
            self._follower.stop()

    def names(self) -> Sequence[str]:
        """Return the names of all models, sorted."""
        return self._catalog.names()

    def versions(self, name: str) -> Sequence[ModelVersion]:
        """Return the versions that can be read, oldest first."""
        return self._catalog.versions(check_name(name))[0]

    def promote(self, name: str, number: int, reason: str) -> ModelVersion:
        """Let a version serve."""
        version = self._catalog.promote(check_name(name), number, reason)
        self._changed(name)
        return version

    def rollback(self, name: str, number: int | None, reason: str) -> ModelVersion:
        """Let an earlier version serve again."""
        version = self._catalog.rollback(check_name(name), number, reason)
        self._changed(name)
        return version

    def drift(self, name: str, reference: Any, recent: Any) -> float:
        """Return how far recent data are from those that a model was made of, and tell the operator."""
        from livetrader.models.drift import drift  # with numpy, which not every engine process needs

        moved = drift(reference, recent)
        self._drifted(check_name(name), moved)
        return moved

    def serving(self) -> Sequence[ServingModel]:
        """Return what each open handle serves."""
        return [served.serving() for served in self._open_handles()]

    # -- what follows the store ------------------------------------------------------------------------

    def open_names(self) -> Sequence[str]:
        """Return the names of the models that are in use."""
        return sorted({served.wish.name for served in self._open_handles()})

    def sequence(self, name: str) -> int:
        """Return the number of the newest decision about a model."""
        return self._catalog.state(name).sequence

    def changed_since(self, name: str, sequence: int) -> bool:
        """Return whether there is a newer decision."""
        return self._catalog.changed_since(name, sequence)

    def follow(self, name: str) -> None:
        """Open what serves now for everybody who uses the model. Any thread."""
        for served in self._open_handles():
            if served.wish.name == name:
                served.prepare()

    # -- parts -----------------------------------------------------------------------------------------

    def _open_handles(self) -> list[Served]:
        with self._lock:
            return list(self._handles)

    def _changed(self, name: str) -> None:
        """A decision was made in this process: whoever uses the model opens the version now."""
        for served in self._open_handles():
            if served.wish.name == name:
                served.prepare()
                if self._opener.owns_thread():  # the algorithm has done it, so it is in no call of the model
                    served.take_over()

    def _opens_elsewhere(self, name: str) -> bool:
        """Whether the thread that follows the store opens what was just saved: trading need not wait."""
        if self._sequential or not self._following or not self._opener.owns_thread():
            return False
        if self._follower is not None and name in self.open_names():
            self._follower.soon()
        return True

    def _draft(self, wish: SaveModel, packed: PackedModel) -> ModelVersion:
        start_ns, end_ns = wish.window_ns or (None, None)
        if start_ns is not None and end_ns is not None and end_ns < start_ns:
            raise AlgorithmError(f"the training window of {wish.name!r} ends before it begins")
        if len(wish.metrics) > MAX_METRICS:
            raise AlgorithmError(f"{len(wish.metrics)} metrics are more than the {MAX_METRICS} that are kept")
        metrics = {str(name): float(value) for name, value in wish.metrics.items()}
        return ModelVersion(
            name=wish.name,
            number=0,
            content="",
            size=len(packed.dump.content),
            format=packed.format,
            model_type=packed.model_type,
            made_ns=self._now_ns(),
            saved_ns=0,
            libraries=packed.libraries,
            window_start_ns=start_ns,
            window_end_ns=end_ns,
            features=schema_of(wish.features),
            metrics={name: value if isfinite(value) else None for name, value in metrics.items()},
            job=wish.job,
            options=packed.dump.options,
        )
