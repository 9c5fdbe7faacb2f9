"""The venue behind TWS: orders, books, fills. Pure: no time but what it is told, no client but by number.

It tells what happened as facts, in order; `take` empties the list. Clients, connections and faults are the
gateway's. What lives here survives a restart of the gateway, as orders at IB do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal

from livetrader_venues.tws import combos, matching, rules
from livetrader_venues.tws.contracts import Catalogue, Contract
from livetrader_venues.tws.facts import Executed, Fact, Held, Quoted, Refused
from livetrader_venues.tws.floor import Floor
from livetrader_venues.tws.ledger import Account, Worth, worth
from livetrader_venues.tws.matching import AT_CLOSE, TRAILS, Phase, Quote
from livetrader_venues.tws.orders import MANUAL_CLIENT_ID, Order, Status, Terms
from livetrader_venues.tws.tape import Execution

FIRST_PERM_ID = 1_100_000_000
FIVE_MINUTES_NS = 300 * 1_000_000_000


class Exchange:
    """Accounts, books and orders of one venue."""

    def __init__(
        self, catalogue: Catalogue, accounts: Iterable[Account], tape_prefix: str = "0000e0d5"
    ) -> None:
        self.catalogue = catalogue
        self.accounts = {account.name: account for account in accounts}
        self.floor = Floor(catalogue, self.accounts, tape_prefix)
        self.quotes, self.orders, self.tape = self.floor.quotes, self.floor.orders, self.floor.tape
        self._next_perm_id = FIRST_PERM_ID

    @property
    def now_ns(self) -> int:
        """The time it was last told."""
        return self.floor.now_ns

    def take(self) -> list[Fact]:
        """Return what happened since the last call."""
        facts, self.floor.facts = self.floor.facts, []
        return facts

    def price(self, contract: Contract) -> Decimal:
        """Return the last price of a contract."""
        return self.quotes[contract.con_id].last

    def rate(self, currency: str) -> Decimal:
        """Return dollars for one unit of a currency, 1 where no pair is quoted."""
        for contract in self.catalogue:
            if (
                contract.security_type == "CASH"
                and contract.symbol == currency
                and contract.currency == "USD"
            ):
                return self.price(contract)
        return Decimal(1)

    def worth(self, account: Account) -> Worth:
        """Return what an account is worth now."""
        return worth(account, self.price, self.rate)

    def open_orders(self) -> Iterator[Order]:
        """Yield the orders that are not over."""
        return self.floor.open_orders()

    # ---- orders

    def legs_of(self, terms: Terms) -> tuple[combos.Leg, ...] | None:
        """Return the legs of a combination, None where a leg is unknown."""
        return combos.legs_of(terms.legs, self.catalogue)

    def place(self, client_id: int, order_id: int, contract: Contract, terms: Terms) -> Order | None:
        """Take a new order. Return None where it is refused; the fact that tells why is there then."""
        refusal = self._refusal(contract, terms)
        if refusal is not None:
            self.floor.facts.append(Refused(client_id, order_id, *refusal))
            return None
        if terms.time_in_force == matching.MINUTES:
            terms = replace(terms, good_till_ns=self.now_ns + FIVE_MINUTES_NS)
        order = Order(self._next_perm_id, client_id, order_id, contract, terms)
        self._next_perm_id += 1
        self.floor.add(order, self.legs_of(terms) if contract.security_type == "BAG" else None)
        if terms.transmit:
            for each in self.floor.groups.family_of(order):
                if not each.is_accepted:
                    self.floor.accept(each)
        return order

    def change(self, order: Order, terms: Terms) -> None:
        """Replace the terms of an open order. What cannot be changed is refused and the order works on."""
        refusal = self._refusal(order.contract, terms)
        if refusal is None and (
            terms.action != order.terms.action
            or terms.order_type != order.terms.order_type
            or terms.quantity <= order.filled
        ):
            refusal = (105, "Order being modified does not match original order.")
        if refusal is not None:
            self.floor.facts.append(Refused(order.client_id, order.order_id, *refusal))
            return
        if terms.time_in_force == matching.MINUTES:
            terms = replace(terms, good_till_ns=order.terms.good_till_ns)
        order.terms = terms
        if order.terms.order_type in TRAILS:
            order.stop_price = terms.trail_stop_price
        if not terms.transmit:
            return
        if not order.is_accepted:
            self.floor.accept(order)
        else:
            self.floor.tell(order)
            self.floor.work(order, Phase.CONTINUOUS)

    def cancel(self, order: Order) -> None:
        """Cancel an open order."""
        self.floor.cancel(order)

    def ask_cancel(self, order: Order) -> None:
        """Take the wish to cancel an open order; `cancel` confirms it."""
        self.floor.ask_cancel(order)

    def cancel_all(self) -> None:
        """Cancel every open order, of whomever."""
        for order in self.open_orders():
            self.floor.cancel(order)

    def refuse(self, order: Order, code: int, text: str) -> None:
        """Refuse an order that was taken before, as IB does late at times."""
        self.floor.facts.append(Refused(order.client_id, order.order_id, code, text))
        self.floor.end(order, Status.INACTIVE, text)

    def number_again(self, order: Order) -> None:
        """Give an open order another permId, as is seen when a gateway sends an order twice."""
        self.floor.number_again(order, self._next_perm_id)
        self._next_perm_id += 1

    # ---- prices and sessions

    def quote(self, contract: Contract, quote: Quote) -> None:
        """Set the book of a contract; orders meet it, the oldest first."""
        old = self.quotes[contract.con_id]
        self.quotes[contract.con_id] = replace(
            quote,
            open=old.open,
            close=old.close,
            high=max(old.high, quote.last),
            low=min(old.low, quote.last),
            volume=old.volume + quote.last_size,
        )
        self.floor.facts.append(Quoted(contract, self.quotes[contract.con_id]))
        for order in self.open_orders():
            if contract.con_id in self.floor.books_of(order):
                self.floor.work(order, Phase.CONTINUOUS)

    def set_session(self, is_open: bool) -> None:
        """Open or close the market, with its auction: held orders begin to work, day orders expire."""
        if is_open:
            self._open()
        else:
            self._close()

    def _open(self) -> None:
        self.floor.is_open = True
        for order in self.open_orders():
            if order.terms.time_in_force == "OPG":
                self.floor.work(order, Phase.OPENING)
                self.floor.expire_unless_filled(order)
            elif order.is_accepted:
                self.floor.begin(order)

    def _close(self) -> None:
        for order in self.open_orders():
            if order.terms.order_type in AT_CLOSE:
                self.floor.work(order, Phase.CLOSING)
        self.floor.is_open = False
        for order in self.open_orders():
            if order.terms.time_in_force in ("DAY", "IOC", "FOK"):
                self.floor.expire_unless_filled(order)

    def pass_time(self, now_ns: int) -> None:
        """Move the clock; good-till-date orders expire."""
        self.floor.now_ns = now_ns
        for order in self.open_orders():
            until_ns = order.terms.good_till_ns
            if (
                order.terms.time_in_force in ("GTD", matching.MINUTES)
                and until_ns is not None
                and until_ns <= now_ns
            ):
                self.floor.expire_unless_filled(order)

    def revise(
        self, exec_id: str, *, price: Decimal | None = None, quantity: Decimal | None = None
    ) -> Execution:
        """Correct a trade, or bust it with a quantity of zero. Raises KeyError."""
        owner = next((e for e in self.tape if e.exec_id == exec_id), None)
        if owner is None:
            raise KeyError(exec_id)
        account = self.accounts[owner.account]
        new = self.tape.revise(exec_id, account, price=price, quantity=quantity)
        self.floor.facts += [Executed(new), Held(account, new.contract)]
        return new

    def trade_manually(self, account: str, contract: Contract, signed: Decimal) -> None:
        """Trade at the market by hand in TWS: order id 0, client 0, no reference."""
        terms = Terms("BUY" if signed > 0 else "SELL", abs(signed), "MKT", account=account)
        self.place(MANUAL_CLIENT_ID, 0, contract, terms)

    def exercise(
        self, client_id: int, number: int, option: Contract, terms: Terms, *, lapses: bool
    ) -> tuple[int, str] | None:
        """Turn options that an account holds into their stock at the strike, or let them go.

        It is told as executions: the options at nothing, the stock at the strike. Return the refusal, if any.
        """
        account, under = self.accounts.get(terms.account), self.catalogue.get(option.under_id)
        if account is None or under is None or option.security_type != "OPT":
            return 200, "No security definition has been found for the request"
        if not 0 < terms.quantity <= account.position(option).quantity:
            return 201, "Order rejected - reason:The account does not hold these options."
        order = Order(self._next_perm_id, client_id, number, option, terms, filled=terms.quantity)
        self._next_perm_id += 1
        done = [self.tape.book_leg(order, option, account, -terms.quantity, Decimal(0), self.now_ns)]
        if not lapses:
            signed = terms.quantity * option.factor * (1 if option.right == "C" else -1)
            done.append(self.tape.book_leg(order, under, account, signed, option.strike, self.now_ns))
        self.floor.facts += [Executed(each) for each in done]
        self.floor.facts += [Held(account, each.contract) for each in done]
        return None

    # ---- what follows what

    def _refusal(self, contract: Contract, terms: Terms) -> tuple[int, str] | None:
        """Return the error with which an order is refused before it works, None for a good one."""
        account = self.accounts.get(terms.account)
        if account is None:
            return 321, f"Error validating request.-'bW' : cause - Invalid account code '{terms.account}'."
        if contract.security_type == "BAG":
            wrong = matching.problem(terms)
            return wrong or (None if self.legs_of(terms) else (315, "Combination leg is not defined."))
        return rules.problem(contract, terms, account, self.worth(account), self.price(contract))
