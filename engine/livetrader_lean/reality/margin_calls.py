"""What happens when an account runs out of margin: LEAN's model, or nothing."""

from __future__ import annotations

from typing import Any, ClassVar

from livetrader_lean.names import Twins


class MarginCallModel(Twins):
    """`MarginCallModel.NULL` neither warns nor reduces positions."""

    NULL: ClassVar[MarginCallModel]
    Null: ClassVar[MarginCallModel]

    margin_buffer: float | None = None  # None: nobody looks


MarginCallModel.NULL = MarginCallModel.Null = MarginCallModel()


class DefaultMarginCallModel(MarginCallModel):
    """Positions are reduced once the margin used is above the equity by the buffer."""

    def __init__(
        self, portfolio: Any, default_order_properties: Any = None, margin_buffer: float = 0.1
    ) -> None:
        self.margin_buffer = float(margin_buffer)
