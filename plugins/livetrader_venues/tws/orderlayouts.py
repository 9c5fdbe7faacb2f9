"""How orders are told: openOrder and completedOrder, about 150 fields each.

Traps that clients fall into and real servers set: deltaNeutralOrderType is the word `None`, which drags
eight more fields behind it in openOrder and four in completedOrder; prices that an order does not have are
0.0; a field too few shifts all that follows and shows as a number that is none somewhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from livetrader_venues.tws.layouts import write
from livetrader_venues.tws.orders import Order, Status
from livetrader_venues.tws.replies import UNSET_DOUBLE, Reply, local_time, plain, price

_CONTRACT = (
    "conId symbol secType lastTradeDate strike right multiplier exchange currency localSymbol tradingClass "
)
_HEAD = "action totalQuantity orderType lmtPrice auxPrice tif ocaGroup account openClose origin orderRef "
_FINANCIAL_ADVISOR = "faGroup faMethod faPercentage faProfile<177 modelCode>=103 "
_SHORT_SALE = "goodTillDate rule80A percentOffset settlingFirm shortSaleSlot designatedLocation exemptCode "
_BOX = "startingPrice stockRefPrice delta stockRangeLower stockRangeUpper displaySize "
_VOLATILITY = "volatility volatilityType deltaNeutralOrderType deltaNeutralAuxPrice "
_LEGS = (
    "comboLegsDescrip @legs @legPrices @routing "
    "scaleInitLevelSize scaleSubsLevelSize scalePriceIncrement @scale "
)
_ALGO = "clearingAccount clearingIntent notHeld @deltaNeutralContract algoStrategy @algo solicited "
_OFFSETS = (
    "minTradeQty>=170 minCompeteSize>=170 competeAgainstBestOffset>=170 "
    "midOffsetAtWhole>=170 midOffsetAtHalf>=170"
)

OPEN_ORDER = (
    "version<145 orderId "
    + _CONTRACT
    + _HEAD
    + "clientId permId outsideRth hidden discretionaryAmt goodAfterTime sharesAllocation "
    + _FINANCIAL_ADVISOR
    + _SHORT_SALE
    + "auctionStrategy "
    + _BOX
    + "blockOrder sweepToFill allOrNone minQty ocaType eTradeOnly firmQuoteOnly nbboPriceCap "
    "parentId triggerMethod "
    + _VOLATILITY
    + "@deltaNeutralOrder continuousUpdate referencePriceType trailStopPrice trailingPercent basisPoints "
    "basisPointsType " + _LEGS + "hedgeType @hedge optOutSmartRouting " + _ALGO + "whatIf status "
    "initMarginBefore>=142 maintMarginBefore>=142 equityWithLoanBefore>=142 "
    "initMarginChange>=142 maintMarginChange>=142 equityWithLoanChange>=142 "
    "initMarginAfter maintMarginAfter equityWithLoanAfter "
    "commission minCommission maxCommission commissionCurrency warningText randomizeSize randomizePrice "
    "@pegBench>=102 @conditions>=102 adjustedOrderType>=102 triggerPrice>=102 trailStopPrice>=102 "
    "lmtPriceOffset>=102 adjustedStopPrice>=102 adjustedStopLimitPrice>=102 adjustedTrailingAmount>=102 "
    "adjustableTrailingUnit>=102 softDollarTierName>=106 softDollarTierValue>=106 softDollarTierShown>=106 "
    "cashQty>=111 dontUseAutoPriceForHedge>=141 isOmsContainer>=145 discretionaryUpToLimitPrice>=148 "
    "usePriceMgmtAlgo>=151 duration>=158 postToAts>=160 autoCancelParent>=162 " + _OFFSETS
)

COMPLETED_ORDER = (
    _CONTRACT
    + _HEAD
    + "permId outsideRth hidden discretionaryAmt goodAfterTime "
    + _FINANCIAL_ADVISOR
    + _SHORT_SALE
    + _BOX
    + "sweepToFill allOrNone minQty ocaType triggerMethod "
    + _VOLATILITY
    + "@deltaNeutralCompleted continuousUpdate referencePriceType trailStopPrice trailingPercent "
    + _LEGS
    + "hedgeType @hedge "
    + _ALGO
    + "status randomizeSize randomizePrice @pegBench @conditions trailStopPrice lmtPriceOffset "
    "cashQty dontUseAutoPriceForHedge isOmsContainer autoCancelDate filledQuantity "
    "refFuturesConId autoCancelParent "
    "shareholder imbalanceOnly routeMarketableToBbo parentPermId completedTime completedStatus " + _OFFSETS
)

# What TWS says where the client said nothing.
_DEFAULTS: Mapping[str, object] = {
    "version": 34,
    "openClose": "",
    "origin": 0,
    "outsideRth": 0,
    "hidden": 0,
    "discretionaryAmt": 0,
    "shortSaleSlot": 0,
    "exemptCode": -1,
    "auctionStrategy": 0,
    "blockOrder": 0,
    "sweepToFill": 0,
    "eTradeOnly": 0,
    "firmQuoteOnly": 0,
    "triggerMethod": 0,
    "volatilityType": 0,
    "deltaNeutralOrderType": "None",
    "continuousUpdate": 0,
    "referencePriceType": 0,
    "basisPoints": "",
    "optOutSmartRouting": 0,
    "clearingIntent": "IB",
    "notHeld": 0,
    "solicited": 0,
    "randomizeSize": 0,
    "randomizePrice": 0,
    "adjustedOrderType": "None",
    "adjustableTrailingUnit": 0,
    "dontUseAutoPriceForHedge": 0,
    "isOmsContainer": 0,
    "discretionaryUpToLimitPrice": 0,
    "usePriceMgmtAlgo": 0,
    "autoCancelParent": 0,
    "imbalanceOnly": 0,
    "routeMarketableToBbo": 0,
    "parentPermId": 0,
    "refFuturesConId": 0,
}
_COPIED = (
    "openClose",
    "origin",
    "outsideRth",
    "hidden",
    "discretionaryAmt",
    "goodAfterTime",
    "faGroup",
    "faMethod",
    "faPercentage",
    "modelCode",
    "goodTillDate",
    "triggerMethod",
    "displaySize",
    "minQty",
    "sweepToFill",
    "blockOrder",
    "optOutSmartRouting",
    "clearingAccount",
    "settlingFirm",
    "designatedLocation",
    "shortSaleSlot",
    "exemptCode",
    "solicited",
    "notHeld",
    "cashQty",
    "duration",
    "rule80A",
)


@dataclass(frozen=True, slots=True)
class Preview:
    """What a what-if order would do to an account."""

    before: tuple[Decimal, Decimal, Decimal]  # initial margin, maintenance margin, equity with loan
    after: tuple[Decimal, Decimal, Decimal]
    commission: Decimal


def _values(order: Order) -> dict[str, object]:
    """Return the fields that openOrder and completedOrder share."""
    contract, terms = order.contract, order.terms
    values: dict[str, object] = dict(_DEFAULTS)
    values |= {name: terms.said[name] for name in _COPIED if terms.said.get(name)}
    values |= {
        "conId": contract.con_id,
        "symbol": contract.symbol,
        "secType": contract.security_type,
        "lastTradeDate": contract.last_trade_date,
        "strike": plain(contract.strike),
        "right": contract.right or "?",
        "multiplier": contract.multiplier,
        "exchange": contract.exchange,
        "currency": contract.currency,
        "localSymbol": contract.local_symbol,
        "tradingClass": contract.trading_class,
        "action": terms.action,
        "totalQuantity": plain(terms.quantity),
        "orderType": terms.order_type,
        "lmtPrice": _or_zero(terms.limit_price),
        "auxPrice": _or_zero(terms.aux_price),
        "tif": terms.time_in_force,
        "ocaGroup": terms.oca_group,
        "ocaType": terms.oca_type,
        "account": terms.account,
        "orderRef": terms.order_ref,
        "permId": order.perm_id,
        "allOrNone": terms.all_or_none,
        "trailStopPrice": "" if order.stop_price is None else price(order.stop_price),
        "trailingPercent": "" if terms.trailing_percent is None else plain(terms.trailing_percent),
        "status": order.status.value,
    }
    return values


def _or_zero(number: Decimal | None) -> str:
    return "0.0" if number is None else plain(number)


def _groups(order: Order, delta_neutral: int) -> dict[str, Callable[[], list[object]]]:
    legs = [
        [con_id, ratio, action, exchange, 0, 0, "", -1]
        for con_id, ratio, action, exchange, *_ in order.terms.legs
    ]
    prices = order.terms.leg_prices
    none: Callable[[], list[object]] = list
    return {
        "legs": lambda: [len(legs), *(field for leg in legs for field in leg)],
        "legPrices": lambda: [len(prices), *("" if price is None else plain(price) for price in prices)],
        "routing": lambda: [0],
        "scale": none,
        "hedge": none,
        "deltaNeutralContract": lambda: [0],
        "algo": none,
        "pegBench": none,
        "conditions": lambda: [0],
        "deltaNeutralOrder": lambda: [0, "", "", "", "?", 0, 0, ""],
        "deltaNeutralCompleted": lambda: [0, 0, 0, ""][:delta_neutral],
    }


def open_order(version: int, order: Order, preview: Preview | None = None) -> Reply:
    """Return an order as a client sees it that owns it or asked for all; `preview` answers a what-if."""
    values = _values(order)
    values |= {
        "orderId": order.order_id,
        "clientId": order.client_id,
        "parentId": order.terms.parent_id,
        "whatIf": preview is not None,
    }
    names = ("initMargin", "maintMargin", "equityWithLoan")
    for name in names:
        values |= {f"{name}{when}": UNSET_DOUBLE for when in ("Before", "Change", "After")}
    if preview is not None:
        for name, before, after in zip(names, preview.before, preview.after, strict=True):
            values |= {
                f"{name}Before": plain(before),
                f"{name}Change": plain(after - before),
                f"{name}After": plain(after),
            }
        values |= {"commission": plain(preview.commission), "commissionCurrency": order.contract.currency}
    return Reply("openOrder", tuple(write(OPEN_ORDER, version, values, _groups(order, 0))))


def completed_order(version: int, order: Order) -> Reply:
    """Return an order that is over. It has no order id and no client id: permId and orderRef tell whose it
    is.
    """
    values = _values(order)
    moment = local_time(order.completed_ns, 174)
    values |= {
        "filledQuantity": plain(order.filled),
        "completedTime": moment,
        "completedStatus": order.completed_why,
        "totalQuantity": plain(order.terms.quantity if order.status is not Status.FILLED else Decimal(0)),
        "autoCancelDate": "",
        "shareholder": "Not an insider or substantial shareholder",
    }
    return Reply("completedOrder", tuple(write(COMPLETED_ORDER, version, values, _groups(order, 4))))
