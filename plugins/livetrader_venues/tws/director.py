"""Do to a peer what a script says: every action has a name and keywords.

The names are the public methods of `Director`; a script that names another, or a keyword that it does not
take, is refused before the peer starts.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal, InvalidOperation

from livetrader_venues.tws.contracts import Contract
from livetrader_venues.tws.faults import ONLY_FOR_REPLIES, Kind, Rule
from livetrader_venues.tws.gateway import Gateway
from livetrader_venues.tws.orders import Order
from livetrader_venues.tws.replies import NUMBERS
from livetrader_venues.tws.requests import REQUESTS
from livetrader_venues.tws.settings import SECOND_NS
from livetrader_venues.tws.tape import Execution

REQUEST_NAMES = frozenset(name for name, _ in REQUESTS.values()) | {"connectAck"}


class ScriptError(Exception):
    """A script cannot be played. The text says where and what would be right."""


class Director:
    """Plays actions on a gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def perform(self, name: str, keywords: Mapping[str, object]) -> None:
        """Do one action. Raises ScriptError."""
        check(name, keywords)
        action: Callable[..., None] = getattr(self, name)
        action(**keywords)
        self._gateway.publish()

    # ---- prices and sessions

    def quote(
        self,
        symbol: str,
        bid: object,
        ask: object,
        last: object = None,
        size: object = 1_000_000,
    ) -> None:
        """Set the book of a contract; `size` is what either side has."""
        price = (_number(bid) + _number(ask)) / 2 if last is None else _number(last)
        contract, depth = self._contract(symbol), _number(size)
        old = self._gateway.exchange.quotes[contract.con_id]
        quote = replace(old, bid=_number(bid), ask=_number(ask), last=price, bid_size=depth, ask_size=depth)
        self._gateway.exchange.quote(contract, quote)

    def session(self, state: str) -> None:
        """`open` or `close` the market; a close holds the closing auction, then day orders expire."""
        if state not in ("open", "close"):
            raise ScriptError(f"session: state must be open or close, not {state!r}")
        self._gateway.exchange.set_session(state == "open")

    # ---- what people do in TWS, and IB to trades

    def trade(self, symbol: str, quantity: object, account: str = "") -> None:
        """Trade by hand in TWS; a negative quantity sells."""
        self._gateway.exchange.trade_manually(
            self._account(account), self._contract(symbol), _number(quantity)
        )

    def order(self, symbol: str, quantity: object, limit: object, account: str = "") -> None:
        """Type a limit order into TWS; a negative quantity sells."""
        contract, signed = self._contract(symbol), _number(quantity)
        self._gateway.outages.place_manually(self._account(account), contract, signed, _number(limit))

    def cancel(self, reference: str = "") -> None:
        """Cancel an order by hand in TWS."""
        self._gateway.exchange.cancel(self._order(reference))

    def refuse(self, code: int = 201, text: str = "Order rejected", reference: str = "") -> None:
        """Refuse an order that was taken before."""
        self._gateway.exchange.refuse(self._order(reference), code, text)

    def number_again(self, reference: str = "") -> None:
        """Give an order another permId."""
        self._gateway.exchange.number_again(self._order(reference))

    def correct(self, price: object = None, quantity: object = None, reference: str = "") -> None:
        """Correct the newest trade, of an order with this reference where one is named."""
        self._gateway.exchange.revise(
            self._execution(reference).exec_id,
            price=None if price is None else _number(price),
            quantity=None if quantity is None else _number(quantity),
        )

    def bust(self, reference: str = "") -> None:
        """Bust the newest trade."""
        self._gateway.exchange.revise(self._execution(reference).exec_id, quantity=Decimal(0))

    # ---- the gateway

    def error(self, code: int, text: str) -> None:
        """Tell every client an error that is about no request."""
        self._gateway.outages.tell_all(code, text)

    def lose_link(self) -> None:
        """1100: IB is gone, the sockets stay."""
        self._gateway.outages.lose_link()

    def restore_link(self, data_lost: bool = False, orders_lost: bool = False) -> None:
        """1102, or 1101 where data are lost."""
        self._gateway.outages.restore_link(data_lost=data_lost, orders_lost=orders_lost)

    def farm(self, kind: str, name: str, state: str) -> None:
        """Break, heal or idle a data farm: 2103 to 2108."""
        try:
            self._gateway.outages.farm(kind, name, state)
        except KeyError as error:
            raise ScriptError(
                f"farm: {error}; kind is market or history, state broken, fine or idle"
            ) from error

    def restart(self, down_s: float = 30.0, rollback: int = 0, needs_login: bool = False) -> None:
        """Stop the gateway and start it again; `rollback` is how many order ids it forgets."""
        self._gateway.outages.restart(_nanoseconds(down_s), rollback=rollback, needs_login=needs_login)

    def confirm_login(self) -> None:
        """Confirm the second factor that a restart waits for."""
        self._gateway.outages.confirm_login()

    def nightly_reset(self, down_s: float = 60.0) -> None:
        """1100, and after a while 1102."""
        self._gateway.outages.nightly_reset(_nanoseconds(down_s))

    def compete(self, active: bool = True) -> None:
        """Another session of the login takes the market data: 10197."""
        self._gateway.outages.compete(active)

    def fault(self, **keywords: object) -> None:
        """Arm a fault; the keywords are those of [[fault]]."""
        self._gateway.faults.add(rule_of(keywords))

    def clear_faults(self) -> None:
        """Disarm all faults."""
        self._gateway.faults.clear()

    # ---- names

    def _contract(self, symbol: str) -> Contract:
        try:
            return self._gateway.exchange.catalogue.named(symbol)
        except StopIteration as error:
            raise ScriptError(f"there is no contract {symbol}") from error

    def _account(self, name: str) -> str:
        return name or next(iter(self._gateway.exchange.accounts))

    def _order(self, reference: str) -> Order:
        for order in reversed(list(self._gateway.exchange.open_orders())):
            if reference in ("", order.terms.order_ref):
                return order
        raise ScriptError(f"no order is open{' with reference ' + reference if reference else ''}")

    def _execution(self, reference: str) -> Execution:
        for done in reversed(self._gateway.exchange.tape.latest()):
            if reference in ("", done.order_ref):
                return done
        raise ScriptError(f"nothing was traded{' with reference ' + reference if reference else ''}")


