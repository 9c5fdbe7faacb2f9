"""Feature schemas: made of what an algorithm gives, and held against what a model is asked with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.models import MAX_FEATURES, FeatureSchema, numbered


def schema_of(features: Any) -> FeatureSchema | None:
    """Return the schema of names, of a mapping name -> dtype, of a table with columns, or of an array.

    None stays None; an array without names has its columns numbered. Raises AlgorithmError for anything else.
    """
    if features is None or isinstance(features, FeatureSchema):
        schema = features
    elif hasattr(features, "columns") and hasattr(features, "dtypes"):
        schema = FeatureSchema(
            tuple(_text(name) for name in features.columns), tuple(str(dtype) for dtype in features.dtypes)
        )
    elif isinstance(features, Mapping):
        schema = FeatureSchema(tuple(map(str, features)), tuple(map(str, features.values())))
    elif getattr(features, "ndim", 0) == 2:
        width = int(features.shape[1])
        schema = FeatureSchema(numbered(width), (str(features.dtype),) * width)
    elif isinstance(features, Iterable) and not isinstance(features, str | bytes):
        schema = FeatureSchema(tuple(_text(name) for name in features))
    else:
        raise AlgorithmError(
            f"features are given as a list of names or as the table itself, not as {type(features).__name__}"
        )
    if schema is not None:
        _check(schema)
    return schema


def arranged(features: Any, schema: FeatureSchema | None) -> Any:
    """Return what a model is asked with in the order it was trained with.

    Columns of a table are taken by name. Raises AlgorithmError where one is missing or the width is another.
    """
    if schema is None:
        return features
    columns = getattr(features, "columns", None)
    if columns is not None and not schema.is_numbered:
        given = tuple(_text(name) for name in columns)
        if given == schema.names:
            return features
        missing = [name for name in schema.names if name not in given]
        if missing:
            raise AlgorithmError(
                f"the model was trained with {', '.join(missing[:5])}, which the table lacks"
            )
        places = [given.index(name) for name in schema.names]
        return features.iloc[:, places]
    width = _width(features)
    if width is not None and width != len(schema.names):
        raise AlgorithmError(f"the model was trained with {len(schema.names)} features, not with {width}")
    return features


def _width(features: Any) -> int | None:
    shape = getattr(features, "shape", None)
    if shape is not None:
        return int(shape[1]) if len(shape) == 2 else None
    if isinstance(features, list | tuple) and features and isinstance(features[0], list | tuple):
        return len(features[0])
    return None


def _check(schema: FeatureSchema) -> None:
    if len(schema.names) > MAX_FEATURES:
        raise AlgorithmError(f"{len(schema.names)} features are more than the {MAX_FEATURES} that are kept")
    if not schema.names or len(set(schema.names)) != len(schema.names):
        twice = next((name for name in schema.names if schema.names.count(name) > 1), None)
        raise AlgorithmError(
            "there are no features" if twice is None else f"two features are named {twice!r}"
        )


def _text(name: object) -> str:
    """Return a column's name; those of several levels are joined, as LEAN's tables have them."""
    return ".".join(map(str, name)) if isinstance(name, tuple) else str(name)
