"""The simulated brokerage as the engine's order sink in a backtest, and the engine that comes with it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import NoReturn

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
        self._bound: tuple[Clock, SimulatedBrokerage] | None = None
        self._ready: deque[OrderEventArrived] = deque()
        self._scan: Iterator[SimulatedReport] | None = None
        self._scan_wanted = False

    def bind(self, engine: Engine) -> None:
        """Look at this engine's prices, positions and clock. Once, before the first order."""
        brokerage = SimulatedBrokerage(engine.securities, engine.portfolio, models=self._models)
        self._bound = engine.clock, brokerage

    @property
    def brokerage(self) -> SimulatedBrokerage:
        """The brokerage behind the sink. Raises InvariantError before `bind`."""
        return (self._bound or _unbound())[1]

    def submit(self, command: SubmitOrder) -> None:
        """Take an order; it is tried once `advance` asks for it."""
        clock, brokerage = self._bound or _unbound()
        spec = command.spec
        for report in brokerage.accept(str(spec.id), spec, clock.now_ns):
            self._ready.append(report.to_event())

    def update(self, command: UpdateOrder) -> None:
        """Change a working order."""
        clock, brokerage = self._bound or _unbound()
        for report in brokerage.update(str(command.order_id), command.change, clock.now_ns):
            self._ready.append(report.to_event())

    def cancel(self, command: CancelOrder) -> None:
        """Cancel a working order."""
        clock, brokerage = self._bound or _unbound()
        for report in brokerage.cancel(str(command.order_id), clock.now_ns):
            self._ready.append(report.to_event())

    def advance(self, now_ns: int) -> None:
        """Have every working order tried by the `drain`s that follow."""
        _, brokerage = self._bound or _unbound()
        self._scan_wanted = not brokerage.idle

    def drain(self, wait_s: float = 0.0) -> Sequence[OrderEventArrived]:
        """Return the next news; never waits."""
        if self._ready:
            return (self._ready.popleft(),)
        while True:
            if self._scan is None:
                if not self._scan_wanted:
                    return ()
                self._scan_wanted = False
                clock, brokerage = self._bound or _unbound()
                self._scan = brokerage.scan(clock.now_ns)
            report = next(self._scan, None)
            if report is not None:
                return (report.to_event(),)
            self._scan = None


def _unbound() -> NoReturn:
    raise InvariantError("bind the sink to its engine before the first order")


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
