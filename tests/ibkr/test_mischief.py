"""What IB does behind the back of whoever trades it, told by the plugin as the kit wants it."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from livetrader_engine.testing.brokerage_harness import BrokerageSession
from livetrader_engine.testing.mischief_contract import OURS, MischiefContract
from tests.ibkr.test_contract_kit import IbkrHarness


class MischievousIbkr(IbkrHarness):
    """The account of the kit, with hands at TWS itself."""

    mischief = frozenset({"correct", "fee", "rest", "trade"})  # the peer works no order twice by itself

    async def correct(self, session: BrokerageSession, quantity: Decimal, price: Decimal) -> None:
        """Correct or bust the newest trade of the order."""
        if quantity:
            await self._do("correct", quantity=str(quantity), price=str(price), reference=OURS)
        else:
            await self._do("bust", reference=OURS)

    async def charge(self, session: BrokerageSession) -> None:
        """Wait: TWS tells commissions by itself."""

    async def rest_elsewhere(self, session: BrokerageSession, quantity: Decimal, limit: Decimal) -> None:
        """Type an order into TWS."""
        await self._do("order", symbol="SPY", quantity=str(quantity), limit=str(limit))

    async def trade_elsewhere(self, session: BrokerageSession, quantity: Decimal) -> None:
        """Trade by hand in TWS."""
        await self._quote(self.price, int(abs(quantity)))
        await self._do("trade", symbol="SPY", quantity=str(quantity))

    async def _do(self, action: str, **said: str) -> None:
        assert self._peer is not None
        self._peer.do(action, **said)
        self._peer.move(1)
        await asyncio.sleep(0)


class TestMischiefOfIbkr(MischiefContract):
    """The kit, with both client libraries."""

    @pytest.fixture
    def harness(self, library: str, tmp_path: Path) -> MischievousIbkr:
        """A fresh account."""
        return MischievousIbkr(library, tmp_path)
