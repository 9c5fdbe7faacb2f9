"""The models of the campaign, in a module that every process can import."""

from __future__ import annotations


class Weights:
    """A model that only a pickle can keep."""

    def __init__(self, identity: str, weights: str) -> None:
        self.identity = identity
        self.weights = weights


def identity_of(model: object) -> str:
    """Return what a saved model calls itself."""
    if isinstance(model, dict):
        return str(model["identity"])
    assert isinstance(model, Weights)
    return model.identity
