from __future__ import annotations

from decimal import Decimal

import pytest

from livetrader.control.decision_views import DecisionOutcome, DecisionView, GateState
from livetrader.gateway.limits import DenialReason
from livetrader.journal.records import OrderDenied, OrderIntended, OrderResolved, Verdict
from livetrader.supervisor import decisions
from livetrader.supervisor.decision_desk import sentence
from livetrader.supervisor.decisions import DecisionBook
from livetrader.supervisor.gates import GateFacts, MarketFacts, gates, trading
from livetrader_engine.commands import NoteOrderEvent, SubmitOrder
from livetrader_engine.orders.order import ClientOrderId, OrderId, OrderSpec, OrderType
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.symbols import SecurityType, Symbol

NOW_NS = 1_600_000_000 * 10**9
SPY = Symbol.create("SPY R735QTJ8XC9X", "SPY", SecurityType.EQUITY, "usa")


class Daemon:
    """A book, and what it told."""

    def __init__(self) -> None:
        self.status = {ClientOrderId("lt-1"): "submitted"}
        self.told: list[DecisionView] = []
        self.book = DecisionBook(
            lambda: NOW_NS, lambda: NOW_NS + 5, lambda name: self.status.get(name, ""), self.told.append
        )

    def wants(self, number: int, quantity: int = 10, tag: str = "") -> OrderSpec:
        spec = OrderSpec(
            OrderId(number), SPY, OrderType.MARKET, Decimal(quantity), NOW_NS, Decimal("99.5"), tag=tag
        )
        self.book.wanted(SubmitOrder(spec))
        return spec

    def seen(self) -> list[tuple[int, str, str]]:
        views = self.book.views(0, 100)
        return [(view.order_id, view.outcome.value, view.gate) for view in views]


def news(spec: OrderSpec, status: OrderStatus, message: str = "") -> NoteOrderEvent:
    return NoteOrderEvent(1, spec, status, NOW_NS, "USD", message=message)


def test_an_order_that_leaves_is_followed_by_its_status() -> None:
    daemon = Daemon()
    spec = daemon.wants(1, tag="entry")
    assert daemon.seen() == [(1, "waiting", "")]
    daemon.book.recorded(OrderIntended(NOW_NS, 1, ClientOrderId("lt-1"), spec))
    (view,) = daemon.book.views(0, 1)
    assert (view.outcome, view.status, view.tag) == (DecisionOutcome.SENT, "submitted", "entry")
    assert (view.ticker, view.quantity, view.reference_price, view.wall_ns) == (
        "SPY",
        "10",
        "99.5",
        NOW_NS + 5,
    )
    daemon.status[ClientOrderId("lt-1")] = "filled"
    daemon.book.noted(news(spec, OrderStatus.FILLED))
    assert daemon.book.views(0, 1)[0].status == "filled"
    assert [view.outcome.value for view in daemon.told] == ["waiting", "sent"]


def test_what_the_limits_stop_is_named_by_its_gate_once() -> None:
    daemon = Daemon()
    spec = daemon.wants(7)
    daemon.book.recorded(OrderDenied(NOW_NS, spec, DenialReason.DATA_STALE, "SPY is stale"))
    daemon.book.noted(news(spec, OrderStatus.INVALID, "data_stale: SPY is stale"))
    assert daemon.seen() == [(7, "stopped", "data_stale")]
    assert (daemon.book.total, dict(daemon.book.stopped)) == (1, {"data_stale": 1})
    assert daemon.book.views(0, 1)[0].message == "SPY is stale"


def test_what_lean_stops_never_came_to_us_and_is_known_all_the_same() -> None:
    daemon = Daemon()
    poor = OrderSpec(OrderId(3), SPY, OrderType.MARKET, Decimal(10**6), NOW_NS, Decimal(1))
    daemon.book.noted(news(poor, OrderStatus.INVALID, "insufficient buying power"))
    daemon.book.noted(news(poor, OrderStatus.INVALID, "insufficient buying power"))  # of the next engine
    assert daemon.seen() == [(3, "stopped", "engine"), (3, "stopped", "engine")]
    assert daemon.book.stopped == {"engine": 2}


def test_an_engine_that_counts_anew_begins_new_decisions() -> None:
    daemon = Daemon()
    first = daemon.wants(1)
    daemon.book.recorded(OrderDenied(NOW_NS, first, DenialReason.HALTED, "halted"))
    daemon.wants(1, quantity=5)
    assert daemon.seen() == [(1, "waiting", ""), (1, "stopped", "halted")]


@pytest.mark.parametrize(
    ("verdict", "outcome", "gate"),
    [
        (Verdict.REFUSED, "refused", "brokerage"),
        (Verdict.NOT_SENT, "stopped", "overtaken"),
        (Verdict.UNKNOWN, "sent", ""),
        (Verdict.FOUND, "sent", ""),
    ],
)
def test_what_becomes_of_an_order_on_its_way_is_told(verdict: Verdict, outcome: str, gate: str) -> None:
    daemon = Daemon()
    spec = daemon.wants(1)
    daemon.book.recorded(OrderIntended(NOW_NS, 1, ClientOrderId("lt-1"), spec))
    daemon.book.recorded(OrderResolved(NOW_NS, ClientOrderId("lt-1"), verdict, "not sent: because"))
    daemon.book.recorded(OrderResolved(NOW_NS, ClientOrderId("lt-unheard-of"), verdict, "?"))
    daemon.book.noted(news(spec, OrderStatus.INVALID, "not sent: because"))
    assert daemon.seen() == [(1, outcome, gate)]


