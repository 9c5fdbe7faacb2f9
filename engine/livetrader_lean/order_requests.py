"""What an algorithm asks about orders: submissions, changes, cancels, and the answers to them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from livetrader_engine.errors import AlgorithmError
from livetrader_engine.money import from_float
from livetrader_engine.orders.messages import change_text
from livetrader_engine.orders.order import OrderChange, OrderId, OrderSpec, OrderType
from livetrader_engine.orders.request import UNPROCESSED, Asked, OrderRequest, RequestStatus, Response
from livetrader_lean.binding import Binding
from livetrader_lean.enums import OrderRequestStatus, OrderResponseErrorCode
from livetrader_lean.enums import OrderType as OrderTypeFace
from livetrader_lean.names import Twins, pascal, snake
from livetrader_lean.order_properties import OrderProperties
from livetrader_lean.order_text import time_text
from livetrader_lean.symbols import Symbol
from livetrader_lean.times import to_ns, utc
from livetrader_lean.views import Face


def decimal(value: Any) -> Decimal:
    """Return a number of the algorithm's as the core's decimal: floats keep 15 significant digits."""
    if type(value) is int:
        return Decimal(value)
    if isinstance(value, Decimal):
        return value
    return (
        Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else from_float(float(value))
    )


def as_float(value: Decimal | None) -> float:
    """Return a decimal as a float, 0 for none."""
    return 0.0 if value is None else float(value)


class OrderResponse(Face):
    """The newest answer to a request."""

    __slots__ = ("_response",)

    def __init__(self, response: Response) -> None:
        self._response = response

    @property
    def is_success(self) -> bool:
        """Whether the request went on its way."""
        return self.is_processed and self._response.accepted

    @property
    def is_error(self) -> bool:
        """Whether it was refused."""
        return not self._response.accepted

    @property
    def is_processed(self) -> bool:
        """Whether anybody has looked at it."""
        return self._response is not UNPROCESSED

    @property
    def error_code(self) -> int:
        """LEAN's reason, an OrderResponseErrorCode."""
        return OrderResponseErrorCode(int(self._response.code))

    @property
    def error_message(self) -> str | None:
        """The reason in words, None where there is none."""
        return None if self._response.accepted else self._response.message

    @property
    def order_id(self) -> int:
        """Number of the order."""
        return int(self._response.order_id)

    def __bool__(self) -> bool:
        return self._response.accepted

    def __str__(self) -> str:
        if not self.is_processed:
            return "Unprocessed"
        if self._response.accepted:
            return "Success"
        code = pascal(self._response.code.name.lower())
        return f"Error: {code} - {self._response.message}"


class _RequestFace(Face):
    """What all requests share: when, about which order, and how they stand."""

    __slots__ = ("_asked",)

    def __init__(self, asked: Asked) -> None:
        self._asked = asked

    @property
    def order_id(self) -> int:
        """Number of the order."""
        return int(self._asked.order_id)

    @property
    def time(self) -> datetime:
        """When it was asked, UTC."""
        return utc(self._asked.time_ns)

    @property
    def tag(self) -> str | None:
        """The text given with it, None where none was."""
        return self._asked.tag

    @property
    def status(self) -> int:
        """How far it has come, an OrderRequestStatus."""
        return OrderRequestStatus(int(self._asked.status))

    @property
    def response(self) -> OrderResponse:
        """The newest answer."""
        return OrderResponse(self._asked.response)

    def _text(self, what: str) -> str:
        tag = self._asked.tag or ""
        return f"{time_text(self.time)} UTC: {what}: ({self.order_id}) - {tag} Status: {self.status}"


