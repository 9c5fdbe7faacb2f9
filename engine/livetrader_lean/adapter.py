"""Between the engine's callbacks and the algorithm's: makes the object, runs `initialize`, hands events on.

One adapter per run, in the engine's thread. Exceptions of the algorithm leave every method as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Final

from livetrader_engine.commands import LogLevel
from livetrader_engine.data.corporate_actions import CorporateAction
from livetrader_engine.data.slice import Slice as CoreSlice
from livetrader_engine.engine import Engine
from livetrader_engine.events import (
    BrokerageMessageArrived,
    BrokerageMessageKind,
    OrderEventArrived,
    ParametersChanged,
)
from livetrader_engine.orders.request import NO_ORDER, Asked, OrderRequest
from livetrader_engine.orders.ticket import OrderRecord
from livetrader_engine.subscriptions import SecurityChanges
from livetrader_engine.symbols import Symbol as CoreSymbol
from livetrader_lean.algorithm import QCAlgorithm
from livetrader_lean.algorithm.binding import AlgorithmBinding
from livetrader_lean.algorithm.core import SecurityChangesFace
from livetrader_lean.binding import Binding, RunSettings, WarmUpRequest
from livetrader_lean.corporate_actions import ActionViews
from livetrader_lean.history_requests import Options, Planner
from livetrader_lean.schedule import takes_arguments
from livetrader_lean.slices import Slice
from livetrader_lean.symbols import Symbol
from livetrader_lean.tickets import OrderEvent, SubmitOrderRequest
from livetrader_lean.times import local
from livetrader_lean.views import Face


class BrokerageMessageFace(Face):
    """What `on_brokerage_message` gets."""

    __slots__ = ("_event",)

    def __init__(self, event: BrokerageMessageArrived) -> None:
        self._event = event

    @property
    def type(self) -> str:
        """Kind of message: Information, Warning, Error, Disconnect or Reconnect."""
        return _MESSAGE_KINDS[self._event.kind]

    @property
    def code(self) -> str:
        """The brokerage's code."""
        return self._event.code

    @property
    def message(self) -> str:
        """The text."""
        return self._event.message

    def __str__(self) -> str:
        return f"{self.type} - Code: {self.code} - {self.message}"


_MESSAGE_KINDS = {
    BrokerageMessageKind.INFORMATION: "Information",
    BrokerageMessageKind.WARNING: "Warning",
    BrokerageMessageKind.ERROR: "Error",
    BrokerageMessageKind.DISCONNECTED: "Disconnect",
    BrokerageMessageKind.RECONNECTED: "Reconnect",
}


_new = object.__new__


def _not_initialized(data: Slice) -> None:
    raise AssertionError("initialize makes the algorithm")


_UNHEARD: Final = QCAlgorithm.on_order_event