def test_orders_of_the_kill_switch_are_nobodys_decision() -> None:
    daemon = Daemon()
    spec = OrderSpec(OrderId(0), SPY, OrderType.MARKET, Decimal(-10), NOW_NS, Decimal(1))
    daemon.book.recorded(OrderIntended(NOW_NS, 9, ClientOrderId("lt-9"), spec))
    assert daemon.seen() == [] and daemon.book.total == 0


def test_decisions_are_paged_filtered_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decisions, "DECISIONS_KEPT", 5)
    daemon = Daemon()
    for number in range(1, 9):
        spec = daemon.wants(number)
        reason = DenialReason.HALTED if number % 2 else DenialReason.RATE
        daemon.book.recorded(OrderDenied(NOW_NS, spec, reason, "x" * 5_000))
    assert [view.sequence for view in daemon.book.views(0, 100)] == [8, 7, 6, 5, 4]
    assert [view.sequence for view in daemon.book.views(6, 100)] == [8, 7]
    assert [view.sequence for view in daemon.book.views(0, 2)] == [8, 7]
    assert [view.sequence for view in daemon.book.views(0, 100, "halted")] == [7, 5]
    assert daemon.book.total == 8 and daemon.book.stopped == {"halted": 4, "orders_per_minute": 4}
    assert max(len(view.message) for view in daemon.book.views(0, 100)) == decisions.WORDS_LENGTH


GOOD = GateFacts(subscriptions=1, market=MarketFacts(1, 1))


@pytest.mark.parametrize(
    ("changed", "gate", "state"),
    [
        ({"halted": "by alice"}, "halt", GateState.CLOSED),
        ({"kill_switch": "latched, flat"}, "kill_switch", GateState.CLOSED),
        ({"engine": "warming_up"}, "engine", GateState.CLOSED),
        ({"warming": True}, "warm_up", GateState.CLOSED),
        ({"brokerage": "lost"}, "brokerage", GateState.CLOSED),
        ({"maintenance": "nightly reset"}, "maintenance", GateState.CLOSED),
        ({"journal": "disk full"}, "journal", GateState.CLOSED),
        ({"feed": "not connected"}, "feed", GateState.NARROW),
        ({"subscriptions": 0}, "feed", GateState.NARROW),
        ({"stale_symbols": 2}, "data", GateState.NARROW),
        ({"all_stale": "all 3 streams are stale"}, "data", GateState.NARROW),
        ({"model": "no model yet"}, "model", GateState.NARROW),
        ({"market": MarketFacts(3, 1, NOW_NS)}, "market", GateState.NARROW),
        ({"market": MarketFacts(3, 0, NOW_NS)}, "market", GateState.CLOSED),
        ({"restricted": ("SPY",)}, "restrictions", GateState.NARROW),
        ({"unresolved": 1}, "outcomes", GateState.NARROW),
        ({"daily_loss": Decimal(100), "daily_loss_limit": 100.0}, "daily_loss", GateState.CLOSED),
        ({"orders_last_minute": 300, "orders_per_minute": 300}, "order_rate", GateState.CLOSED),
    ],
)
def test_each_gate_shuts_for_its_own_reason_and_says_what_to_do(
    changed: dict[str, object], gate: str, state: GateState
) -> None:
    open_gates = gates(GOOD)
    assert all(found.state is GateState.OPEN for found in open_gates) and trading(open_gates)
    facts = GateFacts(**{"subscriptions": 1, "market": MarketFacts(1, 1)} | changed)  # type: ignore[arg-type]  # a table
    found = gates(facts)
    ((name, seen),) = ((each.name, each) for each in found if each.state is not GateState.OPEN)
    assert (name, seen.state) == (gate, state)
    assert seen.words and seen.next_step
    assert trading(found) is (state is GateState.NARROW)


def test_limits_that_are_not_reached_say_how_far_they_are() -> None:
    facts = GateFacts(
        subscriptions=1, daily_loss=Decimal("12.345"), daily_loss_limit=100.0, orders_last_minute=3,
        orders_per_minute=300,
    )  # fmt: skip
    words = {gate.name: gate.words for gate in gates(facts)}
    assert words["daily_loss"] == "12.34 of 100.00 lost today"
    assert words["order_rate"] == "3 of 300 orders in the last minute"
    gain = gates(GateFacts(daily_loss=Decimal(-5), daily_loss_limit=100.0))
    assert next(gate for gate in gain if gate.name == "daily_loss").words == "0.00 of 100.00 lost today"


def test_the_question_is_answered_in_one_sentence() -> None:
    daemon = Daemon()
    good, shut = gates(GOOD), gates(GateFacts(halted="asked for by alice", subscriptions=1))
    assert sentence(shut, None, 5) == "No order leaves now: asked for by alice."
    assert sentence(good, None, 120) == "Orders may leave; the algorithm has wanted none in 120 steps."
    spec = daemon.wants(1)
    (waiting,) = daemon.book.views(0, 1)
    assert sentence(good, waiting, 1).endswith("10 SPY at Sun 13 Sep 12:26 UTC, waits.")
    daemon.book.recorded(OrderDenied(NOW_NS, spec, DenialReason.ORDER_NOTIONAL, "too large"))
    (stopped,) = daemon.book.views(0, 1)
    assert "was stopped by max_order_notional: too large" in sentence(good, stopped, 1)
    narrow = gates(GateFacts(subscriptions=1, stale_symbols=1))
    assert sentence(narrow, None, 2).startswith("Orders may leave (but some do not pass: data)")
