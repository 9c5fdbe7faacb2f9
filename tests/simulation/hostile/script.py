"""What happens in the week, and the algorithm that trades through it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from livetrader_lean.algorithm import QCAlgorithm
from livetrader_lean.enums import OrderStatus


class WeekAtIb(QCAlgorithm):
    """Holds SPY with a stop at the brokerage, and leaves an order for AAPL at the worst time of night."""

    notes: list[str]

    def initialize(self) -> None:
        """Subscribe, and plan the days."""
        self.notes = []
        self.spy = self.add_equity("SPY").symbol
        self.aapl = self.add_equity("AAPL").symbol
        self.stop: Any = None
        plan, days, times = self.schedule, self.date_rules, self.time_rules
        plan.on(days.every_day(self.spy), times.at(10, 0), self.rebalance)
        plan.on(days.every_day(self.spy), times.at(14, 4), self.bid)
        plan.on(days.every_day(), times.at(23, 44), self.leave_an_order)

    def rebalance(self) -> None:
        """Buy a little more every day, and move the stop along."""
        self.transactions.cancel_open_orders(self.aapl)
        self.market_order(self.spy, 20)
        self.protect(self.portfolio[self.spy].quantity + 20)

    def protect(self, quantity: float) -> None:
        """Have one stop at the brokerage, for so many shares."""
        if self.stop is not None:
            self.stop.cancel("the position has changed")
        self.stop = self.stop_market_order(self.spy, -quantity, 500)

    def bid(self) -> None:
        """Rest a limit just below the market."""
        self.limit_order(self.spy, 5, round(self.securities[self.spy].price - 0.03, 2))

    def leave_an_order(self) -> None:
        """Ask for AAPL a minute before the gateway restarts itself."""
        self.limit_order(self.aapl, 10, 199)

    def on_order_event(self, order_event: Any) -> None:
        """Note what was filled, and what was not to be."""
        words = f"order {order_event.order_id} {order_event.status.name.lower()}"
        if order_event.fill_quantity:
            words += (
                f" {order_event.fill_quantity:+g} {order_event.symbol.value} at {order_event.fill_price:g}"
            )
        if order_event.message and not order_event.fill_quantity:
            words += f": {order_event.message}"
        self.notes.append(words)
        ours = self.stop is not None and order_event.order_id == self.stop.order_id
        if ours and order_event.status == OrderStatus.INVALID:  # without one the position is naked
            self.stop = None
            self.protect(self.portfolio[self.spy].quantity)

    def on_brokerage_message(self, message: Any) -> None:
        """Note it."""
        self.notes.append(f"on_brokerage_message: {message.type} {message.code}")

    def on_brokerage_disconnect(self) -> None:
        """Note it."""
        self.notes.append("on_brokerage_disconnect")

    def on_brokerage_reconnect(self) -> None:
        """Note it, with what is held by then."""
        self.notes.append(f"on_brokerage_reconnect, holding {self.portfolio[self.spy].quantity:g} SPY")


class Act(NamedTuple):
    """One line of the script: day of June 2025, time in UTC, what is done, and why."""

    day: int
    time: str
    do: str
    keywords: dict[str, object]
    words: str


def _session(day: int) -> list[Act]:
    return [
        Act(day, "13:30:00", "session", {"state": "open"}, "the market opens"),
        Act(day, "20:00:00", "session", {"state": "close"}, "the market closes"),
    ]


def _night(day: int) -> list[Act]:
    return [
        Act(day, "03:45:00", "restart", {"down_s": 45.0}, "the gateway restarts itself, as every night"),
        Act(day, "04:31:00", "nightly_reset", {"down_s": 100.0}, "IB resets its servers (1100, then 1102)"),
    ]


USFARM: Final = {"kind": "market", "name": "usfarm"}
FLAPS: Final = tuple(
    Act(19, f"17:0{minute}:{second:02}", do, {}, words)
    for minute in range(5)
    for second, do, words in (
        (5, "lose_link", "the line to IB flaps (1100)"),
        (35, "restore_link", "and is back (1102)"),
    )
)
SCRIPT: Final[Sequence[Act]] = (
    *_session(16),
    Act(16, "15:10:20", "farm", USFARM | {"state": "broken"}, "a farm of market data breaks (2103)"),
    Act(16, "15:25:20", "farm", USFARM | {"state": "fine"}, "and works again (2104)"),
    Act(16, "18:04:30", "lose_link", {}, "the gateway loses IB (1100) while a limit order works; it fills"),
    Act(16, "18:06:40", "restore_link", {}, "the gateway has IB again (1102)"),
    *_night(17),
    *_session(17),
    Act(17, "15:00:30", "trade", {"symbol": "SPY", "quantity": 50}, "somebody buys 50 SPY by hand in TWS"),
    Act(17, "16:30:30", "order", {"symbol": "AAPL", "quantity": 30, "limit": 150},
        "somebody leaves a limit order for 30 AAPL in TWS"),
    Act(17, "18:30:30", "correct", {"price": "600.00"},
        "the exchange corrects the price of the newest trade"),
    *_night(18),
    *_session(18),
    Act(18, "13:59:50", "fault", {"kind": "mute", "message": "placeOrder", "count": 2},
        "the gateway is about to crash: the next two orders reach it and nobody else"),
    Act(18, "14:00:01", "restart", {"down_s": 100.0, "rollback": 20},
        "the gateway crashes and is started again; its order ids go back by 20"),
    Act(18, "16:00:30", "lose_link", {}, "the gateway loses IB (1100)"),
    Act(18, "16:12:30", "restore_link", {"data_lost": True}, "and has it again after twelve minutes (1101)"),
    *_night(19),
    *_session(19),
    *FLAPS,
    *_night(20),
    *_session(20),
    Act(20, "18:30:30", "bust", {}, "the exchange takes the newest trade back"),
    Act(21, "03:10:00", "lose_link", {}, "IB's weekend maintenance (1100)"),
    Act(21, "12:20:00", "restore_link", {}, "the gateway has IB again (1102)"),
    Act(22, "22:00:00", "restart", {"down_s": 60.0, "needs_login": True},
        "the weekly restart: the gateway wants a login, and nobody confirms it"),
    Act(22, "22:41:00", "confirm_login", {}, "somebody wakes up and confirms the login on the phone"),
    *_night(23),
    *_session(23),
)  # fmt: skip
