"""LEAN's static helpers that algorithms call by class: Extensions, Currencies, Market, TimeZones."""

from __future__ import annotations

import hashlib
import math
import sys
from datetime import date, datetime, timedelta, tzinfo
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from fractions import Fraction
from pathlib import PurePath
from typing import Any, Final
from zoneinfo import ZoneInfo

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.money import from_float
from livetrader_engine.statistics.results import CURRENCY_SIGNS
from livetrader_engine.symbols import MARKET_NUMBERS, SecurityType
from livetrader_engine.wire import writable
from livetrader_lean.enums import OrderDirection, OrderStatus, OrderType, Resolution, TickType
from livetrader_lean.names import Twins

_SATURDAY: Final = 5
_TICK: Final = timedelta(microseconds=1)
_OPTIONS: Final = frozenset({SecurityType.OPTION, SecurityType.FUTURE_OPTION, SecurityType.INDEX_OPTION})
_SPANS: Final = {
    Resolution.TICK: timedelta(), Resolution.SECOND: timedelta(seconds=1),
    Resolution.MINUTE: timedelta(minutes=1), Resolution.HOUR: timedelta(hours=1),
    Resolution.DAILY: timedelta(days=1),
}  # fmt: skip


class Market(Twins):
    """LEAN's names of markets."""

    USA = "usa"
    OANDA = "oanda"
    FXCM = "fxcm"
    DUKASCOPY = "dukascopy"
    BITFINEX = "bitfinex"
    GLOBEX = "cmeglobex"
    NYMEX = "nymex"
    CBOT = "cbot"
    ICE = "ice"
    CBOE = "cboe"
    CFE = "cfe"
    INDIA = "india"
    COMEX = "comex"
    CME = "cme"
    EUREX = "eurex"
    SGX = "sgx"
    HKFE = "hkfe"
    OSE = "ose"
    NYSELIFFE = "nyseliffe"
    GDAX = "coinbase"
    KRAKEN = "kraken"
    BITSTAMP = "bitstamp"
    BINANCE = "binance"
    BINANCE_US = "binanceus"
    BYBIT = "bybit"
    COINBASE = "coinbase"
    FTX = "ftx"
    FTXUS = "ftxus"
    INTERACTIVE_BROKERS = "interactivebrokers"
    DYDX = "dydx"
    KRX = "krx"

    @staticmethod
    def encode(market: str) -> int | None:
        """Return LEAN's number of a market, None for one that is not known."""
        return MARKET_NUMBERS.get(market.lower())


class TimeZones(Twins):
    """Names of time zones, for `set_time_zone` and the schedule."""

    NEW_YORK = EASTERN_STANDARD = "America/New_York"
    CHICAGO = "America/Chicago"
    DENVER = "America/Denver"
    LOS_ANGELES = "America/Los_Angeles"
    PHOENIX = "America/Phoenix"
    TORONTO = "America/Toronto"
    VANCOUVER = "America/Vancouver"
    MEXICO_CITY = "America/Mexico_City"
    SAO_PAULO = "America/Sao_Paulo"
    LONDON = "Europe/London"
    DUBLIN = "Europe/Dublin"
    PARIS = "Europe/Paris"
    AMSTERDAM = "Europe/Amsterdam"
    BERLIN = "Europe/Berlin"
    ZURICH = "Europe/Zurich"
    MADRID = "Europe/Madrid"
    ROME = "Europe/Rome"
    ATHENS = "Europe/Athens"
    HELSINKI = "Europe/Helsinki"
    MOSCOW = "Europe/Moscow"
    ISTANBUL = "Europe/Istanbul"
    JERUSALEM = "Asia/Jerusalem"
    CAIRO = "Africa/Cairo"
    JOHANNESBURG = "Africa/Johannesburg"
    DUBAI = "Asia/Dubai"
    KOLKATA = "Asia/Kolkata"
    SHANGHAI = "Asia/Shanghai"
    HONG_KONG = "Asia/Hong_Kong"
    TOKYO = "Asia/Tokyo"
    SEOUL = "Asia/Seoul"
    SYDNEY = "Australia/Sydney"
    MELBOURNE = "Australia/Melbourne"
    AUCKLAND = "Pacific/Auckland"
    HONOLULU = "Pacific/Honolulu"
    UTC = "UTC"


