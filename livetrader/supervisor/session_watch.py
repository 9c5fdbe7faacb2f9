"""Watches over the brokerage's session: how it stands, what people are told, which orders wait.

The decisions are in outages.py and held_orders.py; this file carries them out.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from livetrader.control.operations import ConnectionView
from livetrader.gateway.gateway import Gateway
from livetrader.settings import AccountSettings
from livetrader.supervisor.held_orders import HeldOrders, HoldPorts
from livetrader.supervisor.outages import (
    Connection,
    ConnectionState,
    Moment,
    Recovered,
    Verdict,
    lost,
    passed,
    regained,
)
from livetrader.telemetry.notifications import Notify
from livetrader_engine.orders.order import ClientOrderId
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.spi import Maintained, Maintenance

WATCH_S: Final = 2.0  # between looks: how late an alarm comes, or an order that has waited long enough


@dataclass(frozen=True, slots=True)
class WatchPorts:
    """What the watch works with. `venue` is the brokerage, which may have a calendar (see spi.Maintained)."""

    venue: object
    gateway: Gateway
    settings: AccountSettings
    now_ns: Callable[[], int]
    monotonic_s: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    report: Callable[..., None]
    notify: Notify


@dataclass(frozen=True, slots=True)
class Belief:
    """What we held to be true of the account at an instant; two tell what a reconciliation changed."""

    fills: int
    adjustments: int
    orders: dict[ClientOrderId, tuple[OrderStatus, bool]]


class SessionWatch:
    """Owns the connection as it is judged, and the orders that wait. Belongs to the loop's thread."""

    def __init__(self, ports: WatchPorts) -> None:
        self._ports = ports
        self._venue = ports.venue if isinstance(ports.venue, Maintained) else None
        self._before: Belief | None = None
        self._calendar_failed = False
        self.connection = Connection(since_ns=ports.now_ns(), since_s=ports.monotonic_s())
        self.orders = HeldOrders(
            HoldPorts(ports.gateway, ports.settings, self.why_held, ports.monotonic_s, ports.report)
        )

    def lost(self, reason: str) -> None:
        """Take note that the brokerage is away, or that one more attempt to reach it has failed."""
        if self._before is None:
            self._before = self._belief()
        self._take(lost(self.connection, self._moment(), reason))

    def regained(self) -> None:
        """Take note that it is connected and reconciled (again); orders that wait go at the next look."""
        recovered = self._recovered()
        self._before = None
        self._take(regained(self.connection, self._moment(), recovered))

    async def run(self) -> None:
        """Look at the clock and the calendar for ever: alarms, announcements, orders that wait."""
        while True:
            self._take(passed(self.connection, self._moment(), self._ports.settings.outage_alarm_s))
            await self.orders.pass_on()
            await self._ports.sleep(WATCH_S)

    def maintenance(self) -> Maintenance | None:
        """Return what the venue's calendar says of now; None also where it fails: ordinary times."""
        if self._venue is None:
            return None
        try:
            rest = self._venue.maintenance(self._ports.now_ns())
        except Exception:  # noqa: BLE001 — boundary: a plugin's own fault must not stop the daemon
            if not self._calendar_failed:  # once, not with every look
                self._ports.report(
                    "brokerage_plugin_failed", level="error", asked="maintenance", exc_info=True
                )
            self._calendar_failed = True
            return None
        self._calendar_failed = False
        return rest

    def view(self) -> ConnectionView:
        """Return how the connection stands, for operators."""
        connection, ahead = self.connection, self.maintenance()
        return ConnectionView(
            state=connection.state.value,
            since_ns=connection.since_ns,
            reason=connection.reason,
            expected_ns=connection.expected_ns,
            attempts=connection.attempts,
            maintenance=connection.maintenance if ahead is None else ahead.reason,
            notice=connection.notice if ahead is None else ahead.notice,
            held_orders=self.orders.waiting,
        )

    def why_held(self) -> str:
        """Return why an order may not leave now although trading goes on later; empty where it may."""
        rest = self.maintenance()
        if rest is None or not rest.away:
            return ""
        if rest.holds_orders:
            return f"{rest.reason}: an order sent now could be lost"
        away = self.connection.state is not ConnectionState.CONNECTED
        return f"{rest.reason}, and the brokerage is away" if away else ""

    def _moment(self) -> Moment:
        return Moment(self._ports.now_ns(), self._ports.monotonic_s(), self.maintenance())

    def _take(self, verdict: Verdict) -> None:
        before, (self.connection, words) = self.connection.state, verdict
        if self.connection.state is not before:
            self._ports.report(
                "brokerage_connection", old=before, new=self.connection.state, reason=self.connection.reason
            )
        for word in words:
            self._ports.notify(word.title, word.message, word.next_step, word.urgency)

    def _belief(self) -> Belief:
        state = self._ports.gateway.state
        orders = {client_id: (order.status, order.unknown) for client_id, order in state.open.items()}
        return Belief(state.fills, len(state.adjustments), orders)

    def _recovered(self) -> Recovered:
        before = self._before
        if before is None:
            return Recovered()
        state = self._ports.gateway.state
        changed = 0
        for client_id, known in before.orders.items():
            order = state.orders.get(client_id)
            changed += order is None or (order.status, order.unknown) != known
        return Recovered(
            fills=state.fills - before.fills,
            orders=changed,
            adjustments=len(state.adjustments) - before.adjustments,
            unknown=self._ports.gateway.unresolved,
        )
