"""What can be set about the paper brokerage."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=60_000)]


class PaperConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[brokerage] plugin = "paper". The account is made with `cash` once; later starts continue it.

    The delays are drawn evenly from [least, most], in real time, and make the account behave like a venue
    that is far away: an order is on the wire, where no snapshot shows it, before it is an order.
    """

    cash: Annotated[float, msgspec.Meta(ge=0)] = 100_000.0  # of a new account
    currency: str = "USD"
    ack_delay_ms: tuple[Milliseconds, Milliseconds] = (0, 0)  # news of an order come this much later
    wire_delay_ms: tuple[Milliseconds, Milliseconds] = (
        0,
        0,
    )  # from sent to being an order, restarts included
    fee_model: Literal["ib", "none", "flat"] = "ib"  # ib: Interactive Brokers' schedule, as LEAN has it
    flat_fee: Annotated[float, msgspec.Meta(ge=0)] = 1.0  # per order, with fee_model = "flat"
    slippage: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0  # part of the price
    largest_fill: Annotated[float, msgspec.Meta(ge=0)] = 0.0  # more is filled step by step; 0: all at once
    remembered_orders: Annotated[int, msgspec.Meta(ge=1)] = 1000  # closed orders in a snapshot
    refused_tickers: tuple[str, ...] = ()  # orders in these are refused, for drills

    def __post_init__(self) -> None:
        """Refuse a range that ends before it begins."""
        for name in ("ack_delay_ms", "wire_delay_ms"):
            least, most = getattr(self, name)
            if least > most:
                raise ValueError(f"{name}: the first number must not exceed the second")
