"""Why there is no trade: what the algorithm decided lately, what stopped it, and what would stop it now."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class GateState(StrEnum):
    """Whether orders pass a gate."""

    OPEN = "open"
    NARROW = "narrow"  # some pass: those that reduce risk, or those of other symbols
    CLOSED = "closed"


class GateView(msgspec.Struct, frozen=True):
    """One thing that orders have to pass, as it stands now. `words` and `next_step` are for people."""

    name: str
    state: GateState
    words: str
    next_step: str = ""


class DecisionOutcome(StrEnum):
    """What became of a wish of the algorithm."""

    WAITING = "waiting"  # held until a maintenance is over
    STOPPED = "stopped"  # by the gate that is named; it never left
    SENT = "sent"  # it is an order; `status` says how it goes on
    REFUSED = "refused"  # by the brokerage


class DecisionView(msgspec.Struct, frozen=True):
    """One order that the algorithm wanted, and the gate that stopped it or the order that it became.

    `gate` names what stopped it: a code of the limits (halted, data_stale, max_order_notional, ...), `engine`
    for LEAN's own checks (buying power, ...), `brokerage`; empty where it passed. `status` is the order's
    newest. `reference_price` is the market's when it was decided, as text, empty where unknown.
    """

    sequence: int
    time_ns: int
    wall_ns: int
    order_id: int
    symbol: str
    ticker: str
    type: str
    quantity: str
    reference_price: str
    outcome: DecisionOutcome
    gate: str
    message: str
    status: str
    tag: str = ""


class DecisionTaken(msgspec.Struct, frozen=True, tag="decision", tag_field="event"):
    """The algorithm wants an order, or it is known what became of one."""

    decision: DecisionView


class DecisionsView(msgspec.Struct, frozen=True):
    """The gates of now, and the newest decisions, newest first.

    `trading`: whether an order could leave now. `words` answers the question in one sentence. `decisions`
    has those with a sequence above the one asked for; `total` counts all since the daemon started,
    `stopped` those of them that never left, by gate. `last_decision_ns` is wall time; None: none so far.
    """

    trading: bool
    words: str
    gates: tuple[GateView, ...]
    decisions: tuple[DecisionView, ...]
    total: int
    stopped: dict[str, int]
    steps: int
    last_decision_ns: int | None = None
