"""XGBoost in its own JSON: boosters, and the scikit-learn classes around them."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from livetrader.models.formats.contract import Dump, Loaded, Loading, class_of, methods_of
from livetrader.models.libraries import Library, Match, need
from livetrader_engine.errors import AlgorithmError

_CLASS: Final = "class"
_XGBOOST: Final = Library("xgboost", Match.FORWARD, "xgboost")


class XgboostFormat:
    """Keeps boosters and XGBModel's children. What is older opens, what is newer does not."""

    name = "xgboost"

    def handles(self, model: Any, families: frozenset[str]) -> bool:
        """Whether it is one of XGBoost's."""
        return "xgboost" in families

    def libraries(self, options: Mapping[str, str]) -> tuple[Library, ...]:
        """Return XGBoost, not older than what saved it."""
        return (_XGBOOST,)

    def dump(self, model: Any) -> Dump:
        """Return the JSON."""
        need(_XGBOOST)
        import xgboost

        if isinstance(model, xgboost.Booster):
            return Dump(bytes(model.save_raw("json")), {_CLASS: "Booster"})
        if not isinstance(model, xgboost.XGBModel):
            raise AlgorithmError(f"a {type(model).__name__} is no model of XGBoost's")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.json"
            model.save_model(path)
            return Dump(path.read_bytes(), {_CLASS: _public_class(model)})

    def load(self, content: bytes, loading: Loading) -> Loaded:
        """Return the booster, or the class around it."""
        import xgboost

        name = loading.options.get(_CLASS, "Booster")
        if name == "Booster":
            booster = xgboost.Booster()
            booster.load_model(bytearray(content))
            return Loaded(booster, lambda features: _ask(booster, features), None)
        model: Any = class_of("xgboost", name, xgboost.XGBModel)()
        model.load_model(bytearray(content))
        return methods_of(model)


def _public_class(model: Any) -> str:
    """Return the nearest class of XGBoost's own: a user's child of it cannot be made from the file."""
    return next(base.__name__ for base in type(model).__mro__ if base.__module__.startswith("xgboost"))


def _ask(booster: Any, features: Any) -> Any:
    import xgboost

    matrix = features if isinstance(features, xgboost.DMatrix) else xgboost.DMatrix(features)
    return booster.predict(matrix)
