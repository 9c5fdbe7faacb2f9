"""Orders of clients: whose they are, what their numbers mean, who hears of them.

An order id belongs to a client id; the same number of another client is another order. Placing an id that
is open changes that order. TWS remembers the highest id of each client, and forgets the newest when it
restarts at a bad moment; a client that trusts the number it is given then uses an id a second time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from random import Random  # noqa: TID251 — only the type; a seeded one is passed in

from livetrader_venues.tws import combos
from livetrader_venues.tws.contracts import Ambiguous, Contract
from livetrader_venues.tws.exchange import Exchange
from livetrader_venues.tws.facts import Changed, Executed, Fact, Refused
from livetrader_venues.tws.ledger import commission, margin_of
from livetrader_venues.tws.orderanswers import OrderAnswers
from livetrader_venues.tws.orderlayouts import Preview, open_order
from livetrader_venues.tws.orders import MANUAL_CLIENT_ID, BadTerms, Order, Status, Terms, terms_of
from livetrader_venues.tws.replies import commission_report, execution, order_status, reply
from livetrader_venues.tws.requests import Request
from livetrader_venues.tws.settings import Settings
from livetrader_venues.tws.switchboard import Session, Switchboard
from livetrader_venues.tws.tape import Execution

NOT_FOUND = (200, "No security definition has been found for the request")


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """An order that TWS has and IB has not: there is no link, or it is still on its way."""

    client_id: int
    order_id: int
    contract: Contract
    terms: Terms

    def is_named(self, client_id: int, order_id: int) -> bool:
        """Whether a client means this one by that number."""
        return (self.client_id, self.order_id) == (client_id, order_id)


class OrderDesk:
    """The gateway's memory of orders, and what it tells of them unasked."""

    def __init__(self, board: Switchboard, exchange: Exchange, settings: Settings, random: Random) -> None:
        self._board = board
        self._random = random
        self._exchange = exchange
        self._settings = settings
        self._next_ids: dict[int, int] = {}
        self._known: dict[tuple[int, int], Order] = {}
        self._answers = OrderAnswers(board, exchange, self._known)
        self.has_link = True
        self.waiting: list[Held] = []
        self.travelling: dict[Held, bool] = {}  # to IB; whether a cancel follows them
        self.handlers: dict[str, Callable[[Session, Request], None]] = {
            "placeOrder": self._place,
            "cancelOrder": self._cancel,
            "exerciseOptions": self._exercise,
            "reqGlobalCancel": lambda session, request: self._cancel_all(),
            **self._answers.handlers,
            "reqIds": lambda session, request: self.tell_next_id(session),
        }

    # ---- numbers

    def next_id(self, client_id: int) -> int:
        """Return the number a client is told to go on with."""
        return self._next_ids.get(client_id, self._settings.first_order_id)

    def tell_next_id(self, session: Session) -> None:
        """Send nextValidId."""
        assert session.client_id is not None
        self._board.send(session, reply("nextValidId", 1, self.next_id(session.client_id)))

    def restart(self, rollback: int) -> None:
        """Forget what a gateway forgets: orders that are over, and the newest numbers."""
        for client_id, number in self._next_ids.items():
            self._next_ids[client_id] = max(number - rollback, self._settings.first_order_id)
        for key in [key for key, order in self._known.items() if not order.is_open]:
            del self._known[key]
        self.waiting.clear()

    # ---- requests

    def _place(self, session: Session, request: Request) -> None:
        client_id, order_id = session.client_id or 0, request.values.whole("orderId")
        try:
            contract = self._contract(request)
            terms = self._with_account(terms_of(request.values))
            if request.values.groups.get("conditions"):
                raise BadTerms(201, "Order rejected - reason:Conditional orders are not simulated")
            known = self._known.get((client_id, order_id))
            if request.values.flag("whatIf"):
                self._preview(session, order_id, contract, terms)
            elif known is not None:
                self._change(known, contract, terms)
            else:
                self._take(Held(client_id, order_id, contract, terms))
        except BadTerms as wrong:
            self._board.tell(session, wrong.code, wrong.text, order_id)

    def _contract(self, request: Request) -> Contract:
        values = request.values
        if values.text("secType") == "BAG":
            return combos.contract_of(values.text("symbol"), values.text("currency"), values.text("exchange"))
        try:
            contract = self._exchange.catalogue.only(values.fields)
        except Ambiguous as error:
            raise BadTerms(200, f"The contract description specified for {error} is ambiguous.") from error
        if contract is None:
            raise BadTerms(*NOT_FOUND)
        return contract

    def _with_account(self, terms: Terms) -> Terms:
        if terms.account:
            return terms
        if len(self._exchange.accounts) > 1:
            raise BadTerms(435, "You must specify an account.")
        return replace(terms, account=next(iter(self._exchange.accounts)))

    def _take(self, held: Held) -> None:
        if held.order_id < self.next_id(held.client_id):
            raise BadTerms(103, "Duplicate order id")
        self._next_ids[held.client_id] = held.order_id + 1
        if not self.has_link:
            self.waiting.append(held)
            return
        delay_ns = int(self._random.uniform(0, self._settings.order_delay_ns))
        if delay_ns == 0:
            self.release(held)
            return
        self.travelling[held] = False
        self._board.later(delay_ns, lambda: self._arrive(held))

    def _arrive(self, held: Held) -> None:
        """An order reaches IB, whatever has become of the client that sent it."""
        cancel_follows = self.travelling.pop(held)
        self.release(held)
        order = self._known.get((held.client_id, held.order_id))
        if cancel_follows and order is not None and order.is_open:
            self._exchange.cancel(order)

    def release(self, held: Held) -> None:
        """Give an order to the exchange."""
        order = self._exchange.place(held.client_id, held.order_id, held.contract, held.terms)
        if order is not None:
            self._known[(held.client_id, held.order_id)] = order

    def _change(self, order: Order, contract: Contract, terms: Terms) -> None:
        if order.status is Status.FILLED:
            raise BadTerms(104, "Cannot modify a filled order.")
        if not order.is_open:
            raise BadTerms(103, "Duplicate order id")
        if contract.con_id != order.contract.con_id:
            raise BadTerms(105, "Order being modified does not match original order.")
        self._exchange.change(order, terms)

    def _preview(self, session: Session, order_id: int, contract: Contract, terms: Terms) -> None:
        account = self._exchange.accounts.get(terms.account)
        if account is None:
            raise BadTerms(321, f"Invalid account code '{terms.account}'.")
        now = self._exchange.worth(account)
        quantity = terms.sign * terms.quantity
        price = terms.limit_price or (
            Decimal(0) if contract.security_type == "BAG" else self._exchange.price(contract)
        )
        initial = margin_of(account, contract, quantity, price)
        fee = commission(contract, terms.quantity, price)
        before = (now.initial, now.maintenance, now.net)
        after = (now.initial + initial, now.maintenance + initial * Decimal("0.8"), now.net - fee)
        order = Order(0, session.client_id or 0, order_id, contract, terms, status=Status.PRE_SUBMITTED)
        self._board.send(session, open_order(session.speaks, order, Preview(before, after, fee)))

    def _cancel(self, session: Session, request: Request) -> None:
        order_id = request.values.whole("orderId")
        order = self._known.get((session.client_id or 0, order_id))
        on_its_way = [held for held in self.travelling if held.is_named(session.client_id or 0, order_id)]
        if on_its_way:
            self.travelling[on_its_way[0]] = True
        elif order is None:
            text = f"OrderId {order_id} that needs to be cancelled is not found."
            self._board.tell(session, 10147, text, order_id)
        elif not order.is_open:
            state = order.status.value
            text = f"OrderId {order_id} that needs to be cancelled cannot be cancelled, state: {state}."
            self._board.tell(session, 10148, text, order_id)
        elif order.status is Status.PENDING_CANCEL:
            text = f"Cancel attempted when order is not in a cancellable state. Order permId ={order.perm_id}"
            self._board.tell(session, 161, text, order_id)
        else:
            self._exchange.ask_cancel(order)
            self._board.later(self._settings.cancel_delay_ns, lambda: self._exchange.cancel(order))

    def _cancel_all(self) -> None:
        self.travelling = dict.fromkeys(self.travelling, True)
        self._exchange.cancel_all()

    def _exercise(self, session: Session, request: Request) -> None:
        """Exercise (1) or lapse (2) options; what is out of the money needs the client's word to override."""
        values, number = request.values, request.request_id
        try:
            option = self._contract(request)
            quantity = Decimal(values.whole("exerciseQuantity"))
            terms = self._with_account(Terms("SELL", quantity, "EXERCISE", account=values.text("account")))
            under = self._exchange.catalogue.get(option.under_id)
            lapses = values.whole("exerciseAction") == 2
            if under is not None and not lapses and not values.flag("override"):
                worth = (self._exchange.price(under) - option.strike) * (1 if option.right == "C" else -1)
                if worth <= 0:
                    raise BadTerms(201, "Exercise ignored since option is not in-the-money.")
            refusal = self._exchange.exercise(session.client_id or 0, number, option, terms, lapses=lapses)
            if refusal is not None:
                raise BadTerms(*refusal)
        except BadTerms as wrong:
            self._board.tell(session, wrong.code, wrong.text, number)

    # ---- news

    def heard(self, fact: Fact) -> None:
        """Tell the clients that an order belongs to what happened to it, unless the link is down."""
        if not self.has_link:
            return
        if isinstance(fact, Changed):
            self._tell_change(fact.order)
        elif isinstance(fact, Refused):
            for session in self._owners(fact.client_id):
                self._board.tell(session, fact.code, fact.text, fact.order_id)
        elif isinstance(fact, Executed):
            self._tell_execution(fact.execution)

    def _tell_change(self, order: Order) -> None:
        for session in self._owners(order.client_id):
            if order.client_id == MANUAL_CLIENT_ID and session.binds_manual_orders:
                self._answers.bind_manual(session)
                order = replace(order, order_id=self._exchange.orders[order.perm_id].order_id)
            self._board.send(session, open_order(session.speaks, order))
            self._board.send(session, order_status(session.speaks, order))

    def _tell_execution(self, done: Execution) -> None:
        for session in self._owners(done.client_id):
            self._board.send(session, execution(session.speaks, -1, done))
        self._board.later(self._settings.commission_delay_ns, lambda: self._tell_commission(done))

    def _tell_commission(self, done: Execution) -> None:
        if self.has_link:
            for session in self._owners(done.client_id):
                self._board.send(session, commission_report(done))

    def _owners(self, client_id: int) -> Iterator[Session]:
        for session in self._board.sessions():
            if session.client_id in (client_id, self._settings.master_client_id):
                yield session
