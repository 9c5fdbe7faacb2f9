"""What the engine calls: the algorithm, as far as the core knows it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from livetrader_engine.data.corporate_actions import CorporateAction
from livetrader_engine.data.slice import Slice
from livetrader_engine.events import BrokerageMessageArrived, OrderEventArrived, ParametersChanged
from livetrader_engine.orders.request import OrderRequest
from livetrader_engine.orders.ticket import OrderRecord
from livetrader_engine.subscriptions import SecurityChanges
from livetrader_engine.symbols import Symbol


class AlgorithmCallbacks(Protocol):
    """What the engine calls, always from the thread that calls `Engine.process`."""

    def on_data(self, data: Slice) -> None:
        """A slice with data arrived; not called for slices without."""
        ...

    def on_order_event(self, event: OrderEventArrived, record: OrderRecord) -> None:
        """News of an order were applied to its record; repeated and stale news are not shown."""
        ...

    def on_warmup_finished(self) -> None:
        """Warm-up is over; called once, also where there was none."""
        ...

    def on_end_of_day(self, symbol: Symbol) -> None:
        """The symbol's regular session ends in ten minutes."""
        ...

    def on_brokerage_message(self, event: BrokerageMessageArrived) -> None:
        """The brokerage said something beside orders."""
        ...

    def on_parameters_changed(self, event: ParametersChanged) -> None:
        """The operator changed parameters; called between two steps."""
        ...

    def on_margin_call(self, requests: Sequence[OrderRequest]) -> Sequence[OrderRequest]:
        """Positions are about to be reduced by these orders; return those that shall be made."""
        ...

    def on_margin_call_warning(self) -> None:
        """Little margin is left, or what is left cannot be called in now."""
        ...

    def on_securities_changed(self, changes: SecurityChanges) -> None:
        """Securities were added or removed."""
        ...

    def on_symbol_changes(self, actions: Sequence[CorporateAction]) -> None:
        """Securities have new tickers; called before anything may fill."""
        ...

    def on_corporate_actions(self, actions: Sequence[CorporateAction]) -> None:
        """Splits, dividends, delistings or ticker changes of this step; called before `on_data`."""
        ...

    def on_end_of_algorithm(self) -> None:
        """Data ended or a stop was asked for; called once."""
        ...
