"""What clients ask: the number, the name and the layout of every request.

Layouts hold for server versions 100 to 178; several requests carry a version of their own, which nobody
reads.
"""

from __future__ import annotations

from dataclasses import dataclass

from livetrader_venues.tws import layouts
from livetrader_venues.tws.layouts import Reader, Values
from livetrader_venues.tws.wire import ProtocolError

CONTRACT = (
    "conId symbol secType lastTradeDate strike right multiplier exchange primaryExchange currency "
    "localSymbol tradingClass "
)

PLACE_ORDER = (
    "version<145 orderId "
    + CONTRACT
    + "secIdType secId action totalQuantity orderType lmtPrice auxPrice tif ocaGroup account "
    "openClose origin orderRef transmit parentId blockOrder sweepToFill displaySize triggerMethod "
    "outsideRth hidden @orderLegs sharesAllocation discretionaryAmt goodAfterTime goodTillDate "
    "faGroup faMethod faPercentage faProfile<177 modelCode>=103 shortSaleSlot designatedLocation "
    "exemptCode ocaType rule80A settlingFirm allOrNone minQty percentOffset eTradeOnly "
    "firmQuoteOnly nbboPriceCap auctionStrategy startingPrice stockRefPrice delta stockRangeLower "
    "stockRangeUpper overridePercentageConstraints volatility volatilityType "
    "deltaNeutralOrderType deltaNeutralAuxPrice @deltaNeutralOrder continuousUpdate "
    "referencePriceType trailStopPrice trailingPercent scaleInitLevelSize scaleSubsLevelSize "
    "scalePriceIncrement @scale scaleTable activeStartTime activeStopTime hedgeType @hedge "
    "optOutSmartRouting clearingAccount clearingIntent notHeld @deltaNeutralContract algoStrategy "
    "@algo algoId whatIf orderMiscOptions solicited randomizeSize randomizePrice @pegBench>=102 "
    "@conditions>=102 adjustedOrderType>=102 triggerPrice>=102 lmtPriceOffset>=102 "
    "adjustedStopPrice>=102 adjustedStopLimitPrice>=102 adjustedTrailingAmount>=102 "
    "adjustableTrailingUnit>=102 extOperator>=105 softDollarTierName>=106 "
    "softDollarTierValue>=106 cashQty>=111 mifid2DecisionMaker>=138 mifid2DecisionAlgo>=138 "
    "mifid2ExecutionTrader>=139 mifid2ExecutionAlgo>=139 dontUseAutoPriceForHedge>=141 "
    "isOmsContainer>=145 discretionaryUpToLimitPrice>=148 usePriceMgmtAlgo>=151 duration>=158 "
    "postToAts>=160 autoCancelParent>=162 advancedErrorOverride>=166 manualOrderTime>=169 "
    "@pegOffsets>=170"
)

REQUESTS: dict[int, tuple[str, str]] = {
    1: (
        "reqMktData",
        "version reqId "
        + CONTRACT
        + "@legs @deltaNeutralContract genericTicks snapshot regulatory>=114 options",
    ),
    2: ("cancelMktData", "version reqId"),
    3: ("placeOrder", PLACE_ORDER),
    4: ("cancelOrder", "version orderId manualCancelOrderTime>=169"),
    5: ("reqOpenOrders", "version"),
    6: ("reqAccountUpdates", "version subscribe account"),
    7: ("reqExecutions", "version reqId clientId account time symbol secType exchange side"),
    8: ("reqIds", "version count"),
    9: (
        "reqContractDetails",
        "version reqId " + CONTRACT + "includeExpired secIdType secId issuerId>=176",
    ),
    14: ("setServerLogLevel", "version level"),
    15: ("reqAutoOpenOrders", "version autoBind"),
    16: ("reqAllOpenOrders", "version"),
    17: ("reqManagedAccts", "version"),
    18: ("requestFA", "version kind"),
    20: (
        "reqHistoricalData",
        "version<124 reqId "
        + CONTRACT
        + "includeExpired endDateTime barSize duration useRTH whatToShow formatDate @legs "
        "keepUpToDate>=124 options",
    ),
    21: (
        "exerciseOptions",
        "version reqId conId symbol secType lastTradeDate strike right multiplier exchange currency "
        "localSymbol tradingClass exerciseAction exerciseQuantity account override",
    ),
    25: ("cancelHistoricalData", "version reqId"),
    49: ("reqCurrentTime", "version"),
    50: ("reqRealTimeBars", "version reqId " + CONTRACT + "barSize whatToShow useRTH options"),
    51: ("cancelRealTimeBars", "version reqId"),
    52: ("reqFundamentalData", "version reqId @rest"),
    53: ("cancelFundamentalData", "version reqId"),
    58: ("reqGlobalCancel", "version"),
    59: ("reqMarketDataType", "version marketDataType"),
    61: ("reqPositions", "version"),
    62: ("reqAccountSummary", "version reqId group tags"),
    63: ("cancelAccountSummary", "version reqId"),
    64: ("cancelPositions", "version"),
    71: ("startApi", "version clientId optionalCapabilities"),
    74: ("reqPositionsMulti", "version reqId account modelCode"),
    75: ("cancelPositionsMulti", "version reqId"),
    76: ("reqAccountUpdatesMulti", "version reqId account modelCode ledgerAndNLV"),
    77: ("cancelAccountUpdatesMulti", "version reqId"),
    78: ("reqSecDefOptParams", "reqId underlyingSymbol futFopExchange underlyingSecType underlyingConId"),
    80: ("reqFamilyCodes", ""),
    81: ("reqMatchingSymbols", "reqId pattern"),
    82: ("reqMktDepthExchanges", ""),
    85: ("reqNewsProviders", ""),
    87: ("reqHeadTimestamp", "reqId " + CONTRACT + "includeExpired useRTH whatToShow formatDate"),
    90: ("cancelHeadTimestamp", "reqId"),
    91: ("reqMarketRule", "marketRuleId"),
    92: ("reqPnL", "reqId account modelCode"),
    93: ("cancelPnL", "reqId"),
    94: ("reqPnLSingle", "reqId account modelCode conId"),
    95: ("cancelPnLSingle", "reqId"),
    97: ("reqTickByTickData", "reqId " + CONTRACT + "tickType numberOfTicks>=140 ignoreSize>=140"),
    98: ("cancelTickByTickData", "reqId"),
    99: ("reqCompletedOrders", "apiOnly"),
    104: ("reqUserInfo", "reqId"),
}

