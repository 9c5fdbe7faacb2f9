"""LEAN's enums in both spellings. Those the core has are generated from the core's, values included."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import TypeVar, cast

from livetrader_engine import identifiers, symbols
from livetrader_engine.data import corporate_actions, subscription
from livetrader_engine.indicators import (
    averages,
    candlesticks,
    filters,
    option_pricing,
    pairs,
    pivots,
    sequential,
)
from livetrader_engine.orders import order, states
from livetrader_lean.names import TwinEnum

CoreEnum = TypeVar("CoreEnum", bound=IntEnum)


def _face(core: type[CoreEnum], name: str | None = None) -> type[CoreEnum]:
    # typed as the core's enum, whose members it has; it is its own class with both spellings
    make = cast("Callable[[str, dict[str, int]], type[CoreEnum]]", TwinEnum)
    made = make(name or core.__name__, {member.name: member.value for member in core})
    made.__module__ = __name__
    return made


Resolution = _face(symbols.Resolution)
SecurityType = _face(symbols.SecurityType)
TickType = _face(subscription.TickType)
DataNormalizationMode = _face(subscription.Normalization, "DataNormalizationMode")
OrderType = _face(order.OrderType)
OrderDirection = _face(order.OrderDirection)
OrderStatus = _face(states.OrderStatus)
MovingAverageType = _face(averages.MovingAverageType)
OptionPricingModelType = _face(option_pricing.OptionPricingModelType)
CorrelationType = _face(pairs.CorrelationType)
SwissArmyKnifeTool = _face(filters.SwissArmyKnifeTool)
PivotPointType = _face(pivots.PivotPointType)
TomDemarkSequentialPhase = _face(sequential.TomDemarkSequentialPhase)
CandleSettingType = _face(candlesticks.CandleSettingType)
CandleRangeType = _face(candlesticks.CandleRangeType)
DelistingType = _face(corporate_actions.DelistingKind, "DelistingType")
OptionRight = _face(identifiers.OptionRight)
OptionStyle = _face(identifiers.OptionStyle)


class SplitType(TwinEnum):
    """Whether a split is near or has happened."""

    WARNING = 0
    SPLIT_OCCURRED = 1


class CandleColor(TwinEnum):
    """Whether a candle closed no lower than it opened (white), or lower (black)."""

    WHITE = 1
    BLACK = -1


class AccountType(TwinEnum):
    """Kind of a brokerage account."""

    MARGIN = 0
    CASH = 1


class BrokerageName(TwinEnum):
    """Brokerage whose rules LEAN's models imitate."""

    DEFAULT = 0
    QUANT_CONNECT_BROKERAGE = 0
    INTERACTIVE_BROKERS_BROKERAGE = 1
    TRADIER_BROKERAGE = 2
    OANDA_BROKERAGE = 3
    FXCM_BROKERAGE = 4
    BITFINEX = 5
    BINANCE = 6
    GDAX = 12
    ALPACA = 13
    ALPHA_STREAMS = 14
    ZERODHA = 15
    SAMCO = 16
    ATREYU = 17
    TRADING_TECHNOLOGIES = 18
    KRAKEN = 19
    FTX = 20
    FTXUS = 21
    EXANTE = 22
    BINANCE_US = 23
    WOLVERINE = 24
    TD_AMERITRADE = 25
    BINANCE_FUTURES = 26
    BINANCE_COIN_FUTURES = 27
    RBI = 28
    BYBIT = 29
    EZE = 30
    AXOS = 31
    COINBASE = 32
    TRADE_STATION = 33
    TERMINAL_LINK = 34
    CHARLES_SCHWAB = 35
    TASTYTRADE = 36
    INTERACTIVE_BROKERS_FIX = 37
    DYDX = 38
    WEBULL = 39
    PUBLIC = 40
    BLOOMBERG_FIX = 41


class AlgorithmStatus(TwinEnum):
    """How a run stands."""

    DEPLOY_ERROR = 0
    IN_QUEUE = 1
    RUNNING = 2
    STOPPED = 3
    LIQUIDATED = 4
    DELETED = 5
    COMPLETED = 6
    RUNTIME_ERROR = 7
    INVALID = 8
    LOGGING_IN = 9
    INITIALIZING = 10
    HISTORY = 11
    PENDING_INPUT = 12
    IDLE = 13


