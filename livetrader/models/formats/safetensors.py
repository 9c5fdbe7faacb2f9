"""torch: the weights of a module in safetensors' format; the class comes from the user's factory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from livetrader.models.formats.contract import Dump, Loaded, Loading
from livetrader.models.libraries import Library, Match, need
from livetrader_engine.errors import AlgorithmError
from livetrader_engine.models import ModelRefusedError

_KIND: Final = "kind"
_SAFETENSORS: Final = Library("safetensors", Match.ANY, "safetensors")
_TORCH: Final = Library("torch", Match.ANY, "torch")


class SafetensorsFormat:
    """Keeps a module's state, or a dictionary of tensors. Tied weights are written once each."""

    name = "safetensors"

    def handles(self, model: Any, families: frozenset[str]) -> bool:
        """Whether it is a torch module or a dictionary of tensors."""
        return "torch" in families or _is_state(model)

    def libraries(self, options: Mapping[str, str]) -> tuple[Library, ...]:
        """Return torch and safetensors, in any version: the file holds plain numbers."""
        return (_TORCH, _SAFETENSORS)

    def dump(self, model: Any) -> Dump:
        """Return the weights."""
        need(_SAFETENSORS)
        from safetensors.torch import save

        module = not _is_state(model)
        if module and not hasattr(model, "state_dict"):
            raise AlgorithmError(
                f"a {type(model).__name__} has no weights: give a module or its state_dict()"
            )
        state = model.state_dict() if module else model
        if module and not all(hasattr(value, "detach") for value in state.values()):
            raise AlgorithmError(f"the state of this {type(model).__name__} holds more than tensors")
        kept = {name: value.detach().cpu().contiguous().clone() for name, value in state.items()}
        return Dump(save(kept), {_KIND: "module" if module else "state"})

    def load(self, content: bytes, loading: Loading) -> Loaded:
        """Return the module the factory makes, with these weights, set to predict."""
        from safetensors.torch import load

        state = load(content)
        if loading.options.get(_KIND) == "state" and loading.factory is None:
            return Loaded(state, None, None)
        if loading.factory is None:
            raise ModelRefusedError(
                "its content is weights only: load(..., factory=Net) with the class of the network, "
                "or a function that makes it"
            )
        module = loading.factory()
        try:
            module.load_state_dict(state)
        except RuntimeError as error:
            raise ModelRefusedError(f"the weights do not fit what the factory makes: {error}") from error
        module.eval()
        return Loaded(module, lambda features: _predict(module, features), None)


def _is_state(model: Any) -> bool:
    return isinstance(model, dict) and bool(model) and all(_is_tensor(value) for value in model.values())


def _is_tensor(value: Any) -> bool:
    return any(base.__module__.partition(".")[0] == "torch" for base in type(value).__mro__) and hasattr(
        value, "detach"
    )


def _predict(module: Any, features: Any) -> Any:
    """Return what the module answers, as a numpy array; the type of its first weight decides."""
    import numpy as np
    import torch

    weight = next(module.parameters(), None)
    dtype, device = (torch.float32, None) if weight is None else (weight.dtype, weight.device)
    given = features if isinstance(features, torch.Tensor) else torch.from_numpy(np.array(features, float))
    with torch.no_grad():
        answer = module(given.to(dtype=dtype, device=device)).cpu()
    short = answer.is_floating_point() and answer.dtype != torch.float64  # numpy knows no bfloat16
    return (answer.float() if short else answer).numpy()
