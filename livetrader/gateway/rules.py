"""What the gateway is told about its surroundings: an operator's rules, and whom to call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from livetrader.settings import OnManualTrades
from livetrader_engine.symbols import Symbol

Alert = Callable[[str, str, str], None]  # title, message, next step; never waits


def _nobody(title: str, message: str, next_step: str) -> None:
    """Call nobody: the log record says it too."""


def _stay(reason: str) -> None:
    """Go on: there is no daemon around the gateway that could end."""


def _one(symbol: Symbol) -> Decimal:
    return Decimal(1)


def _fresh(symbol: Symbol) -> str:
    """Judge no prices: nobody watches them."""
    return ""


def _uncounted(reason: str) -> None:
    """Count nothing: the journal has it."""


@dataclass(frozen=True, slots=True)
class HostRules:
    """How an operator wants it. `alert` calls people, `stop` ends the daemon in good order; neither waits.

    `unknown_orders`: how many outcomes may be unknown at once before trading halts; 0 for any number.
    `multiplier`: how many units one contract of a symbol stands for; asked for every order and price.
    `stale`: why a symbol's prices are too old to take risk on, empty where they are not; for every order.
    `denied` hears the reason of every order that is not sent.
    """

    on_manual_trades: OnManualTrades = OnManualTrades.ALERT
    unknown_orders: int = 3
    alert: Alert = _nobody
    stop: Callable[[str], None] = _stay
    multiplier: Callable[[Symbol], Decimal] = _one
    stale: Callable[[Symbol], str] = _fresh
    denied: Callable[[str], None] = _uncounted
