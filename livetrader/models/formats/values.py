"""Plain values (weights, thresholds, coefficients): JSON, or numpy's npz without pickles."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any, Final

from livetrader.models.formats.contract import Dump, Loaded, Loading
from livetrader.models.libraries import Library, Match
from livetrader_engine.errors import AlgorithmError

_KIND: Final = "kind"
_JSON: Final = "json"
_ARRAY: Final = "array"
_ARRAYS: Final = "arrays"  # a dictionary of them


class ValuesFormat:
    """Keeps what JSON can say, an array, or a dictionary of arrays. There is nothing in it to run."""

    name = "values"

    def handles(self, model: Any, families: frozenset[str]) -> bool:
        """Whether the model is plain values."""
        return _kind(model) is not None

    def libraries(self, options: Mapping[str, str]) -> tuple[Library, ...]:
        """Return numpy where there are arrays."""
        return () if options.get(_KIND) == _JSON else (Library("numpy", Match.ANY),)

    def dump(self, model: Any) -> Dump:
        """Return the values as JSON or npz."""
        kind = _kind(model)
        if kind is None:
            raise AlgorithmError(
                f"{type(model).__name__} is no plain value: use numbers, texts, lists, dictionaries with "
                "text keys, numpy arrays or dictionaries of those"
            )
        if kind == _JSON:
            return Dump(json.dumps(model, allow_nan=False).encode(), {_KIND: kind})
        import numpy as np

        file = io.BytesIO()
        named = {"": model} if kind == _ARRAY else {f"_{name}": array for name, array in model.items()}
        np.savez(file, **{f"values{name}": array for name, array in named.items()}, allow_pickle=False)
        return Dump(file.getvalue(), {_KIND: kind})

    def load(self, content: bytes, loading: Loading) -> Loaded:
        """Return the values; they do not predict."""
        if loading.options.get(_KIND) == _JSON:
            return Loaded(json.loads(content), None, None)
        import numpy as np

        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            if loading.options.get(_KIND) == _ARRAY:
                return Loaded(file["values"], None, None)
            return Loaded({name.removeprefix("values_"): file[name] for name in file.files}, None, None)


def _kind(model: Any) -> str | None:
    if _is_array(model):
        return _ARRAY
    if isinstance(model, dict) and model and all(map(_is_array, model.values())):
        return _ARRAYS if all(isinstance(name, str) for name in model) else None
    return _JSON if _is_json(model) else None


def _is_array(value: Any) -> bool:
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    return type(value).__module__ == "numpy" and hasattr(value, "shape") and kind in tuple("biufcSUmM")


def _is_json(value: Any, depth: int = 20) -> bool:
    if value is None or isinstance(value, bool | int | str):
        return True
    if isinstance(value, float):
        return value - value == 0.0  # neither NaN nor infinite
    if type(value) is list and depth:
        return all(_is_json(item, depth - 1) for item in value)
    if type(value) is dict and depth:
        return all(isinstance(key, str) and _is_json(item, depth - 1) for key, item in value.items())
    return False
