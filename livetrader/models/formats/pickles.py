"""Pickle: what nothing safer can keep. Opening one runs code, so only our own are opened."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from typing import Any, Final

from livetrader.models.formats.contract import Dump, Loaded, Loading, methods_of
from livetrader.models.libraries import Library, Match, version_of
from livetrader_engine.errors import AlgorithmError
from livetrader_engine.models import ModelRefusedError

PROTOCOL: Final = 5
_LIBRARY: Final = "library"


class PickleFormat:
    """Keeps any object that can be pickled; opens what this instance signed, or on the caller's word."""

    name = "pickle"

    def handles(self, model: Any, families: frozenset[str]) -> bool:
        """Whether nothing safer was found: everything that comes here."""
        return True

    def libraries(self, options: Mapping[str, str]) -> tuple[Library, ...]:
        """Return the library of the model's class: pickles hold what one minor version had inside."""
        library = options.get(_LIBRARY, "")
        return (Library(library, Match.MINOR),) if library else ()

    def dump(self, model: Any) -> Dump:
        """Return the pickle. Raises AlgorithmError for what cannot be pickled."""
        try:
            content = pickle.dumps(model, protocol=PROTOCOL)
        except (pickle.PicklingError, TypeError, AttributeError, RecursionError) as error:
            raise AlgorithmError(f"this {type(model).__name__} cannot be kept: {error}") from error
        return Dump(content, _options(model))

    def load(self, content: bytes, loading: Loading) -> Loaded:
        """Return the object. Raises ModelRefusedError for a pickle that nobody answers for."""
        if not loading.trusted:
            raise ModelRefusedError(
                "it is a pickle that this instance has not signed, and opening one runs its code: save it in "
                "a safe format (pip install 'livetrader[skops]'), or load it with allow_pickle=True if you "
                "trust it"
            )
        return methods_of(pickle.loads(content))


def _options(model: Any) -> dict[str, str]:
    package = type(model).__module__.partition(".")[0]
    versioned = version_of(package) not in (None, "unknown")
    return {_LIBRARY: package} if versioned else {}