class Currencies(Twins):
    """Codes of currencies."""

    USD = "USD"
    EUR = "EUR"
    GBP = "GBP"
    JPY = "JPY"
    CHF = "CHF"
    AUD = "AUD"
    CAD = "CAD"
    NZD = "NZD"
    HKD = "HKD"
    CNH = "CNH"
    INR = "INR"
    IDR = "IDR"
    KRW = "KRW"
    MXN = "MXN"
    NOK = "NOK"
    SEK = "SEK"
    SGD = "SGD"
    ZAR = "ZAR"
    NULL_CURRENCY = "QCC"

    @staticmethod
    def get_currency_symbol(currency: str) -> str:
        """Return the sign of a currency, its code where it has none."""
        return CURRENCY_SIGNS.get(currency.upper(), currency)


class OrderExtensions(Twins):
    """Questions about states and types of orders. Source: LEAN's Common/Orders/OrderExtensions.cs."""

    @staticmethod
    def is_closed(status: int) -> bool:
        """Return whether nothing more can happen to an order in this state."""
        return status in (OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.INVALID)

    @staticmethod
    def is_open(status: int) -> bool:
        """Return whether an order in this state is still at work."""
        return not OrderExtensions.is_closed(status)

    @staticmethod
    def is_fill(status: int) -> bool:
        """Return whether the state says that something was filled."""
        return status in (OrderStatus.FILLED, OrderStatus.PARTIALLY_FILLED)

    @staticmethod
    def is_limit_order(order_type: int) -> bool:
        """Return whether orders of this type have a limit price."""
        return order_type in (OrderType.LIMIT, OrderType.STOP_LIMIT, OrderType.LIMIT_IF_TOUCHED)

    @staticmethod
    def is_stop_order(order_type: int) -> bool:
        """Return whether orders of this type have a stop price."""
        return order_type in (OrderType.STOP_MARKET, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP)


