"""Answers the question why there is no trade: the gates as they stand, and what was decided lately."""

from __future__ import annotations

from typing import Final

from livetrader.control.decision_views import (
    DecisionOutcome,
    DecisionsView,
    DecisionView,
    GateState,
    GateView,
)
from livetrader.control.insight_views import InsightsView
from livetrader.control.queries import DecisionsQuery, InsightsQuery
from livetrader.feeds.face import Feeds
from livetrader.gateway.gateway import Gateway
from livetrader.supervisor.gates import GateFacts, MarketFacts, gates, trading
from livetrader.supervisor.supervisor import Supervisor
from livetrader.supervisor.training_ledger import model_view
from livetrader.supervisor.views import day_profit
from livetrader.telemetry.words import clock
from livetrader_engine.errors import DataError
from livetrader_engine.ports import ReferenceData
from livetrader_engine.symbols import NS_PER_MINUTE

MARKETS_LOOKED_AT: Final = 200  # symbols: an answer takes some milliseconds at most


class DecisionDesk:
    """Gathers the facts when somebody asks. Belongs to the loop's thread; owns nothing."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor

    def view(self, query: DecisionsQuery) -> DecisionsView:
        """Return gates and decisions."""
        care = self._supervisor.care
        book, beat = care.decisions, care.beat
        found = gates(self.facts())
        newest = book.views(0, 1)
        steps = 0 if beat is None else beat.steps
        return DecisionsView(
            trading=trading(found),
            words=sentence(found, newest[0] if newest else None, steps),
            gates=found,
            decisions=book.views(query.after, query.limit, query.gate),
            total=book.total,
            stopped=dict(book.stopped),
            steps=steps,
            last_decision_ns=newest[0].wall_ns if newest else None,
        )

    def insights(self, query: InsightsQuery) -> InsightsView:
        """Return the newest predictions of the algorithm."""
        return self._supervisor.care.insights.view(query)

    def facts(self) -> GateFacts:
        """Return what the gates are judged by now."""
        supervisor, parts, gateway = self._supervisor, self._supervisor.parts, self._supervisor.parts.gateway
        keeper, limits = supervisor.keeper, parts.settings.limits
        reasons, now_ns = gateway.ready_reasons(), parts.clock.now_ns
        feed = supervisor.feed
        engine = f"{keeper.state}{': ' + keeper.last_failure if keeper.last_failure else ''}"
        brokerage = reasons.get("brokerage", "")
        return GateFacts(
            halted=reasons.get("halted", ""),
            kill_switch=f"latched, {parts.kill.stage}" if parts.kill.latched else "",
            engine="" if keeper.ready else f"the algorithm does not run: {engine}",
            warming=gateway.warming,
            brokerage=brokerage and (supervisor.watch.connection.words() or brokerage),
            maintenance=supervisor.watch.why_held(),
            journal=reasons.get("journal", ""),
            feed="" if feed.connected else feed.message or "not connected",
            subscriptions=len(feed.subscriptions),
            stale_symbols=feed.view().stale_symbols,
            all_stale=feed.all_stale(),
            model=model_view(supervisor.care.beat, now_ns).problem,
            market=market_facts(feed, parts.history.reference, now_ns),
            restricted=tuple(sorted(symbol.value for symbol in gateway.state.restricted)),
            unresolved=gateway.unresolved,
            daily_loss=-day_profit(gateway),
            daily_loss_limit=limits.daily_loss,
            orders_last_minute=_recent(gateway, now_ns),
            orders_per_minute=limits.orders_per_minute,
        )


def sentence(found: tuple[GateView, ...], newest: DecisionView | None, steps: int) -> str:
    """Return the answer in one sentence: the first gate that is shut, or what came of the last wish."""
    shut = next((gate for gate in found if gate.state is GateState.CLOSED), None)
    if shut is not None:
        return f"No order leaves now: {shut.words}."
    narrow = [gate.name for gate in found if gate.state is GateState.NARROW]
    but = f" (but some do not pass: {', '.join(narrow)})" if narrow else ""
    if newest is None:
        return f"Orders may leave{but}; the algorithm has wanted none in {steps} steps."
    wish = f"{newest.quantity} {newest.ticker} at {clock(newest.wall_ns)}"
    if newest.outcome is DecisionOutcome.SENT:
        return f"Orders may leave{but}; the last was {wish}: {newest.status or 'sent'}."
    if newest.outcome is DecisionOutcome.WAITING:
        return f"Orders may leave{but}; the last, {wish}, waits."
    return f"Orders may leave{but}; the last wish, {wish}, was stopped by {newest.gate}: {newest.message}."


def market_facts(feed: Feeds, reference: ReferenceData, now_ns: int) -> MarketFacts:
    """Return how the markets of what is subscribed stand; one that nobody knows counts as open."""
    symbols = list(dict.fromkeys(stream.symbol for stream in feed.subscriptions))[:MARKETS_LOOKED_AT]
    opened, opens = 0, list[int]()
    for symbol in symbols:
        try:
            hours = reference.hours(symbol)
            if hours.is_open(now_ns):
                opened += 1
            else:
                opens.append(hours.next_open(now_ns))
        except DataError:
            opened += 1  # its brokerage knows better than we do
    return MarketFacts(len(symbols), opened, min(opens, default=None))


def _recent(gateway: Gateway, now_ns: int) -> int:
    """Return how many orders of the algorithm were made in the last minute."""
    count = 0
    for order in reversed(gateway.state.orders.values()):
        if order.created_ns <= now_ns - NS_PER_MINUTE:
            break
        count += order.kill_id is None
    return count
