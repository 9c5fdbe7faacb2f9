"""Orders. Quantities and prices are floats here and decimals behind.

What may follow an order's quantity and prices is the same for all: `asynchronous`, `tag`, `order_properties`,
in this order or by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from livetrader_engine.commands import LogLevel
from livetrader_engine.errors import AlgorithmError, DataError
from livetrader_engine.orders.messages import LIQUIDATED
from livetrader_engine.orders.order import OrderId, OrderType
from livetrader_engine.orders.request import ResponseCode
from livetrader_engine.orders.ticket import OrderRecord
from livetrader_engine.symbols import Symbol as CoreSymbol
from livetrader_engine.trading import DEFAULT_TERMS, OrderPrices, OrderTerms, Target
from livetrader_lean.algorithm.history import HistoryMixin
from livetrader_lean.enums import OrderType as OrderTypeFace
from livetrader_lean.names import known_as, snake
from livetrader_lean.order_properties import MarketOnCloseOrder, OrderProperties
from livetrader_lean.portfolio import Portfolio
from livetrader_lean.reality.reality import shortable, shortable_quantity
from livetrader_lean.securities import Securities
from livetrader_lean.symbols import Symbol
from livetrader_lean.tickets import OrderTicket, SubmitOrderRequest, decimal
from livetrader_lean.transactions import Transactions
from livetrader_lean.views import Face

_TOO_MANY: Final = ResponseCode.EXCEEDED_MAXIMUM_ORDERS


class PortfolioTarget(Face):
    """A symbol and the part of the equity it should be, for `set_holdings`."""

    __slots__ = ("quantity", "symbol", "tag")

    def __init__(self, symbol: Any, quantity: float, tag: str = "") -> None:
        self.symbol = symbol
        self.quantity = quantity
        self.tag = tag

    @staticmethod
    def percent(algorithm: Any, symbol: Any, percent: float, tag: str = "") -> PortfolioTarget | None:
        """Return a target of the quantity that makes a symbol a part of the equity; None without a price."""
        lean = algorithm._lean
        core = lean.resolve(symbol)
        security = lean.engine.securities.get(core)
        if security is None or not security.price:
            lean.log(LogLevel.ERROR, f"there is no price of {core.value} to make a target of")
            return None
        held = float(lean.engine.portfolio.quantity(core))
        change = float(lean.engine.trading.quantity_for(core, _weight(percent)))
        return PortfolioTarget(Symbol(core), held + change, tag)

    def __str__(self) -> str:
        tag = f" ({self.tag})" if self.tag else ""
        return f"{self.symbol}: {self.quantity:g}{tag}"


class _Orders(HistoryMixin):
    """What all orders go through."""

    def _terms(self, symbol: CoreSymbol | None, given: tuple[Any, ...], named: dict[str, Any]) -> OrderTerms:
        """Return what follows an order's prices: positions are told apart by their types."""
        if not given and not named and self._lean.transactions.default_properties.says_nothing:
            return DEFAULT_TERMS
        values = {snake(name): value for name, value in named.items()}
        for item in given:
            if isinstance(item, OrderProperties):
                values["order_properties"] = item
            elif isinstance(item, str):
                values["tag"] = item
            elif isinstance(item, bool):
                values["asynchronous"] = item
            elif item is not None:
                raise AlgorithmError(f"an order does not understand {item!r}")
        properties = values.pop("order_properties", None) or self._lean.transactions.default_properties
        terms = OrderTerms(
            outside_regular_hours=properties.outside_regular_hours,
            tag=values.pop("tag", "") or "",
            synchronous=not values.pop("asynchronous", False),
            properties=properties.instructions(),
        )
        if values:
            raise AlgorithmError(f"an order does not understand {sorted(values)}")
        if symbol is None:
            return terms
        return msgspec.structs.replace(terms, time_in_force=properties.time_in_force.core(self._lean, symbol))

    def _order(
        self, kind: OrderType, symbol: Any, quantity: float, terms: tuple[Any, ...], named: dict[str, Any],
        **prices: Any,
    ) -> OrderTicket:  # fmt: skip
        core = self._tradable(symbol)
        exact: dict[str, Any] = {name: decimal(value) for name, value in prices.items()}
        self._use_buffer()
        record = self._lean.engine.trading.order(
            kind, core, decimal(quantity), self._terms(core, terms, named), OrderPrices(**exact)
        )
        return self._ticket(record)

    def _tradable(self, symbol: Any) -> CoreSymbol:
        """Return the core symbol of what is to be ordered; what was not added is added, as LEAN does.

        Source: QCAlgorithm.Trading.cs, GetSecurityForOrder. It gets its last known price at once.
        """
        lean = self._lean
        core = symbol.core if isinstance(symbol, Symbol) else lean.resolve(symbol)
        security = lean.engine.securities.get(core)
        if (security is not None and security.is_tradable) or core in lean.engine.corporate.delisted:
            return core
        lean.log(LogLevel.DEBUG, f"{core.value} was ordered without being added: it is added now")
        try:
            security = lean.engine.subscriptions.add_security(core, lean.default_resolution)
        except DataError as error:
            lean.log(LogLevel.ERROR, f"{core.value} cannot be added: {error}")
            return core
        newest = None if security.price else self.get_last_known_price(core)
        if newest is not None:
            security.update(newest.core)
        return core

    def _use_buffer(self) -> None:
        orders, buffer_ns = self._lean.engine.orders, MarketOnCloseOrder.chosen_ns()
        if buffer_ns != orders.policy.market_on_close_buffer_ns:
            orders.policy = msgspec.structs.replace(orders.policy, market_on_close_buffer_ns=buffer_ns)

    def _ticket(self, record: OrderRecord) -> OrderTicket:
        response = record.submitted.response
        if response.code is _TOO_MANY:
            self._lean.quit_reason = response.message
        return OrderTicket(self._lean, record)

    @property
    def default_order_properties(self) -> OrderProperties:
        """Properties of orders that are given none."""
        return self._lean.transactions.default_properties

    @default_order_properties.setter
    def default_order_properties(self, value: OrderProperties) -> None:
        self._lean.transactions.default_properties = value


