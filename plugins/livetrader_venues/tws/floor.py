"""Where orders meet prices: the states of every order, its fills, and what one order does to others.

The exchange gives orders in and moves prices; everything that changes an order afterwards happens here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

from livetrader_venues.tws import combos, matching
from livetrader_venues.tws.contracts import Catalogue, Contract
from livetrader_venues.tws.facts import Changed, Executed, Fact, Held, Refused
from livetrader_venues.tws.groups import Groups
from livetrader_venues.tws.ledger import Account
from livetrader_venues.tws.matching import AT_CLOSE, TRAILS, WAITING, Match, Phase, Quote
from livetrader_venues.tws.orders import Order, Status
from livetrader_venues.tws.tape import Tape

DEFAULT_SIZE = Decimal(1_000_000)  # so that nothing fills in parts unless a script makes the book thin


class Floor:
    """Orders, books and trades. The exchange owns it; facts pile up until the exchange takes them."""

    def __init__(self, catalogue: Catalogue, accounts: dict[str, Account], tape_prefix: str) -> None:
        self.accounts = accounts
        self.quotes = {contract.con_id: _first_quote(contract) for contract in catalogue}
        self.orders: dict[int, Order] = {}  # by permId, oldest first
        self.legs: dict[int, tuple[combos.Leg, ...]] = {}  # of combinations, by permId
        self.tape = Tape(tape_prefix)
        self.open: dict[int, Order] = {}  # those of them that are not over
        self.groups = Groups(self.open)
        self.facts: list[Fact] = []
        self.is_open = True
        self.now_ns = 0

    def open_orders(self) -> Iterator[Order]:
        """Yield the orders that are not over."""
        return iter(list(self.open.values()))

    def add(self, order: Order, legs: tuple[combos.Leg, ...] | None) -> None:
        """Take a new order, with its legs where it is a combination."""
        self.orders[order.perm_id] = self.open[order.perm_id] = order
        self.groups.add(order)
        if legs:
            self.legs[order.perm_id] = legs

    def number_again(self, order: Order, perm_id: int) -> None:
        """Give an open order another permId."""
        for table in (self.orders, self.open):
            table[perm_id] = table.pop(order.perm_id)
        if order.perm_id in self.legs:
            self.legs[perm_id] = self.legs.pop(order.perm_id)
        order.perm_id = perm_id
        self.tell(order)

    def accept(self, order: Order) -> None:
        """Take an order that its client has transmitted."""
        order.is_accepted = True
        if order.terms.order_type in TRAILS:
            order.stop_price = order.terms.trail_stop_price
        self.begin(order)

    def begin(self, order: Order) -> None:
        """Put an accepted order to work, or hold it and say why."""
        if order.status is Status.PENDING_CANCEL:
            return
        waits = order.terms.order_type in WAITING and not order.triggered
        for_auction = order.terms.time_in_force == "OPG" or order.terms.order_type in AT_CLOSE
        if self.groups.waits_for_parent(order):
            order.why_held = "child"
        elif waits:
            order.why_held = "trigger"
        else:
            order.why_held = ""
        holds = bool(order.why_held) or not self.is_open or for_auction
        order.become(Status.PRE_SUBMITTED if holds else Status.SUBMITTED)
        self.tell(order)
        if not self.is_open and not for_auction:
            text = "Warning: Your order will not be placed at the exchange until the session opens"
            self.facts.append(Refused(order.client_id, order.order_id, 399, f"Order Message:\n{text}"))
        self.work(order, Phase.CONTINUOUS)

    def ask_cancel(self, order: Order) -> None:
        """Take the wish to cancel an order; it may still fill until the cancel is confirmed."""
        if order.is_accepted and order.status is not Status.PENDING_CANCEL:
            order.become(Status.PENDING_CANCEL)
            self.tell(order)

    def cancel(self, order: Order, why: str = "") -> None:
        """Cancel an open order; its owner hears of it as error 202 too. Children go with their parent."""
        if not order.is_open:
            return
        self.ask_cancel(order)
        self.end(order, Status.CANCELLED, why or "Cancelled by Trader")
        self.facts.append(Refused(order.client_id, order.order_id, 202, f"Order Canceled - reason:{why}"))

    def books_of(self, order: Order) -> list[int]:
        """Return the contracts whose prices an order waits for."""
        legs = self.legs.get(order.perm_id)
        return [leg.contract.con_id for leg in legs] if legs else [order.contract.con_id]

    def _quote_for(self, order: Order) -> Quote:
        legs = self.legs.get(order.perm_id)
        return combos.quote_of(legs, self.quotes) if legs else self.quotes[order.contract.con_id]

    def work(self, order: Order, phase: Phase) -> None:
        """Let an order meet the book once, and go on while it fills."""
        if not order.is_open or not order.is_accepted or self.groups.waits_for_parent(order):
            return
        if phase is Phase.CONTINUOUS and not self.is_open:
            return
        terms, quote = order.terms, self._quote_for(order)
        if terms.order_type in TRAILS and not order.triggered:
            order.stop_price = matching.trailed(terms, order.stop_price, quote.last)
        if terms.order_type in WAITING and not order.triggered:
            if order.status is Status.PENDING_CANCEL or not matching.triggers(terms, order.stop_price, quote):
                return
            order.triggered, order.why_held = True, ""
            order.become(Status.SUBMITTED)
            self.tell(order)
        limit = matching.limit_of(terms, order.stop_price)
        found = matching.match(terms, order.remaining, limit, quote, phase)
        legs = self.legs.get(order.perm_id, ())
        if found is not None and combos.is_within(legs, terms.leg_prices, terms.sign, self.quotes):
            self._fill(order, found)
        if terms.time_in_force in ("IOC", "FOK") and order.is_open:
            self.cancel(order)

    def _fill(self, order: Order, found: Match) -> None:
        self._use_up(order, found.quantity)
        order.filled += found.quantity
        order.value += found.quantity * found.price
        order.last_fill_price = found.price
        account = self.accounts[order.terms.account]
        executions = [self.tape.book(order, account, found.quantity, found.price, self.now_ns)]
        for leg in self.legs.get(order.perm_id, ()):
            signed = order.terms.sign * leg.ratio * found.quantity
            price = self._leg_price(leg, signed)
            executions.append(self.tape.book_leg(order, leg.contract, account, signed, price, self.now_ns))
        if order.remaining:
            if order.status is Status.PRE_SUBMITTED:
                order.become(Status.SUBMITTED)
        else:
            order.become(Status.FILLED)
            order.completed_ns, order.completed_why = self.now_ns, f"Filled Size: {order.filled}"
        self.facts += [Executed(execution) for execution in executions]
        self.tell(order)
        self.facts += [Held(account, e.contract) for e in executions if e.contract.security_type != "BAG"]
        self._after_fill(order, found.quantity)

    def _after_fill(self, order: Order, quantity: Decimal) -> None:
        for other, rest in self.groups.touched_by_fill(order, quantity):
            if rest > other.filled:
                other.terms = replace(other.terms, quantity=rest)
                self.tell(other)
            else:
                self.cancel(other, "OCA group")
        if order.status is Status.FILLED:
            for child in self.groups.children_of(order):
                if child.is_open and child.is_accepted:
                    self.begin(child)

    def _leg_price(self, leg: combos.Leg, signed: Decimal) -> Decimal:
        quote = self.quotes[leg.contract.con_id]
        return quote.ask if signed > 0 else quote.bid

    def _use_up(self, order: Order, quantity: Decimal) -> None:
        if order.perm_id in self.legs:
            return
        con_id, quote = order.contract.con_id, self.quotes[order.contract.con_id]
        if order.terms.is_buy:
            self.quotes[con_id] = replace(quote, ask_size=max(quote.ask_size - quantity, Decimal(0)))
        else:
            self.quotes[con_id] = replace(quote, bid_size=max(quote.bid_size - quantity, Decimal(0)))

    def end(self, order: Order, status: Status, why: str) -> None:
        """End an order; children of one that never filled end with it."""
        order.become(status)
        order.completed_ns, order.completed_why = self.now_ns, why
        self.tell(order)
        for child in self.groups.children_of(order):
            if child.is_open and order.filled == 0:
                self.cancel(child)

    def expire_unless_filled(self, order: Order) -> None:
        """End an order whose time is over."""
        if order.is_open:
            self.end(order, Status.CANCELLED, "Expired")

    def tell(self, order: Order) -> None:
        """Tell how an order is now."""
        if not order.is_open:
            self.open.pop(order.perm_id, None)
        self.facts.append(Changed(replace(order)))


def _first_quote(contract: Contract) -> Quote:
    tick, price = contract.minimum_tick, contract.price
    return Quote(
        price - tick,
        price + tick,
        price,
        DEFAULT_SIZE,
        DEFAULT_SIZE,
        open=price,
        high=price,
        low=price,
        close=price,
    )