class UpdateOrderRequest(_RequestFace):
    """A change that was asked for."""

    __slots__ = ()

    @property
    def _change(self) -> OrderChange:
        assert self._asked.change is not None, "made of updates only"
        return self._asked.change

    @property
    def quantity(self) -> float | None:
        """New quantity, None where it stays."""
        return _optional(self._change.quantity)

    @property
    def limit_price(self) -> float | None:
        """New limit price, None where it stays."""
        return _optional(self._change.limit_price)

    @property
    def stop_price(self) -> float | None:
        """New stop price, None where it stays."""
        return _optional(self._change.stop_price)

    @property
    def trigger_price(self) -> float | None:
        """New trigger price, None where it stays."""
        return _optional(self._change.trigger_price)

    @property
    def trailing_amount(self) -> float | None:
        """New trailing amount, None where it stays."""
        return _optional(self._change.trailing_amount)

    def __str__(self) -> str:
        values, tag = change_text(self._change), self._asked.tag or ""
        head = f"{time_text(self.time)} UTC: Update Order: ({self.order_id})"
        return f"{head} - {values} {tag} Status: {self.status}"


class CancelOrderRequest(_RequestFace):
    """A cancel that was asked for."""

    __slots__ = ()

    def __str__(self) -> str:
        return self._text("Cancel Order")


