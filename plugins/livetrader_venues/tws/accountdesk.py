"""Accounts: summaries, updates, positions and profits, as answers and as news.

Everything that is a snapshot ends with a message of its own; a client that waits for a timeout instead of
that end takes an empty list for an empty account.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from datetime import UTC, datetime
from typing import TypeVar

from livetrader_venues.tws import ledger
from livetrader_venues.tws.exchange import Exchange
from livetrader_venues.tws.facts import Fact, Held
from livetrader_venues.tws.ledger import Account
from livetrader_venues.tws.replies import (
    NANOSECONDS,
    UNSET_DOUBLE,
    plain,
    portfolio,
    position,
    position_multi,
    reply,
)
from livetrader_venues.tws.requests import Request
from livetrader_venues.tws.switchboard import Session, Switchboard

ALL_LEDGERS = "$LEDGER"
_T = TypeVar("_T")


class AccountDesk:
    """Answers about accounts; tells subscribers when a position changes."""

    def __init__(self, board: Switchboard, exchange: Exchange) -> None:
        self._board = board
        self._exchange = exchange
        self.has_link = True
        self._stale: set[str] = set()  # accounts whose values will be told again
        self.handlers: dict[str, Callable[[Session, Request], None]] = {
            "reqAccountUpdates": self._updates,
            "reqPositions": self._positions,
            "cancelPositions": self._cancel_positions,
            "reqPositionsMulti": self._positions_multi,
            "cancelPositionsMulti": lambda s, r: drop(s.positions, r),
            "reqAccountUpdatesMulti": self._updates_multi,
            "cancelAccountUpdatesMulti": lambda s, r: drop(s.updates, r),
            "reqAccountSummary": self._summary,
            "cancelAccountSummary": lambda s, r: drop(s.summaries, r),
            "reqPnL": self._profit,
            "cancelPnL": lambda s, r: drop(s.profits, r),
            "reqPnLSingle": self._profit,
            "cancelPnLSingle": lambda s, r: drop(s.profits, r),
            "reqManagedAccts": lambda s, r: self.tell_accounts(s),
        }

    def tell_accounts(self, session: Session) -> None:
        """Send managedAccounts. TWS ends the list with a comma where there are several."""
        names = ",".join(self._exchange.accounts)
        self._board.send(session, reply("managedAccounts", 1, names + "," if "," in names else names))

    # ---- requests

    def _updates(self, session: Session, request: Request) -> None:
        account = self._account(request.values.text("account"))
        if not request.values.flag("subscribe"):
            session.accounts.clear()
        elif account is None:
            self._board.tell(session, 321, "Error validating request.-'bT' : cause - Invalid account code")
        else:
            session.accounts = {account.name}  # one at a time: a new subscription ends the one before
            self._tell_updates(session, account)
            self._board.send(session, reply("accountDownloadEnd", 1, account.name))

    def _tell_updates(self, session: Session, account: Account) -> None:
        for key, value, currency in ledger.values(account, self._exchange.worth(account)):
            self._board.send(session, reply("updateAccountValue", 2, key, value, currency, account.name))
        for held in account.positions.values():
            last = self._exchange.price(held.contract)
            self._board.send(session, portfolio(account.name, held, last))
        moment = datetime.fromtimestamp(self._board.now_ns // NANOSECONDS, UTC)
        self._board.send(session, reply("updateAccountTime", 1, f"{moment:%H:%M}"))

    def _positions(self, session: Session, request: Request) -> None:
        session.sees_positions = True
        for account in self._exchange.accounts.values():
            for held in account.held():
                self._board.send(session, position(account.name, held))
        self._board.send(session, reply("positionEnd", 1))

    def _cancel_positions(self, session: Session, request: Request) -> None:
        session.sees_positions = False

    def _positions_multi(self, session: Session, request: Request) -> None:
        request_id, name = request.request_id, request.values.text("account")
        session.positions[request_id] = name
        for account in self._chosen(name):
            for held in account.held():
                self._board.send(session, position_multi(request_id, account.name, held))
        self._board.send(session, reply("positionMultiEnd", 1, request_id))

    def _updates_multi(self, session: Session, request: Request) -> None:
        request_id = request.request_id
        session.updates[request_id] = (request.values.text("account"), request.values.flag("ledgerAndNLV"))
        self._tell_updates_multi(session, request_id)
        self._board.send(session, reply("accountUpdateMultiEnd", 1, request_id))

    def _tell_updates_multi(self, session: Session, request_id: int) -> None:
        name, only_ledger = session.updates[request_id]
        for account in self._chosen(name):
            now = self._exchange.worth(account)
            rows = ledger.ledger(account, now) if only_ledger else ledger.values(account, now)
            for key, value, currency in rows:
                fields = (1, request_id, account.name, "", key, value, currency)
                self._board.send(session, reply("accountUpdateMulti", *fields))

    def _summary(self, session: Session, request: Request) -> None:
        request_id = request.request_id
        tags = tuple(tag for tag in request.values.text("tags").split(",") if tag)
        if len(session.summaries) >= 2 and request_id not in session.summaries:
            self._board.tell(session, 322, "Maximum number of account summary requests exceeded", request_id)
            return
        session.summaries[request_id] = (tuple(self._exchange.accounts), tags)
        self._tell_summary(session, request_id)
        self._board.send(session, reply("accountSummaryEnd", 1, request_id))

    def _tell_summary(self, session: Session, request_id: int) -> None:
        names, tags = session.summaries[request_id]
        for name in names:
            account = self._exchange.accounts[name]
            now = self._exchange.worth(account)
            rows = [row for row in ledger.values(account, now) if row[0] in tags]
            if any(tag.startswith(ALL_LEDGERS) for tag in tags):
                rows += ledger.ledger(account, now)
            for key, value, currency in rows:
                self._board.send(session, reply("accountSummary", 1, request_id, name, key, value, currency))

    def _profit(self, session: Session, request: Request) -> None:
        con_id = request.values.whole("conId") if "conId" in request.values.fields else None
        session.profits[request.request_id] = (request.values.text("account"), con_id)
        self._tell_profit(session, request.request_id)

    def _tell_profit(self, session: Session, request_id: int) -> None:
        name, con_id = session.profits[request_id]
        account = self._account(name)
        if account is None:
            return
        if con_id is None:
            now = self._exchange.worth(account)
            numbers = (now.unrealized + now.realized, now.unrealized, now.realized)
            self._board.send(session, reply("pnl", request_id, *(plain(n) for n in numbers)))
            return
        held = account.positions.get(con_id)
        if held is None:
            fields = (0, UNSET_DOUBLE, UNSET_DOUBLE, UNSET_DOUBLE, UNSET_DOUBLE)
            self._board.send(session, reply("pnlSingle", request_id, *fields))
            return
        value = held.quantity * self._exchange.price(held.contract) * held.contract.factor
        gain = value - held.quantity * held.average_cost
        about = (held.quantity, gain + held.realized, gain, held.realized, value)
        self._board.send(session, reply("pnlSingle", request_id, *(plain(n) for n in about)))

    # ---- news

    def heard(self, fact: Fact) -> None:
        """Tell subscribers of a position that changed; one that is gone is told with a quantity of zero."""
        if not isinstance(fact, Held) or not self.has_link:
            return
        account, held = fact.account, fact.account.position(fact.contract)
        for session in self._board.sessions():
            if session.sees_positions:
                self._board.send(session, position(account.name, held))
            for request_id, name in session.positions.items():
                if name in ("", "All", account.name):
                    self._board.send(session, position_multi(request_id, account.name, held))
            if account.name in session.accounts:
                self._board.send(session, portfolio(account.name, held, self._exchange.price(held.contract)))
        if account.name not in self._stale:
            self._stale.add(account.name)
            self._board.later(1, lambda: self.refresh(account))

    def refresh(self, account: Account) -> None:
        """Tell subscribers an account's values again, as TWS does every three minutes and after trades."""
        self._stale.discard(account.name)
        for session in self._board.sessions():
            if account.name in session.accounts:
                self._tell_updates(session, account)
            for request_id in session.updates:
                self._tell_updates_multi(session, request_id)
            for request_id in session.summaries:
                self._tell_summary(session, request_id)
            for request_id in session.profits:
                self._tell_profit(session, request_id)

    def _account(self, name: str) -> Account | None:
        if not name:
            return next(iter(self._exchange.accounts.values()))
        return self._exchange.accounts.get(name)

    def _chosen(self, name: str) -> list[Account]:
        if name in ("", "All"):
            return list(self._exchange.accounts.values())
        return [account for account in self._exchange.accounts.values() if account.name == name]


def drop(subscriptions: MutableMapping[int, _T], request: Request) -> None:
    """Forget the subscription that a request names."""
    subscriptions.pop(request.request_id, None)
