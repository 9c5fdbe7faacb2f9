"""Trades: fills put together to positions that were opened and closed. Source: LEAN's TradeBuilder.cs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final, Protocol

import msgspec

from livetrader_engine.data.bars import TradeBar
from livetrader_engine.errors import AlgorithmError
from livetrader_engine.money import ONE, ZERO, from_float
from livetrader_engine.orders.order import Fill, OrderId
from livetrader_engine.statistics.trade import FillGrouping, FillMatching, Trade, TradeDirection, TradeLog
from livetrader_engine.symbols import Symbol

__all__ = ["FillGrouping", "FillMatching", "Trade", "TradeBuilder", "TradeDirection"]

_CENTS: Final = Decimal("0.01")


# Members by name of their own: looking one up in its enumeration costs several times as much.
_BY_FILL: Final = FillGrouping.FILL_TO_FILL
_LONG: Final = TradeDirection.LONG
_SHORT: Final = TradeDirection.SHORT
_NOTHING: Final = Decimal("0.00")


class UnitValue(Protocol):
    """What a unit of a security stands for."""

    @property
    def contract_multiplier(self) -> Decimal: ...


class Tradable(Protocol):
    """What trades need of a security; `securities.Security` is one."""

    @property
    def symbol(self) -> Symbol: ...
    @property
    def properties(self) -> UnitValue: ...
    @property
    def source(self) -> object: ...
    @property
    def price(self) -> float: ...


class _Entry:
    """One entry that waits for its exit. The marks are floats: they are asked for at every price."""

    __slots__ = ("best", "fall", "fees", "long", "orders", "price", "quantity", "time_ns")

    def __init__(
        self, time_ns: int, price: Decimal, quantity: Decimal, fees: Decimal, order: OrderId
    ) -> None:
        self.time_ns = time_ns
        self.price = price
        self.long = quantity > 0
        self.quantity = abs(quantity)
        self.fees = fees
        self.orders = (order,)
        self.best = float(price)  # the price at which the profit was largest
        self.fall = 0.0  # deepest fall of the profit from its largest, per unit

    def is_of(self, order: OrderId, fill: Fill) -> bool:
        """Return whether this is the entry that a fill made, and nothing of it was closed."""
        told = (self.time_ns, self.price, self.quantity, self.long)
        made = (fill.time_ns, fill.price, abs(fill.quantity), fill.quantity > 0)
        return order in self.orders and told == made


class _PendingFill:
    __slots__ = ("order", "price", "quantity", "time_ns")

    def __init__(self, time_ns: int, price: Decimal, quantity: Decimal, order: OrderId) -> None:
        self.time_ns = time_ns
        self.price = price
        self.quantity = quantity
        self.order = order


class _Position:
    """What is open in one symbol: entries (FILL_TO_FILL) or fills (the other two groupings)."""

    __slots__ = ("entries", "fees", "fills", "high", "low", "security")

    def __init__(self, security: Tradable, price: Decimal) -> None:
        self.security = security
        self.entries: list[_Entry] = []
        self.fills: list[_PendingFill] = []
        self.fees = ZERO
        self.high = self.low = float(price)

    def mark(self, price: float) -> None:
        """Note a price: extremes of the position, drawdown of each entry."""
        if price > self.high:
            self.high = price
        elif price < self.low:
            self.low = price
        for entry in self.entries:
            gain = price - entry.best if entry.long else entry.best - price
            if gain > 0:
                entry.best = price
            elif -gain > entry.fall:
                entry.fall = -gain


class _Booking(msgspec.Struct, frozen=True, gc=False):
    """One fill on its way into the trades. `worth` turns price times quantity into account currency."""

    security: Tradable
    order: OrderId
    fill: Fill
    fee: Decimal
    worth: Decimal


class TradeBuilder:
    """Makes trades of fills. Owned by the engine, called from its thread; memory is bounded."""

    def __init__(
        self,
        grouping: FillGrouping = FillGrouping.FILL_TO_FILL,
        matching: FillMatching = FillMatching.FIFO,
    ) -> None:
        self._positions: dict[Symbol, _Position] = {}
        self.rule(grouping, matching)
        self.watched: Mapping[Symbol, object] = self._positions  # symbols whose prices matter
        self.log = TradeLog()
        self.closed = self.log.closed

    def rule(self, grouping: FillGrouping, matching: FillMatching) -> None:
        """Put fills together by these rules. Raises AlgorithmError while a position is open."""
        if self._positions:
            raise AlgorithmError("the way trades are built cannot change while a position is open")
        self.grouping, self.matching = grouping, matching
        self._first_in = matching is FillMatching.FIFO

    def has_open(self, symbol: Symbol) -> bool:
        """Return whether a symbol has an entry without exit."""
        return symbol in self._positions

    def mark_all(self) -> None:
        """Note the newest price of every symbol with an open position."""
        for position in self._positions.values():
            source = position.security.source
            # the close of a bar is its value: a call less for nearly every mark there is
            price = source.close if isinstance(source, TradeBar) else position.security.price
            if price > position.high:
                position.high = price
            elif price < position.low:
                position.low = price
            for entry in position.entries:
                gain = price - entry.best if entry.long else entry.best - price
                if gain > 0:
                    entry.best = price
                elif -gain > entry.fall:
                    entry.fall = -gain

    def fill(self, security: Tradable, order: OrderId, fill: Fill, fee: Decimal, rate: Decimal = ONE) -> None:
        """Take in a fill. `fee` is in account currency; of an order's fills only the first one's counts.

        `rate` turns the security's quote currency into the account's.
        """
        fee = self.log.counted(order, fee)
        booking = _Booking(security, order, fill, fee, rate * security.properties.contract_multiplier)
        position = self._positions.get(security.symbol)
        if position is None:
            self._open(booking, fill.quantity, fee)
            return
        position.mark(float(fill.price))
        if self.grouping is _BY_FILL:
            self._fill_to_fill(position, booking)
        elif self.grouping is FillGrouping.FLAT_TO_FLAT:
            self._flat_to_flat(position, booking)
        else:
            self._flat_to_reduced(position, booking)

    def correct(self, security: Tradable, order: OrderId, old: Fill, new: Fill, rate: Decimal = ONE) -> None:
        """Put a fill in the place of one that was taken in.

        An entry that is still whole is mended. Else the old fill is traded back, so that the sums are right
        and closed trades stay as they were.
        """
        position = self._positions.get(security.symbol)
        for entry in () if position is None else position.entries:
            if entry.is_of(order, old) and old.quantity * new.quantity > 0:
                entry.price, entry.quantity = new.price, abs(new.quantity)
                entry.best = float(new.price)
                return
        back = msgspec.structs.replace(old, quantity=-old.quantity, time_ns=new.time_ns)
        self.log.counted(order, ZERO)  # fees are told apart from corrections
        for fill in (item for item in (back, new) if item.quantity):
            self.fill(security, order, fill, ZERO, rate)

    def charge(self, symbol: Symbol, order: OrderId, amount: Decimal) -> None:
        """Add what an order turned out to cost, in account currency, to its newest entry or trade."""
        position = self._positions.get(symbol)
        for entry in () if position is None else reversed(position.entries):
            if order in entry.orders:
                entry.fees += amount
                return
        self.log.charge(order, amount)

    def split(self, symbol: Symbol, factor: Decimal) -> None:
        """Scale what is open in a symbol by a split of raw prices: prices times the factor."""
        position = self._positions.get(symbol)
        if position is None:
            return
        ratio = float(factor)
        position.high *= ratio
        position.low *= ratio
        for entry in position.entries:
            entry.quantity /= factor
            entry.price *= factor
            entry.best *= ratio
            entry.fall *= ratio
        for pending in position.fills:
            pending.quantity /= factor
            pending.price *= factor

    def _open(self, booking: _Booking, quantity: Decimal, fee: Decimal) -> None:
        fill = booking.fill
        position = self._positions[booking.security.symbol] = _Position(booking.security, fill.price)
        self._add(position, booking, quantity, fee)

    def _add(self, position: _Position, booking: _Booking, quantity: Decimal, fee: Decimal) -> None:
        fill = booking.fill
        if self.grouping is _BY_FILL:
            position.entries.append(_Entry(fill.time_ns, fill.price, quantity, fee, booking.order))
        else:
            position.fills.append(_PendingFill(fill.time_ns, fill.price, quantity, booking.order))
            position.fees += fee

    def _fill_to_fill(self, position: _Position, booking: _Booking) -> None:
        entries, quantity = position.entries, booking.fill.quantity
        index = 0 if self._first_in else -1
        if (quantity > 0) == entries[index].long:
            self._add(position, booking, quantity, booking.fee)
            return
        left, fee = abs(quantity), booking.fee
        while entries and left > 0:
            entry = entries[index]
            closed = min(left, entry.quantity)
            self._close_entry(position, entry, booking, closed, fee)
            fee = ZERO  # several trades closed by one order: its fee counts once
            left -= closed
            if closed == entry.quantity:
                del entries[index]
            else:
                entry.quantity -= closed
                entry.fees = ZERO
        self._after_closing(booking, left)

    def _close_entry(
        self, position: _Position, entry: _Entry, booking: _Booking, quantity: Decimal, fee: Decimal
    ) -> None:
        high, low, price, fill = (
            from_float(position.high),
            from_float(position.low),
            entry.price,
            booking.fill,
        )
        worth = quantity * booking.worth
        if entry.long:
            side, adverse, favorable, profit = _LONG, low - price, high - price, fill.price - price
        else:
            side, adverse, favorable, profit = _SHORT, price - high, price - low, (fill.price - price) * -1
        self.log.add(
            Trade(
                number=self.log.made + 1,
                symbol=booking.security.symbol,
                entry_ns=entry.time_ns,
                entry_price=price,
                direction=side,
                quantity=quantity,
                exit_ns=fill.time_ns,
                exit_price=fill.price,
                profit=_cents(profit * worth),
                fees=entry.fees + fee,
                orders=(*entry.orders, booking.order),
                adverse=_cents(adverse * worth),
                favorable=_cents(favorable * worth),
                drawdown=_cents(from_float(entry.fall) * worth) if entry.fall else _NOTHING,
            )
        )

    def _flat_to_flat(self, position: _Position, booking: _Booking) -> None:
        before = sum((item.quantity for item in position.fills), ZERO)
        same_side = (position.fills[0].quantity > 0) == (booking.fill.quantity > 0)
        self._add(position, booking, booking.fill.quantity, booking.fee)
        after = before + booking.fill.quantity
        if same_side or after * before > 0:
            return
        exits = booking.fill.quantity > 0
        ordered = position.fills if self._first_in else position.fills[::-1]
        entry, entered = _average(item for item in ordered if (item.quantity > 0) != exits)
        leave, _ = _average(item for item in ordered if (item.quantity > 0) == exits)
        sign = 1 if entered > 0 else -1
        self.log.add(
            Trade(
                number=self.log.made + 1,
                symbol=booking.security.symbol,
                entry_ns=position.fills[0].time_ns,
                entry_price=entry,
                direction=TradeDirection.SHORT if exits else TradeDirection.LONG,
                quantity=abs(entered),
                exit_ns=booking.fill.time_ns,
                exit_price=leave,
                profit=_cents((leave - entry) * abs(entered) * sign * booking.worth),
                fees=position.fees,
                orders=tuple(dict.fromkeys(item.order for item in ordered)),
            )
        )
        position.fills.clear()
        self._after_closing(booking, abs(after))

    def _flat_to_reduced(self, position: _Position, booking: _Booking) -> None:
        fills, quantity = position.fills, booking.fill.quantity
        index = 0 if self._first_in else -1
        if (quantity > 0) == (fills[index].quantity > 0):
            self._add(position, booking, quantity, booking.fee)
            return
        taken: list[_PendingFill] = []
        entry_ns, left = fills[index].time_ns, abs(quantity)
        while fills and left > 0:
            item = fills[index]
            sign = 1 if item.quantity > 0 else -1
            part = min(left, abs(item.quantity))
            taken.append(_PendingFill(item.time_ns, item.price, part * sign, item.order))
            left -= part
            if part != abs(item.quantity):
                item.quantity -= part * sign
                continue
            del fills[index]
            if not self._first_in:  # last in, first out: the trade began with the last entry closed in full
                entry_ns = item.time_ns
        entry, entered = _average(taken)
        self.log.add(
            Trade(
                number=self.log.made + 1,
                symbol=booking.security.symbol,
                entry_ns=entry_ns,
                entry_price=entry,
                direction=TradeDirection.LONG if entered > 0 else TradeDirection.SHORT,
                quantity=abs(entered),
                exit_ns=booking.fill.time_ns,
                exit_price=booking.fill.price,
                profit=_cents((booking.fill.price - entry) * entered * booking.worth),
                fees=position.fees + booking.fee,
                orders=tuple(dict.fromkeys((booking.order, *(item.order for item in taken)))),
            )
        )
        position.fees = ZERO
        self._after_closing(booking, left)

    def _after_closing(self, booking: _Booking, left: Decimal) -> None:
        """Forget a position that is flat; begin a new one with what went through zero, without a fee."""
        symbol, quantity = booking.security.symbol, booking.fill.quantity
        position = self._positions[symbol]
        if position.entries or position.fills:
            return
        del self._positions[symbol]
        if left > 0:
            self._open(booking, left if quantity > 0 else -left, ZERO)


def _average(fills: Iterable[_PendingFill]) -> tuple[Decimal, Decimal]:
    """Return the average price and the signed quantity, averaged fill by fill as LEAN does."""
    price = quantity = ZERO
    for item in fills:
        quantity += item.quantity
        price += (item.price - price) * item.quantity / quantity
    return price, quantity


def _cents(value: Decimal) -> Decimal:
    return value.quantize(_CENTS, rounding=ROUND_HALF_EVEN)
