"""scikit-learn in skops' format: the estimator's state without code to run."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from typing import Any, Final

from livetrader.models.formats.contract import Dump, Loaded, Loading, methods_of
from livetrader.models.libraries import Library, Match, need
from livetrader_engine.errors import AlgorithmError
from livetrader_engine.models import ModelRefusedError

_TYPES: Final = "types"  # those that skops does not know as safe, as a JSON list
_SKOPS: Final = Library("skops", Match.MAJOR, "skops")
_SKLEARN: Final = Library("sklearn", Match.MINOR)


class SkopsFormat:
    """Keeps estimators and pipelines. Types of your own in them are opened where this instance signed it."""

    name = "skops"

    def handles(self, model: Any, families: frozenset[str]) -> bool:
        """Whether it is an estimator and skops is there; without it the pickle format is the next."""
        return "sklearn" in families and importlib.util.find_spec("skops") is not None

    def libraries(self, options: Mapping[str, str]) -> tuple[Library, ...]:
        """Return skops, and scikit-learn in the same minor version."""
        return (_SKOPS, _SKLEARN)

    def dump(self, model: Any) -> Dump:
        """Return the estimator's file. Raises AlgorithmError for what skops cannot keep."""
        need(_SKOPS)
        from skops import io

        try:
            content = io.dumps(model)
        except Exception as error:  # skops raises what the object's state raises
            raise AlgorithmError(f"skops cannot keep this {type(model).__name__}: {error}") from error
        return Dump(content, {_TYPES: json.dumps(sorted(io.get_untrusted_types(data=content)))})

    def load(self, content: bytes, loading: Loading) -> Loaded:
        """Return the estimator. Raises ModelRefusedError where it holds types nobody answers for."""
        from skops import io

        unknown = sorted(io.get_untrusted_types(data=content))
        expected = set(json.loads(loading.options.get(_TYPES, "[]")))
        if unknown and not (loading.trusted and expected.issuperset(unknown)):
            raise ModelRefusedError(
                f"it holds types that are not known to be safe ({', '.join(unknown[:5])}) and was not signed "
                "by this instance: load(..., allow_pickle=True) if you trust it"
            )
        return methods_of(io.loads(content, trusted=unknown))
