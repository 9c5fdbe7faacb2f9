"""What a peer is told at its start."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from livetrader_venues.tws.wire import HIGHEST_VERSION

SECOND_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Settings:
    """The peer's own rules. The defaults are those of a healthy paper account."""

    highest_version: int = HIGHEST_VERSION
    first_order_id: int = 1
    messages_per_second: int = 50  # TWS's limit for each client (error 100); 0 for none
    histories_per_10_minutes: int = 60  # more is a pacing violation (error 162); 0 for none
    commission_delay_ns: int = 0
    order_delay_ns: int = 0  # an order's longest way from TWS to IB, by chance; nobody is shown it meanwhile
    cancel_delay_ns: int = 0  # from the wish to cancel to its confirmation; an order may fill meanwhile
    master_client_id: int | None = None  # it sees the orders of every client
    delayed_data_only: bool = False  # no subscriptions: error 354, or delayed data where a client asks for it
    bar_seed: int = 1
    history_from_ns: int = 0  # what is older does not exist: error 162
    dividend_ns: int = 0  # older prices of ADJUSTED_LAST are taken times the factor
    dividend_factor: Decimal = Decimal("0.99")
