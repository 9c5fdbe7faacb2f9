"""What clients ask about orders: their own, everybody's, those that are over, and the trades."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from livetrader_venues.tws.exchange import Exchange
from livetrader_venues.tws.orderlayouts import completed_order, open_order
from livetrader_venues.tws.orders import MANUAL_CLIENT_ID, Order
from livetrader_venues.tws.replies import commission_report, execution, order_status, reply
from livetrader_venues.tws.requests import Request
from livetrader_venues.tws.switchboard import Session, Switchboard


class OrderAnswers:
    """Answers questions. `known` is the order desk's memory: an order that gets a number is added to it."""

    def __init__(self, board: Switchboard, exchange: Exchange, known: dict[tuple[int, int], Order]) -> None:
        self._board = board
        self._exchange = exchange
        self._known = known
        self._next_bound_id = -1
        self.handlers: dict[str, Callable[[Session, Request], None]] = {
            "reqOpenOrders": self._own_orders,
            "reqAllOpenOrders": self._all_orders,
            "reqAutoOpenOrders": self._bind,
            "reqCompletedOrders": self._completed,
            "reqExecutions": self._executions,
        }

    def _own_orders(self, session: Session, request: Request) -> None:
        if session.client_id == MANUAL_CLIENT_ID:
            self.bind_manual(session)
        self._tell_orders(
            session, (o for o in self._exchange.open_orders() if o.client_id == session.client_id)
        )

    def _all_orders(self, session: Session, request: Request) -> None:
        self._tell_orders(session, self._exchange.open_orders())

    def _tell_orders(self, session: Session, orders: Iterator[Order]) -> None:
        for order in orders:
            self._board.send(session, open_order(session.speaks, order))
            self._board.send(session, order_status(session.speaks, order))
        self._board.send(session, reply("openOrderEnd", 1))

    def _bind(self, session: Session, request: Request) -> None:
        if session.client_id != MANUAL_CLIENT_ID:
            self._board.tell(session, 327, "Only the default client (i.e 0) can auto bind orders.")
            return
        session.binds_manual_orders = request.values.flag("autoBind")
        self.bind_manual(session)

    def bind_manual(self, session: Session) -> None:
        """Give orders typed into TWS a negative number each, with which client 0 may change them."""
        for order in self._exchange.open_orders():
            if order.client_id == MANUAL_CLIENT_ID and order.order_id == 0:
                order.order_id = self._next_bound_id
                self._next_bound_id -= 1
                self._known[(MANUAL_CLIENT_ID, order.order_id)] = order
                if session.speaks >= 144:
                    bound = reply("orderBound", order.perm_id, MANUAL_CLIENT_ID, order.order_id)
                    self._board.send(session, bound)

    def _completed(self, session: Session, request: Request) -> None:
        api_only = request.values.flag("apiOnly")
        for order in self._exchange.orders.values():
            if not order.is_open and (order.order_id != 0 or not api_only):
                self._board.send(session, completed_order(session.speaks, order))
        self._board.send(session, reply("completedOrdersEnd"))

    def _executions(self, session: Session, request: Request) -> None:
        """Tell the trades that fit the filter, of all clients; corrected ones as they are now."""
        values, request_id = request.values, request.request_id
        for done in self._exchange.tape.latest():
            fits = (
                values.whole("clientId") in (0, done.client_id)
                and values.text("account") in ("", done.account)
                and values.text("symbol") in ("", done.contract.symbol)
                and values.text("secType") in ("", done.contract.security_type)
                and values.text("side").upper()[:1] in ("", done.side[:1])
            )
            if fits:
                self._board.send(session, execution(session.speaks, request_id, done))
                self._board.send(session, commission_report(done))
        self._board.send(session, reply("execDetailsEnd", 1, request_id))
