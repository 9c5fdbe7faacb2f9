"""Indicators that the user wrote from scratch, as the engine wants them.

Such an object has `update(bar)` and `value`, and may have `name`, `is_ready` and `warm_up_period`.
"""

from __future__ import annotations

from typing import Any

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.indicators import Indicator, InputKind
from livetrader_lean.names import pascal


class UserIndicator(Indicator):
    """Hands every bar on to the user's object and shows its value."""

    kind = InputKind.DATA

    def __init__(self, user: Any) -> None:
        missing = [name for name in ("update", "value") if _member(user, name) is None]
        if missing:
            raise AlgorithmError(f"{user!r} is no indicator: it has no {', '.join(missing)}")
        super().__init__(str(_member(user, "name") or type(user).__name__))
        self.user = user
        wanted = _member(user, "warm_up_period")
        self.warm_up_period = 0 if wanted is None else int(wanted)

    @property
    def is_ready(self) -> bool:
        """What the user's object says."""
        return bool(_member(self.user, "is_ready"))

    def push_bar(self, bar: Any) -> bool:
        """Take one bar; return whether the indicator is ready."""
        self.samples += 1
        self.time_ns = bar.end_time_ns
        update = _member(self.user, "update")
        assert update is not None
        update(bar)
        self._publish(self.time_ns, float(_member(self.user, "value") or 0.0))
        return self.is_ready

    def reset(self) -> None:
        """Forget the values; the user's object too, where it can."""
        reset = _member(self.user, "reset")
        if reset is not None:
            reset()
        super().reset()


def _member(user: Any, name: str) -> Any:
    for spelling in (name, pascal(name)):
        found = getattr(user, spelling, None)
        if found is not None:
            return found
    return None
