"""News of orders on their way to the algorithm: each is noted in the run's results first."""

from __future__ import annotations

from collections.abc import Callable

from livetrader_engine.commands import NoteOrderEvent
from livetrader_engine.events import OrderEventArrived
from livetrader_engine.orders.ticket import OrderRecord
from livetrader_engine.ports import ResultSink
from livetrader_engine.securities import SecurityManager


class NotedNews:
    """Writes the news of every order to the results, then tells the algorithm.

    Called from the engine's thread.
    """

    def __init__(
        self,
        results: ResultSink,
        securities: SecurityManager,
        listener: Callable[[OrderEventArrived, OrderRecord], None],
    ) -> None:
        self._results = results
        self._securities = securities
        self._listener = listener

    def __call__(self, event: OrderEventArrived, record: OrderRecord) -> None:
        """Take one piece of news that has been applied to its record."""
        spec, fill = record.spec, event.fill
        security = self._securities.get(spec.symbol)
        currency = "" if security is None else security.properties.quote_currency
        status = event.status if fill is None else record.status
        self._results.order_event(
            NoteOrderEvent(record.news, spec, status, event.time_ns, currency, fill, event.message)
        )
        self._listener(event, record)
