"""A process that saves, promotes and rolls back without a pause, and says what it is about to do.

    python -m tests.models_campaign.writer STORE KEYS SEED NAME

One JSON object a line: {"begin": ...} before an action, {"end": ...} with the serving version after it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from random import Random

from livetrader.models.opener import Surroundings
from livetrader.models.opening import KeyPlace, open_registry
from livetrader.models.registry import Registry
from livetrader.store.local import FileObjectStore
from livetrader_engine.models import LoadModel, ModelRefusedError, SaveModel
from tests.models_campaign.weights import Weights, identity_of

MODEL = "spy"
LARGEST = 200_000  # bytes of a model: writing it takes a part of the time that can be hit


def open_here(store: Path, keys: Path) -> Registry:
    """Return a registry as an engine process has it."""
    around = Surroundings(lambda: 0, lambda level, text: None, lambda version: None, sequential=True)
    return open_registry(FileObjectStore(store), KeyPlace(keys), around)


def write(store: Path, keys: Path, seed: int, name: str) -> None:
    """Go on until somebody ends it."""
    random = Random(seed)
    registry = open_here(store, keys)
    for count in range(1_000_000):
        action = random.choice(("save", "save", "challenge", "promote", "rollback"))
        identity = f"{name} {count}"
        _say({"begin": action, "identity": identity})
        try:
            told = _act(registry, random, action, identity)
        except ModelRefusedError as error:  # nothing to roll back to, or another writer took it away
            told = {"refused": str(error)}
        served = registry.load(LoadModel(MODEL, required=False))
        registry._handles.clear()
        version = served.version
        serving = None if version is None else identity_of(served.model)
        _say({"end": action, "identity": identity, "serving": serving, **told})


def _act(registry: Registry, random: Random, action: str, identity: str) -> dict[str, object]:
    if action in ("save", "challenge"):
        weights = "w" * random.randrange(LARGEST)
        whole = {"identity": identity, "weights": weights}
        model = whole if random.random() < 0.5 else Weights(identity, weights)
        version = registry.save(SaveModel(MODEL, model, promote=action == "save"))
        return {"number": version.number}
    if action == "promote":
        numbers = [version.number for version in registry.versions(MODEL)]
        if not numbers:
            return {}
        number = random.choice(numbers)
        _say({"aims": number})
        return {"number": registry.promote(MODEL, number, "by the campaign").number}
    return {"number": registry.rollback(MODEL, None, "by the campaign").number}


def _say(told: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    write(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
