"""What an algorithm asks for, and the answers it can get at once.

Source of the codes and their order: LEAN's Common/Orders/OrderResponseErrorCode.cs and PreOrderChecks.
"""

from __future__ import annotations

from decimal import Decimal
from enum import IntEnum
from typing import Final

import msgspec

from livetrader_engine.orders.messages import UNPROCESSED as UNPROCESSED_TEXT
from livetrader_engine.orders.order import (
    GOOD_TIL_CANCELED,
    OrderChange,
    OrderId,
    OrderType,
    PropertyValue,
    TimeInForce,
)
from livetrader_engine.symbols import Symbol

NO_ORDER: Final = OrderId(-10)  # number of requests that were refused before they became orders; LEAN's


class OrderRequest(msgspec.Struct, frozen=True, gc=False):
    """An order as the algorithm wishes it; it has no number yet. Quantity is signed.

    `synchronous`: a market order waits for its fill before `submit` returns. `properties` are the brokerage's
    own instructions, by name.
    """

    symbol: Symbol
    type: OrderType
    quantity: Decimal
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trigger_price: Decimal | None = None
    trailing_amount: Decimal | None = None
    trailing_as_percentage: bool = False
    time_in_force: TimeInForce = GOOD_TIL_CANCELED
    outside_regular_hours: bool = False
    tag: str = ""
    synchronous: bool = True
    properties: tuple[tuple[str, PropertyValue], ...] = ()


class ResponseCode(IntEnum):
    """Why a request was refused; values as in LEAN."""

    NONE = 0
    PROCESSING_ERROR = -1
    ORDER_ALREADY_EXISTS = -2
    INSUFFICIENT_BUYING_POWER = -3
    BROKERAGE_MODEL_REFUSED_TO_SUBMIT_ORDER = -4
    BROKERAGE_FAILED_TO_SUBMIT_ORDER = -5
    BROKERAGE_FAILED_TO_UPDATE_ORDER = -6
    BROKERAGE_HANDLER_REFUSED_TO_UPDATE_ORDER = -7
    BROKERAGE_FAILED_TO_CANCEL_ORDER = -8
    INVALID_ORDER_STATUS = -9
    UNABLE_TO_FIND_ORDER = -10
    ORDER_QUANTITY_ZERO = -11
    UNSUPPORTED_REQUEST_TYPE = -12
    PRE_ORDER_CHECKS_ERROR = -13
    MISSING_SECURITY = -14
    EXCHANGE_NOT_OPEN = -15
    SECURITY_PRICE_ZERO = -16
    FOREX_BASE_AND_QUOTE_CURRENCIES_REQUIRED = -17
    FOREX_CONVERSION_RATE_ZERO = -18
    SECURITY_HAS_NO_DATA = -19
    EXCEEDED_MAXIMUM_ORDERS = -20
    MARKET_ON_CLOSE_ORDER_TOO_LATE = -21
    INVALID_REQUEST = -22
    REQUEST_CANCELED = -23
    ALGORITHM_WARMING_UP = -24
    BROKERAGE_MODEL_REFUSED_TO_UPDATE_ORDER = -25
    QUOTE_CURRENCY_REQUIRED = -26
    CONVERSION_RATE_ZERO = -27
    NON_TRADABLE_SECURITY = -28
    NON_EXERCISABLE_SECURITY = -29
    ORDER_QUANTITY_LESS_THAN_LOT_SIZE = -30
    EXCEEDS_SHORTABLE_QUANTITY = -31
    INVALID_NEW_ORDER_STATUS = -32
    EUROPEAN_OPTION_NOT_EXPIRED_ON_EXERCISE = -33
    OPTION_ORDER_ON_STOCK_SPLIT = -34
    MARKET_ON_OPEN_NOT_ALLOWED_DURING_REGULAR_HOURS = -35


class Response(msgspec.Struct, frozen=True, gc=False):
    """The immediate answer to a request. `code` is NONE where it was accepted; then news are events."""

    code: ResponseCode = ResponseCode.NONE
    message: str = ""
    order_id: OrderId = OrderId(0)

    @property
    def accepted(self) -> bool:
        """Whether the request went on its way."""
        return self.code is _NONE


_NONE: Final = ResponseCode.NONE
ACCEPTED: Final = Response()
UNPROCESSED: Final = Response(message=UNPROCESSED_TEXT, order_id=OrderId(-(2**31)))


class RequestStatus(IntEnum):
    """How far a request has come; values as in LEAN."""

    UNPROCESSED = 0
    PROCESSING = 1
    PROCESSED = 2
    ERROR = 3


_UNPROCESSED: Final = RequestStatus.UNPROCESSED


class Asked:
    """One request about an order and the newest answer to it. Owned by the order's record.

    A submission has a `request`, an update a `change`, a cancel neither. `tag` is None where the algorithm
    gave none.
    """

    __slots__ = ("change", "order_id", "request", "response", "status", "tag", "time_ns")

    def __init__(
        self,
        time_ns: int,
        order_id: OrderId,
        tag: str | None,
        *,
        request: OrderRequest | None = None,
        change: OrderChange | None = None,
    ) -> None:
        self.time_ns = time_ns
        self.order_id = order_id
        self.tag = tag
        self.request = request
        self.change = change
        self.response = UNPROCESSED
        self.status: RequestStatus = _UNPROCESSED

    def answer(self, response: Response, status: RequestStatus) -> Response:
        """Take the answer down and return it; a refusal is an error whatever `status` says."""
        self.response = response
        self.status = status if response.code is _NONE else RequestStatus.ERROR
        return response