class MarketOrdersMixin(_Orders):
    """Orders without a price, targets and liquidation."""

    def market_order(self, symbol: Any, quantity: float, *terms: Any, **named: Any) -> OrderTicket:
        """Trade at the market, at the next open where closed; waits for the fill unless `asynchronous`."""
        core = self._tradable(symbol)
        self._use_buffer()
        trading = self._lean.engine.trading
        return self._ticket(trading.market_order(core, decimal(quantity), self._terms(core, terms, named)))

    def order(self, symbol: Any, quantity: float, *terms: Any, **named: Any) -> OrderTicket:
        """Trade at the market; the same as `market_order`; an order type says nothing, as in LEAN."""
        named.pop("type", None)
        if terms and isinstance(terms[0], OrderTypeFace):
            terms = terms[1:]
        return MarketOrdersMixin.market_order(self, symbol, quantity, *terms, **named)

    def buy(self, symbol: Any, quantity: float) -> OrderTicket:
        """Buy at the market."""
        return MarketOrdersMixin.market_order(self, symbol, abs(quantity))

    def sell(self, symbol: Any, quantity: float) -> OrderTicket:
        """Sell at the market."""
        return MarketOrdersMixin.market_order(self, symbol, -abs(quantity))

    def market_on_open_order(self, symbol: Any, quantity: float, *terms: Any, **named: Any) -> OrderTicket:
        """Trade at the next open."""
        return self._order(OrderType.MARKET_ON_OPEN, symbol, quantity, terms, named)

    def market_on_close_order(self, symbol: Any, quantity: float, *terms: Any, **named: Any) -> OrderTicket:
        """Trade at the next close."""
        return self._order(OrderType.MARKET_ON_CLOSE, symbol, quantity, terms, named)

    def submit_order_request(self, request: SubmitOrderRequest) -> OrderTicket:
        """Check a request that the algorithm made itself and hand it over."""
        record = self._lean.engine.orders.submit(
            msgspec.structs.replace(request.core(self._lean), synchronous=False)
        )
        request._asked = record.submitted
        return self._ticket(record)

    def set_holdings(self, *arguments: Any, **named: Any) -> list[OrderTicket]:
        """Trade until a symbol is a part of the equity: `set_holdings("SPY", 0.5)`; or a list of targets.

        Then `liquidate_existing_holdings`, which closes every other position first, and what any order takes.
        """
        given, values = list(arguments), {snake(name): value for name, value in named.items()}
        if "targets" in values or (given and isinstance(given[0], list | tuple)):
            targets = self._targets(values.pop("targets", None) or given.pop(0))
        else:
            symbol = values.pop("symbol") if "symbol" in values else given.pop(0)
            weight = values.pop("percentage") if "percentage" in values else given.pop(0)
            targets = [Target(self._lean.resolve(symbol), _weight(weight))]
        liquidate = bool(values.pop("liquidate_existing_holdings", given.pop(0) if given else False))
        terms = self._terms(targets[0].symbol if targets else None, tuple(given), values)
        self._use_buffer()
        records = self._lean.engine.trading.set_holdings(targets, liquidate_others=liquidate, terms=terms)
        return [self._ticket(record) for record in records]

    def _targets(self, targets: Sequence[PortfolioTarget]) -> list[Target]:
        return [Target(self._lean.resolve(item.symbol), _weight(item.quantity)) for item in targets]

    def liquidate(self, symbol: Any = None, *arguments: Any, **named: Any) -> list[OrderTicket]:
        """Cancel the open orders of a symbol (or several, or all) and close its position."""
        values = {snake(name): value for name, value in named.items()}
        if symbol is None:
            symbol = values.pop("symbols", values.pop("symbol_to_liquidate", None))
        several = symbol if isinstance(symbol, list | tuple) else [symbol]
        symbols = None if symbol is None else [self._lean.resolve(item) for item in several]
        tagged = any(isinstance(item, str) for item in arguments) or values.get("tag") is not None
        terms = self._terms(symbols[0] if symbols else None, arguments, values)
        if not tagged:
            terms = msgspec.structs.replace(terms, tag=LIQUIDATED)
        self._use_buffer()
        return [self._ticket(record) for record in self._lean.engine.trading.liquidate(symbols, terms)]

    def calculate_order_quantity(self, symbol: Any, target: float) -> float:
        """Return the signed quantity to trade for the position to be `target` of the equity."""
        core = self._lean.resolve(symbol)
        return float(self._lean.engine.trading.quantity_for(core, _weight(target)))

    @known_as(max="maximum")
    def set_maximum_orders(self, maximum: int) -> None:
        """End the run at this number of orders; without effect after `initialize`."""
        if not self._lean.initialized:
            self._lean.engine.orders.max_orders = int(maximum)

    def shortable(self, symbol: Any, short_quantity: float = 0, update_order_id: int | None = None) -> bool:
        """Return whether so much more may be sold short, by the security's shortable provider."""
        changed = None if update_order_id is None else OrderId(int(update_order_id))
        return shortable(self._lean, self._lean.resolve(symbol), decimal(short_quantity), changed)

    def shortable_quantity(self, symbol: Any) -> int:
        """Return how much may be sold short; 0 too where there is no limit, as in LEAN."""
        return shortable_quantity(self._lean, self._lean.resolve(symbol)) or 0

    @property
    def portfolio(self) -> Portfolio:
        """The account."""
        return self._lean.portfolio

    @property
    def securities(self) -> Securities:
        """Everything that was added."""
        return self._lean.securities

    @property
    def transactions(self) -> Transactions:
        """Orders by number."""
        return self._lean.transactions

    def is_market_open(self, symbol: Any) -> bool:
        """Return whether a symbol trades now, in regular hours."""
        hours = self._lean.market(symbol).hours
        return hours.is_open(self._lean.engine.clock.now_ns)


