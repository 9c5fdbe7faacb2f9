"""LightGBM in its own text: boosters, and what its scikit-learn classes answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from livetrader.models.formats.contract import Dump, Loaded, Loading
from livetrader.models.libraries import Library, Match, need
from livetrader_engine.errors import AlgorithmError

_CLASSES: Final = "classes"  # of a classifier, as JSON, in the order of its probabilities
_LIGHTGBM: Final = Library("lightgbm", Match.FORWARD, "lightgbm")


class LightgbmFormat:
    """Keeps boosters. A classifier comes back as a booster that still answers with its classes."""

    name = "lightgbm"

    def handles(self, model: Any, families: frozenset[str]) -> bool:
        """Whether it is one of LightGBM's."""
        return "lightgbm" in families

    def libraries(self, options: Mapping[str, str]) -> tuple[Library, ...]:
        """Return LightGBM, not older than what saved it."""
        return (_LIGHTGBM,)

    def dump(self, model: Any) -> Dump:
        """Return the text."""
        need(_LIGHTGBM)
        booster = getattr(model, "booster_", model)
        if not hasattr(booster, "model_to_string"):
            raise AlgorithmError(f"a {type(model).__name__} is no model of LightGBM's")
        classes = getattr(model, "classes_", None)
        options = {} if classes is None else {_CLASSES: json.dumps(classes.tolist())}
        return Dump(booster.model_to_string().encode(), options)

    def load(self, content: bytes, loading: Loading) -> Loaded:
        """Return the booster, with a classifier's answers where it was one."""
        import lightgbm

        booster = lightgbm.Booster(model_str=content.decode())
        classes = loading.options.get(_CLASSES)
        if classes is None:
            return Loaded(booster, booster.predict, None)
        labels = json.loads(classes)
        return Loaded(
            booster,
            lambda features: _classified(booster, features, labels),
            lambda features: _probabilities(booster, features),
        )


def _probabilities(booster: Any, features: Any) -> Any:
    import numpy as np

    found = np.asarray(booster.predict(features))
    return found if found.ndim == 2 else np.column_stack((1.0 - found, found))


def _classified(booster: Any, features: Any, labels: list[Any]) -> Any:
    import numpy as np

    probabilities = _probabilities(booster, features)
    if not np.isfinite(probabilities).all():
        return probabilities  # no class follows from these, and the guard of predictions must see them
    return np.asarray(labels)[probabilities.argmax(axis=1)]
