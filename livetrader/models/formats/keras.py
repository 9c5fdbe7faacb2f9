"""Keras in its .keras file, opened in safe mode: layers by name, no code in the file is run."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from livetrader.models.formats.contract import Dump, Loaded, Loading
from livetrader.models.libraries import Library, Match, need
from livetrader_engine.errors import AlgorithmError

STRAIGHT_ROWS: Final = 32  # a batch of predict's
_KERAS: Final = Library("keras", Match.FORWARD, "tensorflow")


class KerasFormat:
    """Keeps Keras models with their optimizer. Lambda layers are refused: they are code."""

    name = "keras"

    def handles(self, model: Any, families: frozenset[str]) -> bool:
        """Whether it is one of Keras's."""
        return "keras" in families

    def libraries(self, options: Mapping[str, str]) -> tuple[Library, ...]:
        """Return Keras, not older than what saved it."""
        return (_KERAS,)

    def dump(self, model: Any) -> Dump:
        """Return the file."""
        need(_KERAS)
        if not hasattr(model, "save") or not hasattr(model, "predict"):
            raise AlgorithmError(f"a {type(model).__name__} is no model of Keras's")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.keras"
            model.save(path)
            return Dump(path.read_bytes(), {})

    def load(self, content: bytes, loading: Loading) -> Loaded:
        """Return the model."""
        import keras

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.keras"
            path.write_bytes(content)
            model = keras.saving.load_model(path, safe_mode=True)
        return Loaded(model, lambda features: _predict(model, features), None)


def _predict(model: Any, features: Any) -> Any:
    """Return the answer; few rows go straight through, for `predict` costs milliseconds to begin."""
    import keras
    import numpy as np

    rows = np.asarray(features)
    if len(rows) > STRAIGHT_ROWS:
        return model.predict(rows, verbose=0)
    return keras.ops.convert_to_numpy(model(rows, training=False))