def _weight(value: Any) -> Any:
    return decimal(value if isinstance(value, int) and not isinstance(value, bool) else float(value))


class PricedOrdersMixin(_Orders):
    """Orders with prices."""

    def limit_order(
        self, symbol: Any, quantity: float, limit_price: float, *terms: Any, **named: Any
    ) -> OrderTicket:
        """Trade at a price or better."""
        return self._order(OrderType.LIMIT, symbol, quantity, terms, named, limit_price=limit_price)

    def stop_market_order(
        self, symbol: Any, quantity: float, stop_price: float, *terms: Any, **named: Any
    ) -> OrderTicket:
        """Trade at the market once a price is reached."""
        return self._order(OrderType.STOP_MARKET, symbol, quantity, terms, named, stop_price=stop_price)

    def stop_limit_order(
        self, symbol: Any, quantity: float, stop_price: float, limit_price: float, *terms: Any, **named: Any
    ) -> OrderTicket:
        """Trade at a limit once a price is reached."""
        return self._order(
            OrderType.STOP_LIMIT, symbol, quantity, terms, named,
            stop_price=stop_price, limit_price=limit_price,
        )  # fmt: skip

    def limit_if_touched_order(
        self,
        symbol: Any,
        quantity: float,
        trigger_price: float,
        limit_price: float,
        *terms: Any,
        **named: Any,
    ) -> OrderTicket:
        """Trade at a limit once a price is touched."""
        return self._order(
            OrderType.LIMIT_IF_TOUCHED, symbol, quantity, terms, named,
            trigger_price=trigger_price, limit_price=limit_price,
        )  # fmt: skip

    def trailing_stop_order(self, symbol: Any, quantity: float, *arguments: Any, **named: Any) -> OrderTicket:
        """Trade at the market once the price comes back by an amount, or a percentage (0.05 is 5 %).

        Takes (trailing_amount, trailing_as_percentage, ...), or a first stop price before them.
        """
        given, values = list(arguments), {snake(name): value for name, value in named.items()}
        stop_price = values.pop("stop_price", None)
        if stop_price is None and len(given) > 1 and not isinstance(given[1], bool):
            stop_price = given.pop(0)
        amount = values.pop("trailing_amount") if "trailing_amount" in values else given.pop(0)
        percent = (
            values.pop("trailing_as_percentage") if "trailing_as_percentage" in values
            else given.pop(0) if given else False
        )  # fmt: skip
        core = self._tradable(symbol)
        prices = OrderPrices(
            stop_price=None if stop_price is None else decimal(stop_price),
            trailing_amount=decimal(amount),
            trailing_as_percentage=bool(percent),
        )
        terms = self._terms(core, tuple(given), values)
        trading = self._lean.engine.trading
        return self._ticket(trading.order(OrderType.TRAILING_STOP, core, decimal(quantity), terms, prices))
