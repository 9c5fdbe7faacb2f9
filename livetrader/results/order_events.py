"""Order events as LEAN writes them to `<id>-order-events.json`: the same text from a backtest and live.

Sources: LEAN's Common/Orders/Serialization/SerializedOrderEvent.cs, OrderEvent.cs and HandleOrderEvents in
BrokerageTransactionHandler.cs.
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from typing import Final

from livetrader.results.json_text import Json, compact
from livetrader_engine.commands import NoteOrderEvent
from livetrader_engine.money import ZERO, normalized
from livetrader_engine.orders.order import OrderType
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.symbols import NS_PER_SECOND

KNOWN_NAMES: Final = 64  # of statuses and sides: there are fewer
_LIMITED: Final = frozenset(
    {OrderType.LIMIT, OrderType.STOP_LIMIT, OrderType.LIMIT_IF_TOUCHED, OrderType.COMBO_LEG_LIMIT}
)
_STOPPED: Final = frozenset({OrderType.STOP_MARKET, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP})


def order_event_json(noted: NoteOrderEvent, algorithm_id: str) -> dict[str, Json]:
    """Return one order event with LEAN's names in LEAN's order."""
    spec, fill = noted.spec, noted.fill
    row: dict[str, Json] = {
        "id": f"{algorithm_id}-{spec.id}-{noted.number}",
        "algorithmId": algorithm_id,
        "orderId": int(spec.id),
        "orderEventId": noted.number,
        "symbol": spec.symbol.id,
        "symbolValue": spec.symbol.value,
        "symbolPermtick": spec.symbol.id.partition(" ")[0],
        "time": noted.time_ns / NS_PER_SECOND,
        "status": _camel(noted.status.name),
    }
    if fill is not None and (fill.fee or noted.status is OrderStatus.FILLED):
        # LEAN charges complete fills; a part of one has no fee at all
        row["orderFeeAmount"] = fill.fee
        row["orderFeeCurrency"] = fill.fee_currency
    row["fillPrice"] = ZERO if fill is None else normalized(fill.price)
    row["fillPriceCurrency"] = noted.price_currency
    row["fillQuantity"] = ZERO if fill is None else normalized(fill.quantity)
    row["direction"] = _camel(spec.direction.name)
    if noted.message:
        row["message"] = noted.message
    row["isAssignment"] = False
    row["quantity"] = normalized(spec.quantity)
    for name, price, types in (
        ("stopPrice", spec.stop_price, _STOPPED),
        ("limitPrice", spec.limit_price, _LIMITED),
    ):
        if spec.type in types:
            row[name] = normalized(price or Decimal(0))
    return row


def order_event_text(noted: NoteOrderEvent, algorithm_id: str) -> str:
    """Return one order event as it stands in the file, without the comma after it."""
    return compact(order_event_json(noted, algorithm_id))


@lru_cache(maxsize=KNOWN_NAMES)
def _camel(name: str) -> str:
    first, *rest = name.lower().split("_")
    return first + "".join(word.capitalize() for word in rest)
