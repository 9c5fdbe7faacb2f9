"""What goes wrong with the gateway itself: its link to IB, its data farms, its restarts, its login.

1100 says that the link is lost; the socket stays. 1101 says that it is back and subscriptions are not, 1102
that all is as before. A restart ends every connection and refuses new ones; after the weekly one somebody
must confirm the login on a phone. What trades while the link is down is not told later, only answered to
who asks.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from livetrader_venues.tws.accountdesk import AccountDesk
from livetrader_venues.tws.contracts import Contract
from livetrader_venues.tws.datadesk import DataDesk
from livetrader_venues.tws.exchange import Exchange
from livetrader_venues.tws.orderdesk import OrderDesk
from livetrader_venues.tws.orders import MANUAL_CLIENT_ID, Order, Terms
from livetrader_venues.tws.switchboard import Session, Switchboard

LOST = (1100, "Connectivity between IBKR and Trader Workstation has been lost.")
BACK_WITHOUT_DATA = (1101, "Connectivity between IBKR and Trader Workstation has been restored - data lost.")
BACK = (1102, "Connectivity between IBKR and Trader Workstation has been restored - data maintained.")
BOTH_DATA_LINKS = (
    (2104, "Market data farm connection is OK:usfarm"),
    (2106, "HMDS data farm connection is OK:ushmds"),
    (2158, "Sec-def data farm connection is OK:secdefil"),
)


@dataclass(frozen=True, slots=True)
class Farm:
    """The codes and words of one kind of data farm: broken, fine, idle."""

    broken: tuple[int, str]
    fine: tuple[int, str]
    idle: tuple[int, str]


FARMS = {
    "market": Farm(
        (2103, "Market data farm connection is broken:"),
        (2104, "Market data farm connection is OK:"),
        (2108, "Market data farm connection is inactive but should be available upon demand."),
    ),
    "history": Farm(
        (2105, "HMDS data farm connection is broken:"),
        (2106, "HMDS data farm connection is OK:"),
        (2107, "HMDS data farm connection is inactive but should be available upon demand."),
    ),
}


class Outages:
    """The state of the gateway and everything that changes it."""

    def __init__(
        self,
        board: Switchboard,
        exchange: Exchange,
        orders: OrderDesk,
        accounts: AccountDesk,
        data: DataDesk,
    ) -> None:
        self._board = board
        self._exchange = exchange
        self._desks = (orders, accounts, data)
        self._orders = orders
        self._data = data
        self._broken: dict[str, tuple[int, str]] = {}
        self._starts = 0
        self.accepts = True
        self.waits_for_login = False

    def tell_farms(self, session: Session) -> None:
        """Tell a new client how the farms are: 2104, 2106, 2158, or what is broken."""
        for code, text in BOTH_DATA_LINKS:
            name = text.rpartition(":")[2]
            self._board.tell(session, *self._broken.get(name, (code, text)))
        if not self._orders.has_link:
            self._board.tell(session, *LOST)

    def tell_all(self, code: int, text: str) -> None:
        """Tell every client something that is about no request."""
        for session in self._board.sessions():
            self._board.tell(session, code, text)

    def lose_link(self) -> None:
        """IB is gone: 1100. Orders of clients wait in the gateway, news of orders is lost."""
        if self._orders.has_link:
            self._link(False)
            self.tell_all(*LOST)

    def restore_link(self, *, data_lost: bool = False, orders_lost: bool = False) -> None:
        """IB is back: 1102, or 1101 with all subscriptions gone; waiting orders go out or are lost."""
        self._link(True)
        if data_lost:
            for session in self._board.everyone():
                for subscriptions in (session.quotes, session.ticks, session.bars, session.histories):
                    subscriptions.clear()
        self.tell_all(*(BACK_WITHOUT_DATA if data_lost else BACK))
        waiting, self._orders.waiting = self._orders.waiting, []
        if not orders_lost:
            for held in waiting:
                self._orders.release(held)

    def _link(self, up: bool) -> None:
        for desk in self._desks:
            desk.has_link = up

    def farm(self, kind: str, name: str, state: str) -> None:
        """A farm is `broken`, `fine` or `idle`; `kind` is market or history. Raises KeyError."""
        code, text = {"broken": FARMS[kind].broken, "fine": FARMS[kind].fine, "idle": FARMS[kind].idle}[state]
        if state == "broken":
            self._broken[name] = (code, text + name)
        else:
            self._broken.pop(name, None)
        self.tell_all(code, text + name)

    def restart(self, down_ns: int, *, rollback: int = 0, needs_login: bool = False) -> None:
        """Stop the gateway and start it again after a while; with `needs_login` only when somebody
        confirms.
        """
        self._board.close_all()
        self._orders.restart(rollback)
        self._link(True)
        self.accepts = False
        self.waits_for_login = needs_login
        self._starts += 1
        start = self._starts
        self._board.later(down_ns, lambda: self._come_back(start))

    def confirm_login(self) -> None:
        """Somebody has confirmed the second factor: the gateway takes clients again."""
        self.waits_for_login = False
        self.accepts = True

    def _come_back(self, start: int) -> None:
        if start == self._starts and not self.waits_for_login:
            self.accepts = True

    def nightly_reset(self, down_ns: int) -> None:
        """IB resets: the link is gone for a while and comes back, connections stay."""
        self.lose_link()
        start = self._starts
        self._board.later(down_ns, lambda: self._end_reset(start))

    def _end_reset(self, start: int) -> None:
        if start == self._starts and not self._orders.has_link:  # a restart in between has a link of its own
            self.restore_link()

    def compete(self, active: bool) -> None:
        """Another session of the same login takes the market data, or gives it back."""
        self._data.compete(active)

    def place_manually(
        self, account: str, contract: Contract, signed: Decimal, limit: Decimal
    ) -> Order | None:
        """Type a limit order into TWS; client 0 sees it."""
        terms = Terms(
            "BUY" if signed > 0 else "SELL", abs(signed), "LMT", limit, account=account, time_in_force="GTC"
        )
        return self._exchange.place(MANUAL_CLIENT_ID, 0, contract, terms)
