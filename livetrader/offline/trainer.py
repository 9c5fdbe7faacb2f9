"""Training in a backtest: at once, in the step in which it is due."""

from __future__ import annotations

from collections.abc import Callable


class InlineStatus:
    """Readiness as the algorithm may ask for it. Owned by the trainer."""

    def __init__(self) -> None:
        self.succeeded = False
        self.is_training = False
        self.last_error: str | None = None

    @property
    def ready(self) -> bool:
        """Whether a training has succeeded and none is running."""
        return self.succeeded and not self.is_training


class InlineTrainer:
    """Implements ports.Trainer: `submit` returns when the function has. No quota: nobody waits.

    An exception of the function ends the backtest, as it ends LEAN's.
    """

    def __init__(self) -> None:
        self._status = InlineStatus()

    @property
    def status(self) -> InlineStatus:
        """The readiness flags."""
        return self._status

    def submit(self, name: str, function: Callable[[], object]) -> None:
        """Run the function now. Raises what it raises."""
        status = self._status
        status.is_training = True
        try:
            function()
        except Exception as error:
            status.last_error = f"{type(error).__name__}: {error}"
            raise
        finally:
            status.is_training = False
        status.succeeded = True
        status.last_error = None
