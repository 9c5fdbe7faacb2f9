"""The simulated brokerage as the engine's order sink in a backtest, and the engine that comes with it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence

from livetrader_engine.commands import CancelOrder, SubmitOrder, UpdateOrder
from livetrader_engine.engine import Engine, EngineOptions, EnginePorts
from livetrader_engine.errors import InvariantError
from livetrader_engine.events import OrderEventArrived
from livetrader_engine.ports import Clock, OrderSink
from livetrader_engine.simulation.brokerage import SimulatedBrokerage, SimulatedReport, SimulationModels


class SimulatedOrderSink:
    """ports.OrderSink over the engine's own securities and portfolio. Owned by one engine.

    `drain` gives the news of one order at a time: the engine books a fill before the next order is tried, and
    what the algorithm does in `on_order_event` (cancel the other leg, say) is seen by the orders after it.
    """

    def __init__(self, models: SimulationModels | None = None) -> None:
        self._models = models
        self._clock: Clock | None = None
        self._brokerage: SimulatedBrokerage | None = None
        self._ready: deque[OrderEventArrived] = deque()
        self._scan: Iterator[SimulatedReport] | None = None
        self._scan_wanted = False

    def bind(self, engine: Engine) -> None:
        """Look at this engine's prices, positions and clock. Once, before the first order."""
        self._clock = engine.clock
        self._brokerage = SimulatedBrokerage(engine.securities, engine.portfolio, models=self._models)

    @property
    def brokerage(self) -> SimulatedBrokerage:
        """The brokerage behind the sink. Raises InvariantError before `bind`."""
        if self._brokerage is None:
            raise InvariantError("bind the sink to its engine before the first order")
        return self._brokerage

    @property
    def _now_ns(self) -> int:
        if self._clock is None:
            raise InvariantError("bind the sink to its engine before the first order")
        return self._clock.now_ns

    def submit(self, command: SubmitOrder) -> None:
        """Take an order; it is tried once `advance` asks for it."""
        spec = command.spec
        self._queue(self.brokerage.accept(str(spec.id), spec, self._now_ns))

    def update(self, command: UpdateOrder) -> None:
        """Change a working order."""
        self._queue(self.brokerage.update(str(command.order_id), command.change, self._now_ns))

    def cancel(self, command: CancelOrder) -> None:
        """Cancel a working order."""
        self._queue(self.brokerage.cancel(str(command.order_id), self._now_ns))

    def advance(self, now_ns: int) -> None:
        """Have every working order tried by the `drain`s that follow."""
        self._scan_wanted = not self.brokerage.idle

    def drain(self, wait_s: float = 0.0) -> Sequence[OrderEventArrived]:
        """Return the next news; never waits."""
        if self._ready:
            return (self._ready.popleft(),)
        while True:
            if self._scan is None:
                if not self._scan_wanted:
                    return ()
                self._scan_wanted = False
                self._scan = self.brokerage.scan(self._now_ns)
            report = next(self._scan, None)
            if report is not None:
                return (report.to_event(),)
            self._scan = None

    def _queue(self, reports: list[SimulatedReport]) -> None:
        for report in reports:
            self._ready.append(report.to_event())


def simulated_engine(
    ports: Callable[[OrderSink], EnginePorts],
    options: EngineOptions,
    models: SimulationModels | None = None,
) -> Engine:
    """Return an engine that trades with a simulated brokerage: what a backtest runs.

    `ports` is called with the sink and returns everything the engine needs. Without `models` fees are those
    of the trading policy and there is no slippage.
    """
    sink = SimulatedOrderSink(models)
    engine = Engine(ports(sink), options)
    sink.bind(engine)
    return engine