def _optional(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


class SubmitOrderRequest(Twins):
    """An order to be handed to `transactions.add_order`, or the one a ticket was made of.

    After the quantity come, as in LEAN: stop price, limit price[, trigger price[, trailing amount, whether it
    is a percentage]], time, tag, order properties.
    """

    def __init__(
        self, order_type: Any, security_type: Any, symbol: Any, quantity: Any, *values: Any, **named: Any
    ) -> None:
        self.order_type = order_type
        self.security_type = security_type
        self.symbol = symbol
        self.quantity = float(quantity)
        given = _positional(values) | {snake(name): value for name, value in named.items()}
        self.stop_price = given.pop("stop_price", 0)
        self.limit_price = given.pop("limit_price", 0)
        self.trigger_price = given.pop("trigger_price", 0)
        self.trailing_amount = given.pop("trailing_amount", 0)
        self.trailing_as_percentage = bool(given.pop("trailing_as_percentage", False))
        self.time = given.pop("time", None)
        self.tag: str = given.pop("tag", "") or ""
        self.order_properties: OrderProperties | None = given.pop("properties", None)
        self.asynchronous = bool(given.pop("asynchronous", False))
        if given.pop("group_order_manager", None) is not None or given:
            raise AlgorithmError(f"SubmitOrderRequest does not understand {sorted(given)}")
        self._asked: Asked | None = None

    @classmethod
    def of(cls, asked: Asked, request: OrderRequest) -> SubmitOrderRequest:
        """Return the request that a ticket was made of."""
        made = cls(
            OrderTypeFace(int(request.type)), request.symbol.security_type, Symbol(request.symbol),
            request.quantity, as_float(request.stop_price), as_float(request.limit_price),
            as_float(request.trigger_price), as_float(request.trailing_amount),
            request.trailing_as_percentage, utc(asked.time_ns), request.tag,
            asynchronous=not request.synchronous,
        )  # fmt: skip
        made._asked = asked
        return made

    @property
    def order_id(self) -> int:
        """Number of the order; below zero before there is one."""
        return -10 if self._asked is None else int(self._asked.order_id)

    @property
    def response(self) -> OrderResponse:
        """The newest answer."""
        return OrderResponse(UNPROCESSED if self._asked is None else self._asked.response)

    @property
    def status(self) -> int:
        """How far it has come, an OrderRequestStatus."""
        return OrderRequestStatus(
            int(RequestStatus.UNPROCESSED if self._asked is None else self._asked.status)
        )

    def core(self, binding: Binding) -> OrderRequest:
        """Return the engine's request; prices that the type has not are dropped."""
        kind = OrderType(int(self.order_type))
        symbol = binding.resolve(self.symbol)
        properties = self.order_properties or OrderProperties()
        prices = {name: decimal(getattr(self, name)) for name in _PRICES.get(kind, ())}
        return OrderRequest(
            symbol=symbol,
            type=kind,
            quantity=decimal(self.quantity),
            trailing_as_percentage=self.trailing_as_percentage,
            time_in_force=properties.time_in_force.core(binding, symbol),
            outside_regular_hours=properties.outside_regular_hours,
            tag=self.tag,
            synchronous=not self.asynchronous,
            properties=properties.instructions(),
            **prices,
        )

    def __str__(self) -> str:
        return (
            f"Submit Order: ({self.order_id}) - {self.order_type} {self.quantity:g} {self.symbol} "
            f"{self.tag} Status: {self.status} Async: {self.asynchronous}"
        )


_PRICES: dict[OrderType, tuple[str, ...]] = {
    OrderType.LIMIT: ("limit_price",),
    OrderType.STOP_MARKET: ("stop_price",),
    OrderType.STOP_LIMIT: ("stop_price", "limit_price"),
    OrderType.LIMIT_IF_TOUCHED: ("trigger_price", "limit_price"),
    OrderType.TRAILING_STOP: ("stop_price", "trailing_amount"),
}
_NUMBERS = ("stop_price", "limit_price", "trigger_price", "trailing_amount", "trailing_as_percentage")
_REST = ("time", "tag", "properties", "group_order_manager", "asynchronous")


def _positional(values: tuple[Any, ...]) -> dict[str, Any]:
    """Name what follows the quantity: numbers up to the time, then the rest."""
    split = next((i for i, value in enumerate(values) if isinstance(value, datetime)), len(values))
    if split > len(_NUMBERS) or len(values) - split > len(_REST):
        raise AlgorithmError("SubmitOrderRequest was given too many values")
    return dict(zip(_NUMBERS, values[:split], strict=False)) | dict(zip(_REST, values[split:], strict=False))


_OF_DRAFTS: dict[OrderType, tuple[str, ...]] = {  # LEAN's order of what follows the quantity
    OrderType.LIMIT: ("limit_price",),
    OrderType.STOP_MARKET: ("stop_price",),
    OrderType.STOP_LIMIT: ("stop_price", "limit_price"),
    OrderType.LIMIT_IF_TOUCHED: ("trigger_price", "limit_price"),
    OrderType.TRAILING_STOP: ("stop_price", "trailing_amount", "trailing_as_percentage"),
}


def drafted(kind: OrderType, given: tuple[Any, ...], named: dict[str, Any], binding: Binding) -> OrderSpec:
    """Return the order that LEAN's constructor of a type makes of its arguments; it has no number."""
    names = ("symbol", "quantity", *_OF_DRAFTS.get(kind, ()), "time", "tag", "properties")
    values = dict(zip(names, given, strict=False)) | {snake(key): item for key, item in named.items()}
    if len(given) > len(names) or values.keys() - set(names) or "quantity" not in values:
        raise AlgorithmError(f"an order of this type is made of {', '.join(names)}")
    symbol = binding.resolve(values["symbol"])
    properties = values.get("properties") or OrderProperties()
    moment = values.get("time")
    created_ns = binding.engine.clock.now_ns if moment is None else to_ns(moment, ZoneInfo("UTC"))
    prices: Any = {name: decimal(values[name]) for name in _OF_DRAFTS.get(kind, ())[:2] if name in values}
    return OrderSpec(
        OrderId(0), symbol, kind, decimal(values["quantity"]), created_ns, Decimal(0),
        trailing_as_percentage=bool(values.get("trailing_as_percentage", False)),
        time_in_force=properties.time_in_force.core(binding, symbol),
        outside_regular_hours=properties.outside_regular_hours, tag=values.get("tag") or "",
        properties=properties.instructions(), **prices,
    )  # fmt: skip


class UpdateOrderFields(Twins):
    """New values for `ticket.update`; those left None stay as they are. Both spellings can be set."""

    def __init__(self) -> None:
        self.quantity: float | None = None
        self.limit_price: float | None = None
        self.stop_price: float | None = None
        self.trigger_price: float | None = None
        self.trailing_amount: float | None = None
        self.tag: str | None = None

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(snake(name), value)

    def change(self) -> OrderChange:
        """Return the core's change."""
        numbers = ("quantity", "limit_price", "stop_price", "trigger_price", "trailing_amount")
        values = {name: getattr(self, name) for name in numbers}
        decimals = {name: decimal(value) for name, value in values.items() if value is not None}
        return OrderChange(tag=self.tag, **decimals)
