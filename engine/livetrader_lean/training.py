"""`self.training` as an algorithm sees it."""

from __future__ import annotations

from livetrader_engine.ports import TrainingStatus
from livetrader_lean.views import Face


class Training(Face):
    """`self.training`: what has become of the functions given to `train`. Not in LEAN.

    Read it from any thread, and before every use of a model: live, training runs beside `on_data`.
    """

    __slots__ = ("_status",)

    def __init__(self, status: TrainingStatus) -> None:
        self._status = status

    @property
    def ready(self) -> bool:
        """Whether a training has succeeded and none is running."""
        return self._status.ready

    @property
    def is_training(self) -> bool:
        """Whether a training function is running now."""
        return self._status.is_training

    @property
    def last_error(self) -> str | None:
        """What the newest failed training said, None after a success."""
        return self._status.last_error
