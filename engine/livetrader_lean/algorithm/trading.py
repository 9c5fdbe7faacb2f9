"""Orders. Quantities and prices are floats here and decimals behind."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.orders.order import OrderType
from livetrader_engine.orders.request import OrderRequest
from livetrader_engine.trading import OrderTerms, Target
from livetrader_lean.algorithm.part import Part
from livetrader_lean.errors import NotInLivetrader
from livetrader_lean.portfolio import Portfolio
from livetrader_lean.securities import Securities
from livetrader_lean.tickets import OrderTicket, decimal
from livetrader_lean.transactions import Transactions
from livetrader_lean.views import Face


class PortfolioTarget(Face):
    """A symbol and the part of the equity it should be, for `set_holdings`."""

    __slots__ = ("quantity", "symbol", "tag")

    def __init__(self, symbol: Any, quantity: float, tag: str = "") -> None:
        self.symbol = symbol
        self.quantity = quantity
        self.tag = tag


class MarketOrdersMixin(Part):
    """Orders without a price, targets and liquidation."""

    def market_order(
        self, symbol: Any, quantity: float, asynchronous: bool = False, tag: str = ""
    ) -> OrderTicket:
        """Trade at the market, at the next open where closed; waits for the fill unless `asynchronous`."""
        terms = OrderTerms(tag=tag, synchronous=not asynchronous)
        record = self._lean.engine.trading.market_order(self._lean.resolve(symbol), decimal(quantity), terms)
        return OrderTicket(self._lean, record)

    def order(self, symbol: Any, quantity: float, asynchronous: bool = False, tag: str = "") -> OrderTicket:
        """Trade at the market; the same as `market_order`."""
        return MarketOrdersMixin.market_order(self, symbol, quantity, asynchronous, tag)

    def buy(self, symbol: Any, quantity: float) -> OrderTicket:
        """Buy at the market."""
        return MarketOrdersMixin.market_order(self, symbol, abs(quantity))

    def sell(self, symbol: Any, quantity: float) -> OrderTicket:
        """Sell at the market."""
        return MarketOrdersMixin.market_order(self, symbol, -abs(quantity))

    def market_on_open_order(self, symbol: Any, quantity: float, tag: str = "") -> OrderTicket:
        """Trade at the next open."""
        return self._plain(OrderType.MARKET_ON_OPEN, symbol, quantity, tag)

    def market_on_close_order(self, symbol: Any, quantity: float, tag: str = "") -> OrderTicket:
        """Trade at the next close."""
        return self._plain(OrderType.MARKET_ON_CLOSE, symbol, quantity, tag)

    def _plain(self, kind: OrderType, symbol: Any, quantity: float, tag: str) -> OrderTicket:
        trading = self._lean.engine.trading
        record = trading.order(kind, self._lean.resolve(symbol), decimal(quantity), OrderTerms(tag=tag))
        return OrderTicket(self._lean, record)

    def set_holdings(self, *arguments: Any, **named: Any) -> list[OrderTicket]:
        """Trade until a symbol is a part of the equity: `set_holdings("SPY", 0.5)`; or a list of targets.

        `liquidate_existing_holdings` closes every other position first, `tag` marks the orders.
        """
        given = list(arguments)
        if "targets" in named:
            targets = self._targets(named.pop("targets"))
        elif given and isinstance(given[0], list | tuple):
            targets = self._targets(given.pop(0))
        else:
            symbol = named.pop("symbol") if "symbol" in named else given.pop(0)
            weight = named.pop("percentage") if "percentage" in named else given.pop(0)
            targets = [Target(self._lean.resolve(symbol), decimal(float(weight)))]
        liquidate = bool(named.pop("liquidate_existing_holdings", given.pop(0) if given else False))
        tag = str(named.pop("tag", given.pop(0) if given else "") or "")
        waits = not named.pop("asynchronous", False)
        if given or named:
            raise AlgorithmError(f"set_holdings does not understand {given or sorted(named)}")
        records = self._lean.engine.trading.set_holdings(
            targets, liquidate_others=liquidate, terms=OrderTerms(tag=tag, synchronous=waits)
        )
        return [OrderTicket(self._lean, record) for record in records]

    def _targets(self, targets: Sequence[PortfolioTarget]) -> list[Target]:
        return [Target(self._lean.resolve(item.symbol), decimal(float(item.quantity))) for item in targets]

    def liquidate(self, symbol: Any = None, *arguments: Any, **named: Any) -> list[OrderTicket]:
        """Cancel the open orders of a symbol (or several, or all) and close its position."""
        tag = str(named.pop("tag", arguments[-1] if arguments else "") or "")
        named.pop("asynchronous", None)  # accepted: a fill that takes longer is news like any other
        if symbol is None:
            symbols = None
        elif isinstance(symbol, list | tuple):
            symbols = [self._lean.resolve(item) for item in symbol]
        else:
            symbols = [self._lean.resolve(symbol)]
        records = self._lean.engine.trading.liquidate(symbols, OrderTerms(tag=tag))
        return [OrderTicket(self._lean, record) for record in records]

    def calculate_order_quantity(self, symbol: Any, target: float) -> float:
        """Return the signed quantity to trade for the position to be `target` of the equity."""
        core = self._lean.resolve(symbol)
        return float(self._lean.engine.trading.quantity_for(core, decimal(float(target))))

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


class PricedOrdersMixin(Part):
    """Orders with prices; after these come LEAN's `asynchronous` (no effect: they never wait) and `tag`."""

    def limit_order(
        self, symbol: Any, quantity: float, limit_price: float, *terms: Any, **named: Any
    ) -> OrderTicket:
        """Trade at a price or better."""
        return self._submit(OrderType.LIMIT, symbol, quantity, _tag(terms, named), limit_price=limit_price)

    def stop_market_order(
        self, symbol: Any, quantity: float, stop_price: float, *terms: Any, **named: Any
    ) -> OrderTicket:
        """Trade at the market once a price is reached."""
        return self._submit(
            OrderType.STOP_MARKET, symbol, quantity, _tag(terms, named), stop_price=stop_price
        )

    def stop_limit_order(
        self, symbol: Any, quantity: float, stop_price: float, limit_price: float, *terms: Any, **named: Any
    ) -> OrderTicket:
        """Trade at a limit once a price is reached."""
        return self._submit(
            OrderType.STOP_LIMIT, symbol, quantity, _tag(terms, named),
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
        return self._submit(
            OrderType.LIMIT_IF_TOUCHED, symbol, quantity, _tag(terms, named),
            trigger_price=trigger_price, limit_price=limit_price,
        )  # fmt: skip

    def trailing_stop_order(self, symbol: Any, quantity: float, *arguments: Any, **named: Any) -> OrderTicket:
        """Trade at the market once the price comes back by an amount, or a percentage (0.05 is 5 %).

        Takes (trailing_amount, trailing_as_percentage[, tag]), or a first stop price before them.
        """
        given = list(arguments)
        stop_price = named.pop("stop_price", None)
        if stop_price is None and len(given) > 1 and not isinstance(given[1], bool):
            stop_price = given.pop(0)
        amount = named.pop("trailing_amount") if "trailing_amount" in named else given.pop(0)
        percent = (
            named.pop("trailing_as_percentage") if "trailing_as_percentage" in named
            else given.pop(0) if given else False
        )  # fmt: skip
        tag = _tag(tuple(given), named)
        request = OrderRequest(
            symbol=self._lean.resolve(symbol),
            type=OrderType.TRAILING_STOP,
            quantity=decimal(quantity),
            stop_price=None if stop_price is None else decimal(stop_price),
            trailing_amount=decimal(amount),
            trailing_as_percentage=bool(percent),
            tag=tag,
        )
        return OrderTicket(self._lean, self._lean.engine.orders.submit(request))

    def _submit(
        self, kind: OrderType, symbol: Any, quantity: float, tag: str, **prices: float
    ) -> OrderTicket:
        request = OrderRequest(
            symbol=self._lean.resolve(symbol), type=kind, quantity=decimal(quantity), tag=tag or ""
        )
        exact: dict[str, Decimal] = {name: decimal(price) for name, price in prices.items()}
        record = self._lean.engine.orders.submit(msgspec.structs.replace(request, **exact))
        return OrderTicket(self._lean, record)


def _tag(terms: tuple[Any, ...], named: dict[str, Any]) -> str:
    """Return the tag among what may follow an order's prices. Raises NotInLivetrader for order properties."""
    known = [item for item in terms if isinstance(item, str | bool) or item is None]
    named.pop("asynchronous", None)
    tag = named.pop("tag", next((item for item in known if isinstance(item, str)), ""))
    if named.pop("order_properties", None) is not None or len(known) < len(terms):
        raise NotInLivetrader("order_properties")
    if named:
        raise AlgorithmError(f"an order does not understand {sorted(named)}")
    return tag or ""
