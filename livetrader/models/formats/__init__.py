"""The formats in which models are kept, the safest for a kind of model first."""

from __future__ import annotations

import importlib
import sys
from importlib.util import find_spec
from typing import Any, Final

from livetrader.models.formats.contract import Format
from livetrader.models.formats.keras import KerasFormat
from livetrader.models.formats.lightgbm import LightgbmFormat
from livetrader.models.formats.onnx import OnnxFormat
from livetrader.models.formats.pickles import PickleFormat
from livetrader.models.formats.safetensors import SafetensorsFormat
from livetrader.models.formats.skops import SkopsFormat
from livetrader.models.formats.values import ValuesFormat
from livetrader.models.formats.xgboost import XgboostFormat
from livetrader_engine.errors import AlgorithmError

_ORDER: Final[tuple[Format, ...]] = (
    ValuesFormat(),
    OnnxFormat(),
    KerasFormat(),
    SafetensorsFormat(),
    XgboostFormat(),  # its classes descend from scikit-learn's too
    LightgbmFormat(),
    SkopsFormat(),
    PickleFormat(),  # takes everything
)
FORMATS: Final[dict[str, Format]] = {each.name: each for each in _ORDER}


def format_named(name: str) -> Format:
    """Return a format by name. Raises AlgorithmError for one that is not known."""
    found = FORMATS.get(name)
    if found is None:
        raise AlgorithmError(f"there is no model format {name!r}; there are: {', '.join(FORMATS)}")
    return found


def format_for(model: Any) -> Format:
    """Return the safest format for a model."""
    families = frozenset(base.__module__.partition(".")[0] for base in type(model).__mro__)
    return next(each for each in _ORDER if each.handles(model, families))


def prepare_formats() -> None:
    """Import now what would take a second at the first save, in the middle of trading."""
    if "sklearn" in sys.modules and find_spec("skops") is not None:
        importlib.import_module("skops.io")
