"""What the rest of the daemon may see of the account: read-only, cheap, never a call to the brokerage."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from livetrader.gateway.ledger import Ledger
from livetrader.gateway.liquidation import Attempt
from livetrader.gateway.session import Session
from livetrader.gateway.valuation import Valuation
from livetrader.journal.identifiers import kill_attempt
from livetrader.journal.replay import Counters, JournalState, OrderState, Position
from livetrader_engine.events import AccountLoaded, OpenOrderRecord, PositionRecord
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.spi import OrderRecord
from livetrader_engine.symbols import Symbol


class AccountView:
    """The account as the gateway has it. What is returned belongs to the gateway: read, do not change."""

    ledger: Ledger  # the kill switch writes its orders here, where their trades are known
    _session: Session
    _valuation: Valuation

    @property
    def state(self) -> JournalState:
        """Everything the journal says."""
        return self.ledger.state

    @property
    def orders(self) -> list[OrderState]:
        """Every remembered order, oldest first, with its history."""
        return list(self.ledger.state.orders.values())

    @property
    def open_orders(self) -> list[OrderState]:
        """Orders that may still trade."""
        return list(self.ledger.state.open.values())

    @property
    def positions(self) -> dict[Symbol, Position]:
        """What is held; symbols without a position are missing."""
        return self.ledger.state.positions

    @property
    def cash(self) -> dict[str, Decimal]:
        """Currency to amount, as the brokerage last said."""
        return self._valuation.cash

    @property
    def last_prices(self) -> dict[Symbol, float]:
        """Newest price seen of each symbol."""
        return self._valuation.prices

    @property
    def counters(self) -> Counters:
        """Oddities of the venue that were dealt with."""
        return self.ledger.state.counters

    @property
    def unresolved(self) -> int:
        """Orders whose outcome is unknown."""
        return self._session.unresolved

    @property
    def unanswered(self) -> bool:
        """Whether an order of the algorithm may still be on its way: sent, and the venue has not answered."""
        return any(
            order.status is OrderStatus.NEW and order.kill_id is None
            for order in self.ledger.state.open.values()
        )

    def liquidating(self, now_s: float) -> dict[Symbol, Attempt]:
        """Return the liquidation orders that are not over, as if sent now: by a daemon that died, mostly.

        The venue may not show them yet; another order beside them would sell twice. With them come those that
        were refused, so that their names are not used again.
        """
        kill = self.ledger.state.kill
        now = None if kill is None else kill.kill_id
        return {
            order.spec.symbol: Attempt(
                kill_attempt(order.kill_id, order.spec.symbol, order.client_order_id) or 0,
                order.client_order_id,
                now_s,
                -order.spec.quantity,
                refused=not order.is_open,
            )
            for order in self.ledger.state.orders.values()
            if order.kill_id is not None
            and (order.is_open or (order.status is OrderStatus.INVALID and order.kill_id == now))
        }

    @property
    def foreign_orders(self) -> int:
        """How many working orders at the brokerage are not ours, at the last look."""
        return len(self.foreign)

    @property
    def foreign(self) -> tuple[OrderRecord, ...]:
        """The working orders at the brokerage that are not ours, at the last look."""
        return self._session.corrector.foreign

    @property
    def looked_ns(self) -> int | None:
        """When the account was last compared with the journal, None before the first time."""
        return self._session.looked_ns

    @property
    def look_problem(self) -> str:
        """Why the last comparison failed, empty where it did not."""
        return self._session.problem

    @property
    def differences(self) -> Mapping[Symbol, Decimal]:
        """Positions at the brokerage less ours, seen once and not booked yet."""
        return self._session.differences

    @property
    def session_id(self) -> str:
        """The brokerage session; changes with every login."""
        return self._session.session_id

    @property
    def day_start_equity(self) -> Decimal | None:
        """Equity when the UTC day began, None before the first look of the day."""
        return self._valuation.day_start_equity

    def equity(self) -> Decimal:
        """Return cash plus positions at the newest prices."""
        return self._valuation.equity()

    def daily_loss(self) -> Decimal:
        """Return what was lost since the UTC day began, negative for a gain."""
        return self._valuation.daily_loss()

    def loss_limit_reached(self) -> bool:
        """Return whether limits.daily_loss is lost; ask at every time step."""
        return self._valuation.loss_limit_reached()

    def _account(self, time_ns: int) -> AccountLoaded:
        state = self.ledger.state
        return AccountLoaded(
            time_ns=time_ns,
            cash=dict(self._valuation.cash),
            positions=tuple(
                PositionRecord(symbol, held.quantity, held.average_price)
                for symbol, held in state.positions.items()
            ),
            open_orders=tuple(
                OpenOrderRecord(order.spec, order.status, order.filled, order.brokerage_order_id)
                for order in state.open.values()
                if order.kill_id is None
            ),
            next_order_id=state.next_order_id,
        )
