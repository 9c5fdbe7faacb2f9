"""What an operator may decide about the account: control.custody.CustodyOperations over the gateway."""

from __future__ import annotations

from collections.abc import Coroutine
from decimal import Decimal

from livetrader.control.custody_views import (
    ForeignOrderView,
    ReconciliationView,
    RestrictionView,
    ShareView,
)
from livetrader.control.operations import OperationState, OperationView
from livetrader.control.tracking import OperationLog
from livetrader.errors import DaemonError
from livetrader.gateway.gateway import Gateway
from livetrader.supervisor.parts import Parts
from livetrader_engine.spi import OrderRecord
from livetrader_engine.symbols import Symbol


def restrictions(gateway: Gateway) -> tuple[RestrictionView, ...]:
    """Return every symbol that may not be traded freely, and why."""
    state = gateway.state
    return tuple(
        RestrictionView(
            symbol=symbol.text,
            ticker=symbol.value,
            reason=state.why_closed(symbol) or state.restricted.get(symbol, ""),
            closed=bool(state.why_closed(symbol)),
            unexplained=state.unexplained.get(symbol, Decimal(0)),
        )
        for symbol in _sorted({*state.restricted, *state.closed_symbols, *state.actions.pending})
    )


def foreign_orders(gateway: Gateway) -> tuple[ForeignOrderView, ...]:
    """Return the working orders at the brokerage that are not ours."""
    return tuple(_foreign(order) for order in gateway.foreign)


def _foreign(order: OrderRecord) -> ForeignOrderView:
    spec = order.spec
    return ForeignOrderView(
        client_order_id=order.client_order_id,
        brokerage_order_id=order.brokerage_order_id,
        symbol=spec.symbol.text,
        ticker=spec.symbol.value,
        type=spec.type.name.lower(),
        quantity=spec.quantity,
        filled_quantity=order.filled_quantity,
        limit_price=spec.limit_price,
    )


def _sorted(symbols: set[Symbol]) -> list[Symbol]:
    return sorted(symbols, key=lambda symbol: symbol.text)


class DaemonCustody:
    """Implements CustodyOperations. Belongs to the loop's thread."""

    def __init__(self, parts: Parts, operations: OperationLog) -> None:
        self._parts = parts
        self._gateway = parts.gateway
        self._operations = operations

    def reconciliation(self) -> ReconciliationView:
        """Return how journal and brokerage compare since the last look."""
        gateway, state = self._gateway, self._gateway.state
        return ReconciliationView(
            time_ns=gateway.looked_ns,
            problem=gateway.look_problem,
            restricted=restrictions(gateway),
            differences=tuple(
                ShareView(symbol.text, symbol.value, quantity)
                for symbol, quantity in gateway.differences.items()
            ),
            ignored=tuple(
                ShareView(symbol.text, symbol.value, state.ignored[symbol].quantity)
                for symbol in _sorted(set(state.ignored))
            ),
            foreign_orders=foreign_orders(gateway),
            foreign_fills=gateway.counters.foreign_fills,
            unresolved=tuple(order.client_order_id for order in gateway.open_orders if order.unknown),
            orphans=tuple(order.client_order_id for order in gateway.custody.orphans),
        )

    async def reconcile(self, *, who: str, reason: str) -> OperationView:
        """Compare with the brokerage's account now."""
        view = self._operations.begin("reconcile", who, reason)
        self._later(view, self._compare())
        return view

    async def adopt(self, *, who: str, what: str, reason: str) -> OperationView:
        """Take a position or an order as the algorithm's. Raises KeyError for what is not known."""
        return await self._now("adopt", who, reason, self._gateway.custody.adopt(what, who))

    async def ignore(self, *, who: str, what: str, quantity: Decimal | None, reason: str) -> OperationView:
        """Leave a part of a position, or an order, to somebody else. Raises KeyError as `adopt` does."""
        return await self._now("ignore", who, reason, self._gateway.custody.ignore(what, quantity, who))

    async def flatten(self, *, who: str, symbol: str, reason: str) -> OperationView:
        """Close a symbol to orders, cancel those it has, close its position. Raises KeyError as `adopt`."""
        found = self._gateway.custody.find(symbol)
        view = self._operations.begin("flatten", who, reason)
        self._gateway.custody.close(found, reason or f"flattened by {who}", who)
        self._later(view, self._flatten(found))
        return view

    async def _compare(self) -> str:
        await self._gateway.custody.reconcile()
        view = self.reconciliation()
        open_ = len(view.differences) + len(view.restricted) + len(view.unresolved) + len(view.orphans)
        return f"{open_} matters are open" if open_ else "journal and brokerage agree"

    async def _flatten(self, symbol: Symbol) -> str:
        await self._parts.kill.flattening.run(symbol)
        await self._gateway.custody.reconcile()  # the brokerage may still owe us the trades
        self._gateway.tell_account()  # liquidation orders tell the algorithm nothing
        return f"{symbol.value} is flat and takes no orders; `livetrader adopt {symbol.value}` lifts that"

    async def _now(
        self, kind: str, who: str, reason: str, work: Coroutine[object, object, str]
    ) -> OperationView:
        view = self._operations.begin(kind, who, reason)
        try:
            words = await work
        except (DaemonError, KeyError) as error:
            self._operations.end(view.id, OperationState.FAILED, str(error))
            raise
        return self._operations.end(view.id, OperationState.DONE, words) or view

    def _later(self, view: OperationView, work: Coroutine[object, object, str]) -> None:
        async def finish() -> None:
            state, words = OperationState.FAILED, "the daemon stopped"
            try:
                words = await work
                state = OperationState.DONE
            except DaemonError as error:  # its own answer; nothing else of the daemon depends on it
                words = str(error)
            finally:
                self._operations.end(view.id, state, words)

        self._parts.tasks.spawn(f"operation {view.kind}", finish())