class AlgorithmAdapter:
    """Implements the engine's AlgorithmCallbacks for one QCAlgorithm.

    `run` says whether the run is live (the default) and what overrides the algorithm's dates. The caller
    attaches the adapter to the engine, then calls `initialize` once, before the first event.
    """

    def __init__(
        self,
        engine: Engine,
        algorithm_type: type[QCAlgorithm],
        parameters: Mapping[str, str],
        *,
        run: RunSettings | None = None,
    ) -> None:
        self.binding = AlgorithmBinding(engine, parameters, run or RunSettings())
        self._zones = self.binding.zone
        self._engine = engine
        self._type = algorithm_type
        self._algorithm: QCAlgorithm | None = None
        self._on_data: Callable[[Slice], object] = _not_initialized
        self._end_of_day: tuple[object, bool] = (
            None,
            False,
        )  # the last told, takes a symbol?
        self._ended_day: date | None = None  # the last one that an on_end_of_day without symbol was told of

    @property
    def algorithm(self) -> QCAlgorithm:
        """The user's object. Only after `initialize` was called."""
        assert self._algorithm is not None, "initialize makes the algorithm"
        return self._algorithm

    @property
    def quit_reason(self) -> str | None:
        """Why the algorithm called `quit`; None where it did not."""
        return self.binding.quit_reason

    def initialize(self) -> None:
        """Make the algorithm and run its `initialize`; tell the engine of the warm-up it asked for."""
        algorithm = self._type.__new__(self._type)
        algorithm._lean = (
            self.binding
        )  # before __init__, so that the user's own may use the algorithm's members
        algorithm.__init__()  # type: ignore[misc]  # the usual second half of making an object
        self._algorithm = algorithm
        algorithm.initialize()
        self._on_data = algorithm.on_data
        self._request_warm_up(self.binding.warm_up)
        self.binding.initialized = True

    def _request_warm_up(self, wanted: WarmUpRequest | None) -> None:
        if wanted is None:
            return
        until_ns = self._engine.clock.now_ns
        from_ns = warm_up_start(self.binding, wanted, until_ns)
        if from_ns < until_ns:
            self._engine.set_warm_up(from_ns, until_ns)

    # -- AlgorithmCallbacks ------------------------------------------------------------------------

    def on_data(self, data: CoreSlice) -> None:
        """Show a slice."""
        shown: Slice = _new(Slice)  # what Slice.of does; a call less for every step
        shown._core = data
        shown._time_zone = self.binding.time_zone
        shown._zones = self._zones
        self._on_data(shown)

    def on_order_event(self, event: OrderEventArrived, record: OrderRecord) -> None:
        """Show news of an order."""
        algorithm = self._algorithm or self.algorithm
        told = algorithm.on_order_event
        if getattr(told, "__func__", None) is not _UNHEARD:  # most algorithms do not listen
            told(OrderEvent(self.binding, event, record))

    def on_warmup_finished(self) -> None:
        """Say that warm-up is over."""
        self.algorithm.on_warmup_finished()

    def on_end_of_day(self, symbol: CoreSymbol) -> None:
        """Say that a symbol's session ends soon.

        A method that takes no symbol is called once a day, with the first symbol's end; LEAN calls it, long
        deprecated, at 23:58.
        """
        method = self.algorithm.on_end_of_day
        function = getattr(method, "__func__", method)
        if function is not self._end_of_day[0]:
            self._end_of_day = function, takes_arguments(method)
        if self._end_of_day[1]:
            method(Symbol(symbol))
            return
        day = local(self._engine.clock.now_ns, self.binding.time_zone).date()
        if day != self._ended_day:
            self._ended_day = day
            method()

    def on_brokerage_message(self, event: BrokerageMessageArrived) -> None:
        """Show a message of the brokerage; lost and regained connections have their own callbacks too."""
        self.algorithm.on_brokerage_message(BrokerageMessageFace(event))
        if event.kind is BrokerageMessageKind.DISCONNECTED:
            self.algorithm.on_brokerage_disconnect()
        elif event.kind is BrokerageMessageKind.RECONNECTED:
            self.algorithm.on_brokerage_reconnect()

    def on_parameters_changed(self, event: ParametersChanged) -> None:
        """Let `get_parameter` answer the new values, and tell the algorithm what is different."""
        known = self.binding.parameters
        changed = {name: text for name, text in event.parameters.items() if known.get(name) != text}
        if changed:
            self.binding.parameters = {**known, **changed}
            self.algorithm.on_parameters_changed(changed)

    def on_securities_changed(self, changes: SecurityChanges) -> None:
        """Show which securities came and went."""
        securities = self.binding.securities
        added = [securities[item.symbol] for item in changes.added]
        removed = [securities[item.symbol] for item in changes.removed]
        self.algorithm.on_securities_changed(SecurityChangesFace(added, removed))

    def on_margin_call(self, requests: Sequence[OrderRequest]) -> Sequence[OrderRequest]:
        """Show the orders that reduce positions; take those the algorithm gives back."""
        now_ns = self._engine.clock.now_ns
        shown = [SubmitOrderRequest.of(Asked(now_ns, NO_ORDER, item.tag), item) for item in requests]
        chosen = self.algorithm.on_margin_call(shown)
        return [item.core(self.binding) for item in (shown if chosen is None else chosen)]

    def on_margin_call_warning(self) -> None:
        """Say that margin runs out."""
        self.algorithm.on_margin_call_warning()

    def on_symbol_changes(self, actions: Sequence[CorporateAction]) -> None:
        """Say which securities have new tickers."""
        self.algorithm.on_symbol_changed_events(ActionViews(actions, self.binding.zone).symbol_changed_events)

    def on_corporate_actions(self, actions: Sequence[CorporateAction]) -> None:
        """Show splits, dividends and delistings, in LEAN's order."""
        views = ActionViews(actions, self.binding.zone)
        if views.splits:
            self.algorithm.on_splits(views.splits)
        if views.dividends:
            self.algorithm.on_dividends(views.dividends)
        if views.delistings:
            self.algorithm.on_delistings(views.delistings)

    def on_end_of_algorithm(self) -> None:
        """Say that the run is over."""
        self.algorithm.on_end_of_algorithm()
        if self.binding.quit_reason is not None:
            self.binding.log(LogLevel.LOG, f"ended: {self.binding.quit_reason}")


def warm_up_start(binding: Binding, wanted: WarmUpRequest, until_ns: int) -> int:
    """Return where warm-up data begins: the earliest start over all subscriptions.

    A number of bars counts bars of each subscription's resolution, unless one was named; without securities
    it counts the default one around the clock. Source: LEAN's QCAlgorithm.History.cs,
    TryGetWarmupHistoryStartTime.
    """
    if wanted.span_ns is not None:
        return until_ns - wanted.span_ns
    assert wanted.bars is not None, "a warm-up is bars or a span"
    planner = Planner(binding, Options(wanted.resolution))
    starts = [
        request.start_ns
        for symbol in binding.engine.securities
        for request in planner.of_bars(symbol, wanted.bars, until_ns)
    ]
    period_ns = (wanted.resolution or binding.default_resolution).period_ns
    return min(starts, default=until_ns - wanted.bars * period_ns)
