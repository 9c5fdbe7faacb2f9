"""What TWS says: every message with its number, its name and its fields at a server version.

Names are those that the API's wrapper functions have, so that a fault can name a message as its users know
it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from livetrader_venues.tws.contracts import Contract
from livetrader_venues.tws.layouts import write
from livetrader_venues.tws.ledger import Position
from livetrader_venues.tws.orders import Order
from livetrader_venues.tws.tape import Execution
from livetrader_venues.tws.wire import encode

UNSET_DOUBLE = "1.7976931348623157E308"
NANOSECONDS = 1_000_000_000

NUMBERS = {
    "tickPrice": 1,
    "tickSize": 2,
    "orderStatus": 3,
    "error": 4,
    "openOrder": 5,
    "updateAccountValue": 6,
    "updatePortfolio": 7,
    "updateAccountTime": 8,
    "nextValidId": 9,
    "contractDetails": 10,
    "execDetails": 11,
    "managedAccounts": 15,
    "receiveFA": 16,
    "historicalData": 17,
    "tickString": 46,
    "currentTime": 49,
    "realtimeBar": 50,
    "contractDetailsEnd": 52,
    "openOrderEnd": 53,
    "accountDownloadEnd": 54,
    "execDetailsEnd": 55,
    "tickSnapshotEnd": 57,
    "marketDataType": 58,
    "commissionReport": 59,
    "position": 61,
    "positionEnd": 62,
    "accountSummary": 63,
    "accountSummaryEnd": 64,
    "positionMulti": 71,
    "positionMultiEnd": 72,
    "accountUpdateMulti": 73,
    "accountUpdateMultiEnd": 74,
    "securityDefinitionOptionParameter": 75,
    "securityDefinitionOptionParameterEnd": 76,
    "familyCodes": 78,
    "symbolSamples": 79,
    "mktDepthExchanges": 80,
    "tickReqParams": 81,
    "newsProviders": 85,
    "headTimestamp": 88,
    "historicalDataUpdate": 90,
    "marketRule": 93,
    "pnl": 94,
    "pnlSingle": 95,
    "tickByTick": 99,
    "orderBound": 100,
    "completedOrder": 101,
    "completedOrdersEnd": 102,
    "userInfo": 107,
}


@dataclass(frozen=True, slots=True)
class Reply:
    """One message to a client."""

    name: str
    fields: tuple[object, ...]

    def to_bytes(self) -> bytes:
        """Return its frame."""
        return encode([NUMBERS[self.name], *self.fields])


def reply(name: str, *fields: object) -> Reply:
    """Return a message whose fields are the same at every version."""
    return Reply(name, fields)


def local_time(now_ns: int, version: int) -> str:
    """Return an instant as TWS writes it: with its zone since version 174, before that in TWS's own, UTC
    here.
    """
    moment = datetime.fromtimestamp(now_ns // NANOSECONDS, UTC)
    return f"{moment:%Y%m%d %H:%M:%S} UTC" if version >= 174 else f"{moment:%Y%m%d  %H:%M:%S}"


def error(version: int, request_id: int, code: int, text: str, advanced: str = "") -> Reply:
    """Return an error, a warning or news; `request_id` is -1 where it is about no request."""
    extra = (advanced,) if version >= 166 else ()
    return Reply("error", (2, request_id, code, text, *extra))


def order_status(version: int, order: Order) -> Reply:
    """Return the state of an order."""
    head = (6,) if version < 131 else ()
    tail = ("0",) if version >= 131 else ()
    return Reply(
        "orderStatus",
        (
            *head,
            order.order_id,
            order.status.value,
            plain(order.filled),
            plain(order.remaining),
            price(order.average_price),
            order.perm_id,
            order.terms.parent_id,
            price(order.last_fill_price),
            order.client_id,
            order.why_held if order.why_held != "child" else "",
            *tail,
        ),
    )


def _short(contract: Contract, exchange: str) -> tuple[object, ...]:
    return (
        contract.con_id,
        contract.symbol,
        contract.security_type,
        contract.last_trade_date,
        plain(contract.strike),
        contract.right,
        contract.multiplier,
        exchange,
        contract.currency,
        contract.local_symbol,
        contract.trading_class,
    )


def execution(version: int, request_id: int, done: Execution) -> Reply:
    """Return a trade; `request_id` is -1 for news and the request's where it was asked for."""
    head = (10,) if version < 136 else ()
    model = ("",) if version >= 103 else ()
    liquidity = (2,) if version >= 136 else ()
    pending = (False,) if version >= 178 else ()
    contract = done.contract
    return Reply(
        "execDetails",
        (
            *head,
            request_id,
            done.order_id,
            *_short(contract, contract.primary_exchange or contract.exchange),
            done.exec_id,
            local_time(done.time_ns, version),
            done.account,
            contract.primary_exchange or contract.exchange,
            done.side,
            plain(done.quantity),
            price(done.price),
            done.perm_id,
            done.client_id,
            0,
            plain(done.cumulative),
            price(done.average),
            done.order_ref,
            "",
            "",
            *model,
            *liquidity,
            *pending,
        ),
    )


