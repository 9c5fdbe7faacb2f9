"""What can be asked of TWS, and how the end of each answer is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Request:
    """One kind of question: the Client's method, the callbacks of its rows, and its end marker.

    `keyed`: rows, end and errors carry the id of the request. Others can only be told apart by order, so the
    session asks one of a kind at a time and ends when one of them is not answered. `cancel` is called when
    the answer is complete, for those that go on as a stream. `ends_with_row`: the only row is the end.
    """

    method: str
    rows: frozenset[str]
    end: str
    keyed: bool = False
    cancel: str = ""

    @property
    def ends_with_row(self) -> bool:
        """Whether the end marker is the answer itself."""
        return self.end in self.rows


def _rows(*names: str) -> frozenset[str]:
    return frozenset(names)


CURRENT_TIME: Final = Request("reqCurrentTime", _rows("currentTime"), "currentTime")
ORDER_IDS: Final = Request("reqIds", _rows("nextValidId"), "nextValidId")
ALL_OPEN_ORDERS: Final = Request("reqAllOpenOrders", _rows("openOrder", "orderStatus"), "openOrderEnd")
OWN_OPEN_ORDERS: Final = Request("reqOpenOrders", _rows("openOrder", "orderStatus"), "openOrderEnd")
COMPLETED_ORDERS: Final = Request("reqCompletedOrders", _rows("completedOrder"), "completedOrdersEnd")
POSITIONS: Final = Request("reqPositions", _rows("position"), "positionEnd", cancel="cancelPositions")
EXECUTIONS: Final = Request("reqExecutions", _rows("execDetails"), "execDetailsEnd", keyed=True)
ACCOUNT_VALUES: Final = Request(
    "reqAccountUpdatesMulti", _rows("accountUpdateMulti"), "accountUpdateMultiEnd", keyed=True,
    cancel="cancelAccountUpdatesMulti",
)  # fmt: skip
CONTRACT_DETAILS: Final = Request(
    "reqContractDetails", _rows("contractDetails", "bondContractDetails"), "contractDetailsEnd", keyed=True
)
HISTORICAL_BARS: Final = Request(
    "reqHistoricalData", _rows("historicalData"), "historicalDataEnd", keyed=True
)
MATCHING_SYMBOLS: Final = Request("reqMatchingSymbols", _rows("symbolSamples"), "symbolSamples", keyed=True)
OPTION_CHAIN: Final = Request(
    "reqSecDefOptParams",
    _rows("securityDefinitionOptionParameter"),
    "securityDefinitionOptionParameterEnd",
    keyed=True,
)

# Callbacks whose first argument is the id of a request or a stream.
KEYED: Final = frozenset(
    {
        "accountSummary", "accountSummaryEnd", "accountUpdateMulti", "accountUpdateMultiEnd",
        "bondContractDetails", "contractDetails", "contractDetailsEnd", "error", "execDetails",
        "execDetailsEnd", "headTimestamp", "histogramData", "historicalData", "historicalDataEnd",
        "historicalDataUpdate", "historicalSchedule", "historicalTicks", "historicalTicksBidAsk",
        "historicalTicksLast", "marketDataType", "pnl", "pnlSingle", "positionMulti", "positionMultiEnd",
        "priceSizeTick", "realtimeBar", "securityDefinitionOptionParameter",
        "securityDefinitionOptionParameterEnd", "symbolSamples", "tickByTickAllLast", "tickByTickBidAsk",
        "tickByTickMidPoint", "tickEFP", "tickGeneric", "tickOptionComputation", "tickReqParams", "tickSize",
        "tickSnapshotEnd", "tickString",
    }
)  # fmt: skip
