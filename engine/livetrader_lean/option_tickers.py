"""Tickers of option contracts."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from livetrader_engine.identifiers import OptionRight as CoreRight


def option_ticker(underlying: str, right: int, strike: float, expiry: datetime) -> str:
    """Return the OSI ticker of an option: six columns, yyMMdd, C or P, the strike in thousandths."""
    name = underlying + " " if len(underlying) > 5 else underlying
    letter = CoreRight(int(right)).name[0]
    return f"{name:<6}{expiry:%y%m%d}{letter}{round(Decimal(str(strike)) * 1000):08d}"