ACTIONS = frozenset(name for name in vars(Director) if not name.startswith("_")) - {"perform"}


def check(name: str, keywords: Mapping[str, object]) -> None:
    """Raise ScriptError for an action that does not exist or does not take these keywords."""
    if name not in ACTIONS:
        raise ScriptError(f"there is no action {name!r}; known: {', '.join(sorted(ACTIONS))}")
    try:
        inspect.signature(getattr(Director, name)).bind(None, **keywords)
    except TypeError as error:
        raise ScriptError(f"{name}: {error}") from error
    if name == "fault":
        rule_of(keywords)


_RULE_KEYS = {"kind", "message", "client", "skip", "count", "by_s", "probability", "code", "text"}


def rule_of(said: Mapping[str, object]) -> Rule:
    """Return the fault that a script describes. Raises ScriptError."""
    unknown = set(said) - _RULE_KEYS
    if unknown:
        raise ScriptError(
            f"fault: unknown {', '.join(sorted(unknown))}; known: {', '.join(sorted(_RULE_KEYS))}"
        )
    kinds = {kind.value: kind for kind in Kind}
    kind, message = kinds.get(str(said.get("kind"))), str(said.get("message", ""))
    if kind is None:
        raise ScriptError(f"fault: kind must be one of {', '.join(kinds)}")
    if message != "*" and message not in NUMBERS and message not in REQUEST_NAMES:
        raise ScriptError(f"fault: no message is named {message!r}")
    if message in REQUEST_NAMES and kind in ONLY_FOR_REPLIES:
        raise ScriptError(f"fault: {kind.value} is for what TWS says, {message} is a request")
    client = said.get("client")
    return Rule(
        kind,
        message,
        client_id=None if client is None else int(str(client)),
        skip=int(str(said.get("skip", 0))),
        count=int(str(said.get("count", 1))),
        by_ns=_nanoseconds(said.get("by_s", 1.0)),
        probability=float(str(said.get("probability", 1.0))),
        code=int(str(said.get("code", 0))),
        text=str(said.get("text", "")),
    )


def _number(said: object) -> Decimal:
    try:
        return Decimal(str(said))
    except InvalidOperation as error:
        raise ScriptError(f"{said!r} is not a number") from error


def _nanoseconds(seconds: object) -> int:
    return int(float(str(seconds)) * SECOND_NS)
