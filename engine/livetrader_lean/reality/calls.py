"""How models of the user's are asked: in either spelling, with faces of what the engine holds."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.money import from_float
from livetrader_engine.orders.order import OrderSpec
from livetrader_engine.orders.ticket import OrderRecord
from livetrader_lean.binding import Binding
from livetrader_lean.names import pascal
from livetrader_lean.order_faces import Order


def method(model: Any, name: str) -> Callable[..., Any]:
    """Return a method of a user's model by its snake_case name, whichever spelling it has.

    Raises AlgorithmError, naming both spellings, where it has none.
    """
    found = find(model, name)
    if found is None:
        raise AlgorithmError(f"{type(model).__name__} has neither {name} nor {pascal(name)}")
    return found


def find(model: Any, name: str) -> Callable[..., Any] | None:
    """Return a method of a user's model in either spelling, None where it has none."""
    found = getattr(model, name, None) or getattr(model, pascal(name), None)
    return found if callable(found) else None


def overrides(model: Any, name: str, base: type) -> bool:
    """Return whether a model's class has its own version of a method of `base`."""
    return getattr(type(model), name, None) is not getattr(base, name)


def exact(value: Any) -> Decimal:
    """Return a number of the user's as .NET would: fifteen digits of a float, all of a decimal."""
    return value if isinstance(value, Decimal) else from_float(float(value))


def order_of(binding: Binding, spec: OrderSpec) -> Order:
    """Return the order of a spec as it stands: that of the book, or one that nobody made yet."""
    record = binding.engine.orders.get(spec.id)
    return Order(binding, OrderRecord(spec) if record is None else record)