def commission_report(done: Execution) -> Reply:
    """Return what a trade cost; a trade that opens has no realized profit."""
    realized = UNSET_DOUBLE if done.realized is None else plain(done.realized)
    fields = (1, done.exec_id, plain(done.commission), done.contract.currency, realized, UNSET_DOUBLE, "")
    return Reply("commissionReport", fields)


def position(account: str, held: Position) -> Reply:
    """Return a position as reqPositions tells it: average cost with the multiplier in it."""
    return Reply(
        "position",
        (3, account, *_short(held.contract, ""), plain(held.quantity), plain(held.average_cost)),
    )


def position_multi(request_id: int, account: str, held: Position) -> Reply:
    """Return a position as reqPositionsMulti tells it."""
    fields = (*_short(held.contract, ""), plain(held.quantity), plain(held.average_cost), "")
    return Reply("positionMulti", (1, request_id, account, *fields))


def portfolio(account: str, held: Position, last: Decimal) -> Reply:
    """Return a position as account updates tell it, with its value."""
    contract = held.contract
    value = held.quantity * last * contract.factor
    gain = held.quantity * (last - held.average_price) * contract.factor
    fields = _short(contract, contract.primary_exchange or contract.exchange)
    numbers = (last, value, held.average_cost, gain, held.realized)
    return Reply(
        "updatePortfolio", (8, *fields, plain(held.quantity), *(plain(number) for number in numbers), account)
    )


# From version 164 on the message has no version of its own; the size fields changed at 164, too.
CONTRACT_DETAILS = (
    "version<164 reqId symbol secType lastTradeDate strike right exchange currency localSymbol marketName "
    "tradingClass conId minTick mdSizeMultiplier>=110 multiplier orderTypes validExchanges priceMagnifier "
    "underConId longName primaryExchange contractMonth industry category subcategory timeZoneId tradingHours "
    "liquidHours evRule evMultiplier secIdCount aggGroup>=121 underSymbol>=122 underSecType>=122 "
    "marketRuleIds>=126 realExpirationDate>=134 stockType>=152 suggestedSizeIncrement>=163 "
)
ORDER_TYPES = (
    "ACTIVETIM,ADJUST,DAY,GTC,GTD,FOK,IOC,LIT,LMT,LOC,MIT,MKT,MOC,OPG,STP,STPLMT,TRAIL,TRAILLMT,WHATIF"
)


def contract_details(version: int, request_id: int, contract: Contract, hours: str, under: str) -> Reply:
    """Return everything about a contract."""
    layout = CONTRACT_DETAILS
    if version >= 164:
        layout = layout.replace(" mdSizeMultiplier>=110", "").replace(
            "suggestedSizeIncrement>=163", "minSize sizeIncrement suggestedSizeIncrement"
        )
    values = {
        "version": 8,
        "reqId": request_id,
        "symbol": contract.symbol,
        "secType": contract.security_type,
        "lastTradeDate": contract.last_trade_date,
        "strike": plain(contract.strike),
        "right": contract.right,
        "exchange": contract.exchange,
        "currency": contract.currency,
        "localSymbol": contract.local_symbol,
        "marketName": contract.trading_class,
        "tradingClass": contract.trading_class,
        "conId": contract.con_id,
        "minTick": plain(contract.minimum_tick),
        "mdSizeMultiplier": 100 if contract.security_type == "STK" else 1,
        "multiplier": contract.multiplier,
        "orderTypes": ORDER_TYPES,
        "validExchanges": ",".join(
            dict.fromkeys(filter(None, (contract.exchange, contract.primary_exchange)))
        ),
        "priceMagnifier": 1,
        "underConId": contract.under_id,
        "longName": contract.long_name,
        "primaryExchange": contract.primary_exchange,
        "contractMonth": contract.last_trade_date[:6],
        "timeZoneId": contract.time_zone,
        "tradingHours": hours,
        "liquidHours": hours,
        "secIdCount": 0,
        "aggGroup": 1,
        "underSymbol": under,
        "underSecType": "STK" if contract.under_id else "",
        "marketRuleIds": 26 if contract.minimum_tick == Decimal("0.01") else 239,
        "realExpirationDate": contract.last_trade_date,
        "stockType": "COMMON" if contract.security_type == "STK" else "",
        "minSize": plain(contract.size_increment),
        "sizeIncrement": plain(contract.size_increment),
        "suggestedSizeIncrement": "100"
        if contract.security_type == "STK"
        else plain(contract.size_increment),
    }
    return Reply("contractDetails", tuple(write(layout, version, values, {})))


def plain(number: Decimal) -> str:
    """Return a number without an exponent."""
    return f"{number.normalize():f}" if number else "0"


def price(number: Decimal) -> str:
    """Return a price to eight decimals at most, as an average may have more."""
    return plain(round(number, 8))