class _TimeExtensions(Twins):
    """Moves times between zones, and rounds them."""

    @staticmethod
    def to_time_span(resolution: int) -> timedelta:
        """Return the length of a bar of this resolution."""
        return _SPANS[Resolution(int(resolution))]

    @staticmethod
    def to_higher_resolution_equivalent(span: timedelta, require_exact_match: bool) -> int:
        """Return the longest resolution that a span is no shorter than, or that it is exactly."""
        for resolution in sorted(_SPANS, reverse=True):
            if span == _SPANS[resolution] or (span > _SPANS[resolution] and not require_exact_match):
                return resolution
        raise AlgorithmError(f"{span} is the length of no resolution")

    @staticmethod
    def convert_from_utc(time: datetime, time_zone: Any) -> datetime:
        """Return the local time of a UTC time."""
        return _moved(time, ZoneInfo("UTC"), _zone(time_zone))

    @staticmethod
    def convert_to_utc(time: datetime, time_zone: Any, strict: bool = False) -> datetime:
        """Return the UTC time of a local time."""
        return _moved(time, _zone(time_zone), ZoneInfo("UTC"))

    @staticmethod
    def convert_to(time: datetime, source: Any, destination: Any, strict: bool = False) -> datetime:
        """Return what a local time is in another zone."""
        return _moved(time, _zone(source), _zone(destination))

    @staticmethod
    def round_down(time: datetime, interval: timedelta) -> datetime:
        """Return the start of the interval that a time is in, counted from year 1."""
        if not interval:
            return time
        return time - (time - datetime.min) % interval  # noqa: DTZ901

    @staticmethod
    def round_up(time: datetime, interval: timedelta) -> datetime:
        """Return the end of the interval that a time is in, the time itself where one begins there."""
        if not interval:
            return time
        return time + (datetime.min - time) % interval  # noqa: DTZ901

    @staticmethod
    def round(time: Any, interval: timedelta, *mode: Any) -> Any:
        """Return the nearest multiple of an interval, halves to the even one; of a time or of a span."""
        if not interval:
            return time
        span = time - datetime.min if isinstance(time, datetime) else time  # noqa: DTZ901
        rounded = interval * round(Fraction(span // _TICK, interval // _TICK))
        return datetime.min + rounded if isinstance(time, datetime) else rounded  # noqa: DTZ901

    @staticmethod
    def round_down_in_time_zone(time: datetime, interval: timedelta, source: Any, rounding: Any) -> datetime:
        """Return the start of the interval that a time is in by the clock of another zone."""
        there = Extensions.convert_to(time, source, rounding)
        return Extensions.convert_to(Extensions.round_down(there, interval), rounding, source)

    @staticmethod
    def exchange_round_down(time: datetime, interval: timedelta, hours: Any, extended: bool) -> datetime:
        """Return the start of the newest interval up to a time in which the exchange trades."""
        while True:
            time = Extensions.round_down(time, interval)
            if hours.is_open(time, time + interval, extended):
                return time
            time -= _TICK


class Extensions(_TimeExtensions):
    """The extension methods of LEAN that algorithms call by name."""

    @staticmethod
    def to_python(value: object) -> object:
        """Return the value: nothing needs converting here."""
        return value

    @staticmethod
    def round_to_significant_digits(value: float, digits: int) -> float:
        """Return the value with so many digits, halves to the even one."""
        if not value:
            return 0.0
        exact = from_float(float(value))
        scale = Decimal(10) ** (math.floor(math.log10(abs(exact))) + 1)
        return float(scale * round(exact / scale, digits))

    @staticmethod
    def smart_rounding(value: float) -> float:
        """Return the value with seven digits, or four places above a thousand."""
        if value > 1000:
            return float(round(from_float(float(value)), 4))
        return Extensions.round_to_significant_digits(value, 7)

    @staticmethod
    def normalize(value: float) -> float:
        """Return the value: a float has no zeros behind it."""
        return value

    @staticmethod
    def is_option(security_type: int) -> bool:
        """Return whether a security type is that of an option."""
        return int(security_type) in _OPTIONS

    @staticmethod
    def tick_type_to_lower(tick_type: int) -> str:
        """Return the name of a tick type, lower case."""
        return str(TickType(int(tick_type))).lower()

    @staticmethod
    def discretely_round_by(value: float, quanta: float, *mode: Any) -> float:
        """Return the nearest multiple of `quanta`, halves away from zero."""
        if not quanta:
            return value
        step = from_float(float(quanta))
        count = (from_float(float(value)) / step).to_integral_value(rounding=ROUND_HALF_UP)
        return float(count * step)

    @staticmethod
    def truncate_to3_decimal_places(value: float) -> float:
        """Return the value cut after three places."""
        return float(from_float(float(value)).quantize(Decimal("0.001"), rounding=ROUND_DOWN))

    @staticmethod
    def is_common_business_day(date: date) -> bool:
        """Return whether a date is none of a weekend."""
        return date.weekday() < _SATURDAY

    @staticmethod
    def greatest_common_divisor(values: Any) -> int:
        """Return what divides all of some whole numbers."""
        return math.gcd(*(int(value) for value in values))

    @staticmethod
    def safe_division(numerator: float, denominator: float, fail_value: float = 0) -> float:
        """Return a quotient, `fail_value` where there is none."""
        return numerator / denominator if denominator else fail_value

    @staticmethod
    def is_na_n_or_zero(value: float) -> bool:
        """Return whether a number is zero or none at all."""
        return math.isnan(value) or abs(value) < sys.float_info.epsilon

    @staticmethod
    def to_decimal(text: str) -> float:
        """Return the number that a text tells."""
        return float(text)

    @staticmethod
    def to_lower(member: Any) -> str:
        """Return the name of an enumeration's member, lower case."""
        return str(member).lower()

    security_type_to_lower = resolution_to_lower = to_lower

    @staticmethod
    def get_order_direction(quantity: float) -> int:
        """Return the side of a signed quantity."""
        return OrderDirection.HOLD if not quantity else OrderDirection(int(quantity < 0))

    @staticmethod
    def to_order_ticket(order: Any, transaction_manager: Any) -> Any:
        """Return the ticket of an order."""
        return transaction_manager.get_order_ticket(order.id)

    @staticmethod
    def get_extension(text: str) -> str:
        """Return the ending of a file's name, with its dot."""
        return PurePath(text).suffix

    @staticmethod
    def to_md5(text: str) -> str:
        """Return the MD5 of a text in hexadecimal."""
        return hashlib.md5(writable(text).encode(), usedforsecurity=False).hexdigest()

    @staticmethod
    def to_sha256(data: str) -> str:
        """Return the SHA-256 of a text in hexadecimal."""
        return hashlib.sha256(writable(data).encode()).hexdigest()

    # -- LEAN's OrderExtensions come under this name too ---------------------------------------------

    is_fill = OrderExtensions.is_fill
    is_closed = OrderExtensions.is_closed
    is_limit_order = OrderExtensions.is_limit_order
    is_stop_order = OrderExtensions.is_stop_order

    @staticmethod
    def is_open(value: Any, extended_market_hours: bool = False) -> bool:
        """Return whether a security trades now, or an order in this state is still at work."""
        if isinstance(value, OrderStatus):
            return OrderExtensions.is_open(value)
        return bool(value.exchange.hours.is_open(value.local_time, extended_market_hours))

    is_market_open = is_open


def _zone(zone: Any) -> tzinfo:
    return zone if isinstance(zone, tzinfo) else ZoneInfo(str(zone))


def _moved(time: datetime, source: tzinfo, destination: tzinfo) -> datetime:
    return time.replace(tzinfo=source).astimezone(destination).replace(tzinfo=None)
