"""What an order would meet now: every gate on its way, with the reason why it is not open. Pure.

A gate is closed where nothing passes, narrow where only some orders do. The order is that of the way: from
"does anything trade" to "may this trade". Feed and market do not stop an order here, but an algorithm that
hears nothing decides nothing, and a venue that is closed fills nothing; whoever asks why there is no trade
wants to read that.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from livetrader.control.decision_views import GateState, GateView
from livetrader.telemetry.words import clock

NAMES_TOLD: Final = 5  # symbols by name in one sentence


@dataclass(frozen=True, slots=True)
class MarketFacts:
    """How many of the subscribed symbols' markets are open, and when the next one of the others opens."""

    symbols: int = 0
    open: int = 0
    next_open_ns: int | None = None


@dataclass(frozen=True, slots=True)
class GateFacts:
    """Everything the gates are judged by, at one instant; texts are empty where nothing is wrong."""

    halted: str = ""
    kill_switch: str = ""
    engine: str = ""
    warming: bool = False
    brokerage: str = ""
    maintenance: str = ""
    journal: str = ""
    feed: str = ""
    subscriptions: int = 0
    stale_symbols: int = 0
    all_stale: str = ""
    model: str = ""
    market: MarketFacts = MarketFacts()
    restricted: tuple[str, ...] = ()
    unresolved: int = 0
    daily_loss: Decimal = Decimal(0)
    daily_loss_limit: float = 0.0
    orders_last_minute: int = 0
    orders_per_minute: int = 0


def gates(facts: GateFacts) -> tuple[GateView, ...]:
    """Return every gate as it stands."""
    return (
        _closed("halt", facts.halted, "orders are allowed", "look at the reason, then `livetrader resume`"),
        _closed(
            "kill_switch",
            facts.kill_switch,
            "armed",
            "check the account, then `livetrader resume --kill-id ID`",
        ),
        _closed("engine", facts.engine, "the algorithm runs", "`livetrader log` shows what it does"),
        _closed(
            "warm_up", "the algorithm is warming up" if facts.warming else "", "warmed up", "wait for its end"
        ),
        _closed("brokerage", facts.brokerage, "connected and reconciled", "`livetrader status` shows more"),
        _closed("maintenance", facts.maintenance, "none", "wait for its end; orders go out after it"),
        _closed("journal", facts.journal, "healthy", "make room on the disk, then restart"),
        _narrow("feed", _feed(facts), "connected", "look at the vendor's status, or name a second [[feed]]"),
        _narrow(
            "data", _data(facts), "fresh", "new risk waits for fresh data; `livetrader status` names them"
        ),
        _narrow("model", facts.model, "usable", "`livetrader training` shows why there is none"),
        _market(facts.market),
        _narrow("restrictions", _restricted(facts), "none", "look at the account, then `livetrader adopt`"),
        _narrow("outcomes", _unknown(facts), "all known", "`livetrader reconcile` asks the brokerage now"),
        _daily_loss(facts),
        _rate(facts),
    )


def trading(found: tuple[GateView, ...]) -> bool:
    """Return whether an order could leave now."""
    return all(gate.state is not GateState.CLOSED for gate in found)


def _closed(name: str, problem: str, good: str, step: str) -> GateView:
    return _gate(name, GateState.CLOSED, problem, good, step)


def _narrow(name: str, problem: str, good: str, step: str) -> GateView:
    return _gate(name, GateState.NARROW, problem, good, step)


def _gate(name: str, otherwise: GateState, problem: str, good: str, step: str) -> GateView:
    if problem:
        return GateView(name, otherwise, problem, step)
    return GateView(name, GateState.OPEN, good)


def _feed(facts: GateFacts) -> str:
    if facts.feed:
        return f"{facts.feed}: the algorithm hears nothing, so it decides nothing"
    return "" if facts.subscriptions else "the algorithm has subscribed to nothing"


def _data(facts: GateFacts) -> str:
    if facts.all_stale:
        return f"{facts.all_stale}; only orders that reduce risk pass"
    if facts.stale_symbols:
        return f"{facts.stale_symbols} symbols are stale; of them only orders that reduce risk pass"
    return ""


def _market(market: MarketFacts) -> GateView:
    if not market.symbols or market.open == market.symbols:
        return GateView("market", GateState.OPEN, "open")
    opens = "" if market.next_open_ns is None else f"; the next one opens {clock(market.next_open_ns)}"
    step = "wait for the session; a market order given now is for its opening"
    if not market.open:
        return GateView("market", GateState.CLOSED, f"all {market.symbols} markets are closed{opens}", step)
    words = f"{market.symbols - market.open} of {market.symbols} markets are closed{opens}"
    return GateView("market", GateState.NARROW, words, step)


def _restricted(facts: GateFacts) -> str:
    names = facts.restricted
    if not names:
        return ""
    more = f" and {len(names) - NAMES_TOLD} more" if len(names) > NAMES_TOLD else ""
    return f"no new risk in {', '.join(names[:NAMES_TOLD])}{more}"


def _unknown(facts: GateFacts) -> str:
    count = facts.unresolved
    return f"the outcome of {count} orders is unknown; their side of their symbol waits" if count else ""


def _daily_loss(facts: GateFacts) -> GateView:
    limit = Decimal(str(facts.daily_loss_limit))
    if not limit:
        return GateView("daily_loss", GateState.OPEN, "no limit is set")
    lost = max(facts.daily_loss, Decimal(0))
    words = f"{lost:.2f} of {limit:.2f} lost today"
    if lost >= limit:
        return GateView("daily_loss", GateState.CLOSED, words, "the kill switch runs; look at the account")
    return GateView("daily_loss", GateState.OPEN, words)


def _rate(facts: GateFacts) -> GateView:
    most = facts.orders_per_minute
    if not most:
        return GateView("order_rate", GateState.OPEN, "no limit is set")
    words = f"{facts.orders_last_minute} of {most} orders in the last minute"
    if facts.orders_last_minute >= most:
        return GateView("order_rate", GateState.CLOSED, words, "wait a minute; look for a loop in the code")
    return GateView("order_rate", GateState.OPEN, words)
