"""Order ids go to TWS in their order: it refuses one below the highest it has seen (error 103)."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from livetrader_engine.orders.states import OrderStatus
from livetrader_venues.tws.settings import Settings
from tests.ibkr.desk import at_desk, play, round_trip

ORDERS = 30
PER_SECOND = 20  # so that the second half has to wait for the message limit


@pytest.mark.parametrize("library", ["ib_insync", "ib_async"])
def test_orders_that_wait_for_the_message_limit_go_out_in_the_order_of_their_ids(
    library: str, tmp_path: Path
) -> None:
    async def scenario() -> None:
        settings = Settings(messages_per_second=0)
        async with at_desk(library, tmp_path, settings, messages_per_second=PER_SECOND) as desk:
            names = [f"LT{number}" for number in range(ORDERS)]
            async with asyncio.TaskGroup() as group:
                for name in names:
                    group.create_task(desk.buy(name, limit_price=Decimal(50)))
            await round_trip(desk.brokerage)
            placed = [order.order_id for order in desk.peer.gateway.exchange.open_orders()]
            assert len(placed) == ORDERS, "TWS refused some"
            assert placed == sorted(placed)
            assert all(OrderStatus.INVALID not in desk.statuses(name) for name in names)

    play(scenario())
