"""From messages of TWS to events of the brokerage, in order, losing none.

While the account is being read the book only learns: what the account will show is not told twice, what
differs from it is told behind it. Trades are facts and never held back for longer than that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Set
from decimal import Decimal
from typing import Final, cast

from livetrader_engine.events import BrokerageMessageKind
from livetrader_engine.orders.order import ClientOrderId, ExecutionId
from livetrader_engine.orders.states import OrderStatus
from livetrader_engine.spi import (
    AccountSnapshot,
    BrokerageEvent,
    CashChanged,
    Context,
    ExecutionReport,
    FeeReported,
    OutcomeUnknownError,
    VenueError,
)
from livetrader_engine.symbols import Symbol
from livetrader_plugins.ibkr import codes, reports
from livetrader_plugins.ibkr.account import ALL_CURRENCIES, CASH_KEY, RawAccount
from livetrader_plugins.ibkr.codes import Meaning, Subject, meaning_of
from livetrader_plugins.ibkr.library import CommissionReport, Contract, Execution, Order, OrderState
from livetrader_plugins.ibkr.numbers import number_of
from livetrader_plugins.ibkr.orderbook import OrderBook
from livetrader_plugins.ibkr.receiver import Message
from livetrader_plugins.ibkr.reports import MarginPreview
from livetrader_plugins.ibkr.session import ENDED, TwsSession
from livetrader_plugins.ibkr.tracked import Tracked
from livetrader_plugins.sdk.event_stream import EventStream

TRADES_LATE_S: Final = 2.0  # a status may say "filled" so long before the trades come
PREVIEW_WAIT_S: Final = 10.0  # for what a what-if order needs; an order waits so long for it at most
COMBINATION: Final = "BAG"
NO_SUBJECT: Final = -1  # the id of an error that is about nothing in particular


class News:
    """The news of one session: the book they are judged by and the stream they leave through.

    Its methods run within `data_received`; what they raise makes the session suspect.
    """

    def __init__(
        self,
        session: TwsSession,
        account: str,
        context: Context,
        symbol_of: Callable[[Contract], Symbol | None],
    ) -> None:
        """Begin to learn. `symbol_of` knows the symbols of contracts that were met before."""
        self.stream = EventStream()
        self.book = OrderBook(session.address.client_id, context.now_ns, self._doubt)
        self._session = session
        self._account = account
        self._symbol_of = symbol_of
        self._now_ns = context.now_ns
        self._cash: dict[str, Decimal] = {}
        self._learning = True
        self._held: list[BrokerageEvent] = []
        self._previews: dict[int, asyncio.Future[MarginPreview]] = {}
        self._doubted: set[Tracked] = set()

    # The account.

    def settle(self, raw: RawAccount, snapshot: AccountSnapshot) -> None:
        """Begin to tell news: the daemon has this account, everything else comes behind it."""
        known = {(fill.execution_id, fill.fee) for _, fill in snapshot.fills}
        for contract, execution in raw.trades:
            for event in self.book.execution(execution, self._symbol_of(contract)):
                if isinstance(event, FeeReported) and (event.execution_id, event.fee) not in known:
                    self._held.append(event)  # it came too late for the account
        for item in raw.completed_orders:
            done = number_of(item.order.filledQuantity) or Decimal(0)
            self.book.learn(item.order, reports.completed_status_of(item.state.status), done)
        shown: dict[ClientOrderId, OrderStatus] = {}
        for item in raw.open_orders:
            done, size = item.filled or Decimal(0), number_of(item.order.totalQuantity) or Decimal(0)
            status = reports.status_of(item.state.status, filled=done, quantity=size)
            shown[ClientOrderId(item.order.orderRef)] = status
            self.book.learn(item.order, status, done)
        self._cash.update(snapshot.cash)
        self._learning = False
        held, self._held = self._held, []
        fills = {(fill.execution_id, fill.revision) for _, fill in snapshot.fills}
        self._put(event for event in held if _is_news(event, shown, fills))

    def look(self, raw: RawAccount) -> None:
        """Tell what a later look at the account shows and nobody has told."""
        for contract, execution in raw.trades:
            if contract.secType != COMBINATION:
                self._put(self.book.execution(execution, self._symbol_of(contract)))
        for item in raw.open_orders:
            if not reports.is_over(item.state.status):
                self.book.reopen(item.order)

    async def preview(self, order_id: int, contract: Contract, order: Order) -> MarginPreview:
        """Send a what-if order and return the answer. Raises VenueError: refused, or no answer."""
        answer: asyncio.Future[MarginPreview] = asyncio.get_running_loop().create_future()
        self._previews[order_id] = answer
        try:
            async with asyncio.timeout(PREVIEW_WAIT_S):
                await self._session.send_order("placeOrder", order_id, contract, order)
                return await answer
        except TimeoutError as error:
            raise VenueError(f"TWS did not say within {PREVIEW_WAIT_S:g} s what the order needs") from error
        except OutcomeUnknownError as error:
            raise VenueError(f"not sent: {error}") from error  # a question, not an order
        finally:
            del self._previews[order_id]

    # Messages.

    def hear(self, message: Message) -> None:
        """Take in one message of the session."""
        match message.name:
            case "openOrder":
                _, _, order, state = cast(tuple[int, Contract, Order, OrderState], message.arguments)
                self._open_order(order, state)
            case "orderStatus":
                order_id, status, filled, _, _, perm_id, _, _, client_id, *_ = message.arguments
                about = (cast(int, order_id), cast(str, status), cast(float, filled))
                self._put(self.book.order_status(*about, cast(int, perm_id), cast(int, client_id)))
            case "completedOrder":
                _, order, state = cast(tuple[Contract, Order, OrderState], message.arguments)
                self._put(self.book.completed_order(order, state.status))
            case "execDetails":
                contract, execution = cast(tuple[Contract, Execution], message.arguments[1:3])
                if contract.secType == COMBINATION:
                    return  # its legs are told beside it, and they are what is held
                if execution.acctNumber in {self._account, ""}:
                    self._put(self.book.execution(execution, self._symbol_of(contract)))
            case "commissionReport":
                self._put(self.book.commission(cast(CommissionReport, message.arguments[0])))
            case "updateAccountValue":
                self._account_value(*cast(tuple[str, str, str, str], message.arguments))
            case "managedAccounts":
                self._accounts(cast(str, message.arguments[0]))
            case "error":
                self._error(*cast(tuple[int, int, str], message.arguments[:3]))
            case _ if message.name == ENDED:
                self._end(cast(str, message.arguments[0]))

    def _open_order(self, order: Order, state: OrderState) -> None:
        preview = self._previews.get(order.orderId)
        if preview is not None and order.whatIf:
            if not preview.done():
                preview.set_result(reports.margin_of(state))
        elif not order.whatIf and order.account in {self._account, ""}:
            self._put(self.book.open_order(order, state.status))

    def _account_value(self, key: str, value: str, currency: str, account: str) -> None:
        amount = number_of(value) if key == CASH_KEY and account == self._account else None
        if amount is None or currency in {"", ALL_CURRENCIES} or self._cash.get(currency) == amount:
            return
        self._cash[currency] = amount
        self._put([CashChanged(self._now_ns(), currency, amount)])

    def _accounts(self, names: str) -> None:
        if self._account not in names.split(","):
            self._session.end(f"TWS is logged in to {names} now, not to {self._account}")

    def _error(self, number: int, code: int, text: str) -> None:
        preview = self._previews.get(number)
        if preview is not None:
            judged = meaning_of(code, Subject.NEW_ORDER)
            if not preview.done() and judged not in {Meaning.WARNING, Meaning.INFORMATION}:
                preview.set_exception(VenueError(f"TWS refuses the order: {code} {text}"))
            return
        if number != NO_SUBJECT and code not in codes.LINK_CODES:
            self._put(self.book.error(number, code, text))
            return
        meaning = meaning_of(code, Subject.NOTHING)
        quiet = meaning in {Meaning.FARM, Meaning.INFORMATION}
        kind = BrokerageMessageKind.INFORMATION if quiet else BrokerageMessageKind.WARNING
        self._put([self.book.message(kind, code, text)])
        if code == codes.MESSAGE_RATE:
            self._put(self.book.dropped(f"{code} {text}"))
        if code == codes.LINK_LOST or not self._session.link.up:
            self.stream.end(f"{code} {text}")

    def _end(self, why: str) -> None:
        for preview in self._previews.values():
            if not preview.done():
                preview.set_exception(VenueError(f"the session with TWS ended: {why}"))
        self.stream.end(why)

    def _put(self, events: Iterable[BrokerageEvent]) -> None:
        """Hand events to the daemon; while learning they wait, since the account may show them."""
        for event in events:
            if self._learning:
                self._held.append(event)
            elif not self.stream.put(event) and not self.stream.ended:
                self._session.end("nobody reads the news of the brokerage")

    # Trades that are told too late.

    def _doubt(self, tracked: Tracked) -> None:
        """Look again in a while whether the trades of an order have come."""
        if tracked not in self._doubted and not self._learning:
            self._doubted.add(tracked)
            asyncio.get_running_loop().call_later(TRADES_LATE_S, self._check, tracked)

    def _check(self, tracked: Tracked) -> None:
        self._doubted.discard(tracked)
        if tracked.lacks_trades and not self.stream.ended:
            words = f"TWS says that {tracked.claimed} is filled and has told trades of {tracked.filled}"
            self._put(self.book.unsure(tracked, words))


def _is_news(
    event: BrokerageEvent,
    shown: Mapping[ClientOrderId, OrderStatus],
    fills: Set[tuple[ExecutionId, int]],
) -> bool:
    """Whether an event that came while the account was read says anything that the account does not."""
    if not isinstance(event, ExecutionReport):
        return True
    if event.fill is not None:
        return (event.fill.execution_id, event.fill.revision) not in fills
    return shown.get(event.client_order_id) is not event.status
