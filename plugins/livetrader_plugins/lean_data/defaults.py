"""Hours and properties where the folder has no database: what LEAN's own says of whole markets.

Source: the `[*]` rows of LEAN's market-hours and symbol-properties databases. Holidays and early closes of US
markets come from exchange_calendars. A market that is not here has no default: guessing its hours would trade
at the wrong time, and guessing what a contract stands for would trade the wrong amount.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Final

from livetrader_engine.calendar.hours import ExchangeHours, Segment, always_open_hours, hours_from_lean
from livetrader_engine.calendar.sessions import hours_from_exchange_calendars
from livetrader_engine.securities import SecurityProperties
from livetrader_engine.symbols import NS_PER_MINUTE, SecurityType, Symbol

NEW_YORK: Final = "XNYS"
INDEX_LATER_NS: Final = (
    15 * NS_PER_MINUTE
)  # indices and their options go on after the shares below have closed
_INDEX: Final = frozenset({SecurityType.INDEX, SecurityType.INDEX_OPTION})
_CRYPTO: Final = frozenset({SecurityType.CRYPTO, SecurityType.CRYPTO_FUTURE})


def _market(start: str, end: str) -> Mapping[str, str]:
    return {"start": start, "end": end, "state": "market"}


_MIDNIGHT: Final = "1.00:00:00"
_FULL: Final = [_market("00:00:00", "16:58:00"), _market("17:03:00", _MIDNIGHT)]
_OANDA: Final = {
    "dataTimeZone": "UTC",
    "exchangeTimeZone": "America/New_York",
    "sunday": [_market("17:03:00", _MIDNIGHT)],
    **dict.fromkeys(("monday", "tuesday", "wednesday", "thursday"), _FULL),
    "friday": [_market("00:00:00", "16:58:00")],
    "saturday": [],
}


def default_hours(symbol: Symbol) -> ExchangeHours | None:
    """Return when a market trades, None where that is not known here."""
    kind = symbol.security_type
    if kind in _CRYPTO:
        return always_open_hours()
    if kind is SecurityType.FOREX and symbol.market == "oanda":
        return hours_from_lean(_OANDA)
    if symbol.market != "usa":
        return None
    if kind is SecurityType.EQUITY:
        return hours_from_exchange_calendars(NEW_YORK)
    if kind is SecurityType.OPTION:
        return _regular(hours_from_exchange_calendars(NEW_YORK), 0)
    if kind in _INDEX:
        return _regular(hours_from_exchange_calendars(NEW_YORK), INDEX_LATER_NS)
    return None


def default_properties(symbol: Symbol) -> SecurityProperties | None:
    """Return what a market's contracts are, None where that is not known here."""
    match symbol.security_type:
        case SecurityType.OPTION if symbol.market == "usa":
            return SecurityProperties(contract_multiplier=Decimal(100))
        case SecurityType.INDEX_OPTION if symbol.market == "usa":
            return SecurityProperties(
                contract_multiplier=Decimal(100), minimum_price_variation=Decimal("0.05")
            )
        case SecurityType.FOREX | SecurityType.CRYPTO if len(symbol.value) > 3:
            return SecurityProperties(quote_currency=symbol.value[-3:])
        case SecurityType.EQUITY | SecurityType.INDEX | SecurityType.BASE:
            return SecurityProperties()
        case _:
            return None


def _regular(hours: ExchangeHours, later_ns: int) -> ExchangeHours:
    """Return the regular sessions of other hours, each closing so much later."""

    def segments(day: date) -> tuple[Segment, ...]:
        session = hours.session(day)
        if session is None:
            return ()
        midnight_ns = hours.local_midnight(day)  # US clocks are changed on Sundays: no session on such a day
        return (Segment(session.open_ns - midnight_ns, session.close_ns - midnight_ns + later_ns, True),)

    return ExchangeHours(hours.timezone, hours.data_timezone, segments, hours.weekdays)
