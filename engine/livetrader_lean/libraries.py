"""What to install where an algorithm imports a library that is not there. A table; nothing is imported."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

# What stands in pyproject.toml as an extra; a test compares. Import name -> extra.
EXTRAS: Final = {
    "keras": "tensorflow",
    "lightgbm": "lightgbm",
    "onnx": "onnx",
    "onnxruntime": "onnx",
    "safetensors": "safetensors",
    "skl2onnx": "onnx",
    "skops": "skops",
    "tensorflow": "tensorflow",
    "torch": "torch",
    "xgboost": "xgboost",
}
# Other libraries that LEAN's users have at hand. Import name -> distribution; we do not test with them.
DISTRIBUTIONS: Final = {
    "catboost": "catboost",
    "cv2": "opencv-python-headless",
    "hmmlearn": "hmmlearn",
    "lightning": "lightning",
    "matplotlib": "matplotlib",
    "openai": "openai",
    "pytorch_forecasting": "pytorch-forecasting",
    "pytorch_lightning": "pytorch-lightning",
    "stable_baselines3": "stable-baselines3",
    "statsmodels": "statsmodels",
    "talib": "TA-Lib",
    "transformers": "transformers",
    "tslearn": "tslearn",
}


def remedy(error: BaseException) -> str | None:
    """Return the command that installs what an error says is missing, None where that is not the matter."""
    for part in _chain(error):
        if isinstance(part, ModuleNotFoundError) and part.name:
            root = part.name.partition(".")[0]
            wanted = f"livetrader[{EXTRAS[root]}]" if root in EXTRAS else DISTRIBUTIONS.get(root)
            if wanted is not None:
                return f"{root} is not installed here: pip install '{wanted}'"
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what led to it, the newest first."""
    seen: set[int] = set()
    part: BaseException | None = error
    while part is not None and id(part) not in seen:
        seen.add(id(part))
        yield part
        part = part.__cause__ or part.__context__
