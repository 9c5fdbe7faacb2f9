"""A model made ready to be kept: its bytes, and what has to be known beside them.

Packing takes the time of saving (seconds for a large forest) and needs no registry, so a training process can
do it, and what arrives in the engine process only has to be written.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from livetrader.models.formats import format_for, format_named
from livetrader.models.formats.contract import Dump, Format, Loading
from livetrader.models.libraries import recorded
from livetrader_engine.errors import AlgorithmError


@dataclass(frozen=True, slots=True)
class PackedModel:
    """What `pack` returns and `self.models.save` takes in place of a model. Can be pickled."""

    format: str
    model_type: str
    libraries: dict[str, str]
    dump: Dump


def pack(model: Any, format: str | None = None) -> PackedModel:
    """Return a model as it will be kept; the safest format for it where none is named.

    It is opened again to be sure. Raises AlgorithmError where it cannot be kept or opened.
    """
    chosen = format_for(model) if format is None else format_named(format)
    dump = chosen.dump(model)
    _check_opens(model, chosen, dump)
    kind = f"{type(model).__module__}.{type(model).__qualname__}"
    return PackedModel(chosen.name, kind, recorded(chosen.libraries(dump.options)), dump)


def _check_opens(model: Any, chosen: Format, dump: Dump) -> None:
    values = isinstance(model, dict)  # weights without a network to put them into
    factory = None if values else lambda: copy.deepcopy(model)
    try:
        chosen.load(dump.content, Loading(dump.options, trusted=True, factory=factory))
    except Exception as error:
        words = str(error) if isinstance(error, AlgorithmError) else f"{type(error).__name__}: {error}"
        told = f"this {type(model).__name__} cannot be opened again from {chosen.name}"
        raise AlgorithmError(f"{told}: {words}; nothing was saved") from error
