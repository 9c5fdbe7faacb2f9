"""What a campaign needs of a venue: where the daemon trades, and what is true there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from livetrader.journal.records import Record
from tests.campaign.facts import Account
from tests.campaign.workload import Workload


class Venue(Protocol):
    """One account at one venue, under one daemon. It outlives every daemon."""

    sent_is_there: bool  # an order that was journaled as sent cannot be lost on its way

    def prepare(self, seconds: float) -> Workload:
        """Write what the daemon needs for so long, and start what is not the daemon."""
        ...

    def close(self) -> None:
        """End what `prepare` started; idempotent."""
        ...

    def account(self, records: Sequence[Record]) -> Account:
        """Return what is true; `records` may name what the venue knows only by number or ticker."""
        ...

    def await_order(self, limit_s: float) -> bool:
        """Return, without a pause, when one more order has left the daemon; False where none was in time."""
        ...