# How many fields a condition of an order has after its kind: the conjunction, then what it looks at.
_CONDITION_FIELDS = {"1": 6, "3": 3, "4": 3, "5": 4, "6": 5, "7": 5}


def _order_legs(reader: Reader, values: Values) -> None:
    if values.text("secType") == "BAG":
        values.groups["legs"] = reader.rows(8)
        values.groups["legPrices"] = reader.rows(1)
        values.groups["routing"] = reader.rows(2)


def _legs(reader: Reader, values: Values) -> None:
    if values.text("secType") == "BAG":
        values.groups["legs"] = reader.rows(4)


def _conditions(reader: Reader, values: Values) -> None:
    rows = []
    for _ in range(layouts.whole(reader.next())):
        kind = reader.next()
        width = _CONDITION_FIELDS.get(kind)
        if width is None:
            raise ProtocolError(f"unknown kind of condition {kind!r}")
        rows.append((kind, *(reader.next() for _ in range(width))))
    if rows:
        values.groups["conditions"] = rows
        values.fields["conditionsIgnoreRth"] = reader.next()
        values.fields["conditionsCancelOrder"] = reader.next()


def _peg_offsets(reader: Reader, values: Values) -> None:
    kind = values.text("orderType").replace(" ", "")
    offsets = kind == "PEGMID"
    if values.text("exchange") == "IBKRATS":
        values.fields["minTradeQty"] = reader.next()
    if kind == "PEGBEST":
        values.fields["minCompeteSize"] = reader.next()
        values.fields["competeAgainstBestOffset"] = reader.next()
        offsets = values.fields["competeAgainstBestOffset"] in ("Infinite", "Infinity")
    if offsets:
        values.fields["midOffsetAtWhole"] = reader.next()
        values.fields["midOffsetAtHalf"] = reader.next()


def _scale(reader: Reader, values: Values) -> None:
    increment = values.text("scalePriceIncrement")
    if increment and float(increment) > 0:
        values.groups["scale"] = [tuple(reader.next() for _ in range(7))]


def _when(name: str, width: int) -> layouts.GroupReader:
    """Return the reader of fields that follow only where a field says something."""

    def read(reader: Reader, values: Values) -> None:
        if values.text(name):
            values.groups[name] = [tuple(reader.next() for _ in range(width))]

    return read


def _algo(reader: Reader, values: Values) -> None:
    if values.text("algoStrategy"):
        values.groups["algo"] = reader.rows(2)


def _delta_neutral_contract(reader: Reader, values: Values) -> None:
    if reader.next() in ("1", "true", "True"):
        values.groups["deltaNeutralContract"] = [tuple(reader.next() for _ in range(3))]


def _peg_bench(reader: Reader, values: Values) -> None:
    if values.text("orderType").replace(" ", "") == "PEGBENCH":
        values.groups["pegBench"] = [tuple(reader.next() for _ in range(5))]


def _rest(reader: Reader, values: Values) -> None:
    values.groups["rest"] = [tuple(reader.next() for _ in range(reader.left))]


GROUPS: dict[str, layouts.GroupReader] = {
    "orderLegs": _order_legs,
    "legs": _legs,
    "deltaNeutralOrder": _when("deltaNeutralOrderType", 8),
    "scale": _scale,
    "hedge": _when("hedgeType", 1),
    "deltaNeutralContract": _delta_neutral_contract,
    "algo": _algo,
    "pegBench": _peg_bench,
    "conditions": _conditions,
    "pegOffsets": _peg_offsets,
    "rest": _rest,
}


@dataclass(frozen=True, slots=True)
class Request:
    """One request of a client. A request that the peer does not know has the name `unknown`."""

    number: int
    name: str
    values: Values

    @property
    def request_id(self) -> int:
        """The number under which answers are expected, -1 where the request has none."""
        for name in ("reqId", "orderId"):
            if name in self.values.fields:
                return self.values.whole(name)
        return -1


def parsed(fields: list[str], version: int) -> Request:
    """Return a request. Raises ProtocolError for one that does not fit its layout to the last field."""
    number = layouts.whole(fields[0]) if fields else 0
    known = REQUESTS.get(number)
    if known is None:
        return Request(number, "unknown", Values({}, {}))
    name, layout = known
    reader = Reader(fields[1:], version)
    values = layouts.read(layout, reader, GROUPS)
    if reader.left:
        raise ProtocolError(f"{name} has {reader.left} fields too many at version {version}")
    return Request(number, name, values)