class MarketDataType(TwinEnum):
    """Kind of a data point."""

    BASE = 0
    TRADE_BAR = 1
    TICK = 2
    AUXILIARY = 3
    QUOTE_BAR = 4
    OPTION_CHAIN = 5
    FUTURES_CHAIN = 6


class DataMappingMode(TwinEnum):
    """When a continuous future goes on to the next contract."""

    LAST_TRADING_DAY = 0
    FIRST_DAY_MONTH = 1
    OPEN_INTEREST = 2
    OPEN_INTEREST_ANNUAL = 3


class AlgorithmMode(TwinEnum):
    """What an algorithm runs as."""

    LIVE = 0
    OPTIMIZATION = 1
    BACKTESTING = 2
    RESEARCH = 3


class DeploymentTarget(TwinEnum):
    """Where an algorithm runs."""

    CLOUD_PLATFORM = 0
    LOCAL_PLATFORM = 1
    PRIVATE_CLOUD_PLATFORM = 2


class SettlementType(TwinEnum):
    """How a derivative is settled."""

    PHYSICAL_DELIVERY = 0
    CASH = 1


class BrokerageMessageType(TwinEnum):
    """What a brokerage has to say beside orders."""

    INFORMATION = 0
    WARNING = 1
    ERROR = 2
    RECONNECT = 3
    DISCONNECT = 4
    ACTION_REQUIRED = 5


class PositionSide(TwinEnum):
    """Which way a position goes."""

    SHORT = -1
    NONE = 0
    LONG = 1


class OrderRequestStatus(TwinEnum):
    """How a request about an order stands."""

    UNPROCESSED = 0
    PROCESSING = 1
    PROCESSED = 2
    ERROR = 3


class OrderRequestType(TwinEnum):
    """What a request about an order asks for."""

    SUBMIT = 0
    UPDATE = 1
    CANCEL = 2


class OrderResponseErrorCode(TwinEnum):
    """Why a request about an order was refused."""

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


class TradeDirection(TwinEnum):
    """Side of a closed trade."""

    LONG = 0
    SHORT = 1


class FillGroupingMethod(TwinEnum):
    """How fills become trades."""

    FILL_TO_FILL = 0
    FLAT_TO_FLAT = 1
    FLAT_TO_REDUCED = 2


class FillMatchingMethod(TwinEnum):
    """Which fill a closing fill belongs to."""

    FIFO = 0
    LIFO = 1


class MarketHoursState(TwinEnum):
    """What an exchange does in a segment of its day."""

    CLOSED = 0
    PRE_MARKET = 1
    MARKET = 2
    POST_MARKET = 3


class TradingDayType(TwinEnum):
    """What a date of a trading calendar is."""

    BUSINESS_DAY = 0
    PUBLIC_HOLIDAY = 1
    WEEKEND = 2
    OPTION_EXPIRATION = 3
    FUTURE_EXPIRATION = 4
    FUTURE_ROLL = 5
    SYMBOL_DELISTING = 6
    EQUITY_DIVIDENDS = 7


class DayOfWeek(TwinEnum):
    """Day of the week as .NET numbers them."""

    SUNDAY = 0
    MONDAY = 1
    TUESDAY = 2
    WEDNESDAY = 3
    THURSDAY = 4
    FRIDAY = 5
    SATURDAY = 6


class OrderField(TwinEnum):
    """Field of an order ticket that `ticket.get` reads."""

    LIMIT_PRICE = 0
    STOP_PRICE = 1
    TRIGGER_PRICE = 2
    TRAILING_AMOUNT = 3
    TRAILING_AS_PERCENTAGE = 4
    LIMIT_OFFSET = 5


class SeriesType(TwinEnum):
    """How a chart's series is drawn."""

    LINE = 0
    SCATTER = 1
    CANDLE = 2
    BAR = 3
    FLAG = 4
    STACKED_AREA = 5
    PIE = 6
    TREEMAP = 7
    HEATMAP = 9
    SCATTER3D = 10
