"""A daemon with a bug: what a fresh account does not show is sent again at once. Run as livetrader is."""

from __future__ import annotations

from livetrader.cli.main import main
from livetrader.gateway.gateway import Gateway
from livetrader_engine.events import AccountLoaded
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.spi import Approved

_honest = Gateway.reconcile_at_start


async def _blind(gateway: Gateway) -> AccountLoaded:
    loaded = await _honest(gateway)
    for order in list(gateway.state.open.values()):
        if order.unknown or order.status is OrderStatus.NEW:
            await gateway._brokerage.submit(Approved(order.client_order_id, order.spec))
    return loaded


if __name__ == "__main__":
    Gateway.reconcile_at_start = _blind  # type: ignore[method-assign]  # the planted bug
    main()
