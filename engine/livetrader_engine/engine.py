"""The engine: `process(event)` is the only thing that changes what it knows.

It is made of services, each with one owner (this class) and one thread (the one that calls `process`):

    clock          time of the event being processed
    securities     newest prices
    portfolio      cash and positions
    orders         order lifecycle: submit, update, cancel, records      (transactions.Transactions)
    trading        what algorithms say: market, set holdings, liquidate  (trading.Trading)
    subscriptions  what data is wanted                                   (subscriptions.Subscriptions)
    consolidators  bars made of bars, by symbol                          (consolidation.Consolidators)
    scheduler      timed events
    benchmark      what the run is compared with                         (statistics.benchmark)
    sampler        samples of the account, charts of them, capacity      (statistics.sampler)
    trades         fills put together to trades                          (statistics.trades)
    statistics     figures of the run so far                             (statistics.service)

Order of work inside a time step follows LEAN's Engine/AlgorithmManager.cs; the numbers in `_step` are those
of that order. Backtest, paper and live differ in `EnginePorts` and `EngineOptions` only. Exceptions of the
algorithm's callbacks leave `process` as they are; what to do about them is the caller's business.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec

from livetrader_engine.account import AccountLoader
from livetrader_engine.callbacks import AlgorithmCallbacks
from livetrader_engine.clock import EventClock
from livetrader_engine.commands import LogLevel
from livetrader_engine.consolidation import Consolidators
from livetrader_engine.corporate import CorporateActions
from livetrader_engine.data.bars import MarketPoint
from livetrader_engine.data.corporate_actions import CorporateAction
from livetrader_engine.data.session import Sessions
from livetrader_engine.data.slice import Slice
from livetrader_engine.data.subscription import HistoryRequest
from livetrader_engine.decisions import BROKERAGE, PARAMETERS, Decisions
from livetrader_engine.demand import Demand
from livetrader_engine.end_of_day import EndOfDay
from livetrader_engine.errors import InvariantError
from livetrader_engine.events import (
    AccountLoaded,
    BrokerageMessageArrived,
    DataEnded,
    EngineEvent,
    MarketDataArrived,
    OrderEventArrived,
    ParametersChanged,
    StopRequested,
    TimePulse,
)
from livetrader_engine.margin_calls import MarginCalls
from livetrader_engine.missed import MissedTrainings
from livetrader_engine.order_intake import OrderListener
from livetrader_engine.order_news import NotedNews
from livetrader_engine.portfolio.portfolio import AccountType, Portfolio
from livetrader_engine.ports import (
    DataFeed,
    HistoryProvider,
    ModelRegistry,
    ObjectStore,
    OrderSink,
    ReferenceData,
    ResultSink,
    Trainer,
)
from livetrader_engine.readiness import Readiness
from livetrader_engine.schedule.scheduler import Scheduler
from livetrader_engine.securities import SecurityManager
from livetrader_engine.statistics.benchmark import Benchmark, BenchmarkOptions
from livetrader_engine.statistics.sampler import Sampler
from livetrader_engine.statistics.service import Statistics
from livetrader_engine.statistics.trades import TradeBuilder
from livetrader_engine.subscriptions import NO_CHANGES, Subscriptions
from livetrader_engine.symbols import NS_PER_SECOND
from livetrader_engine.synchronizer import past_points
from livetrader_engine.trading import Trading
from livetrader_engine.training_schedules import TrainingSchedules
from livetrader_engine.transactions import TradingPolicy, Transactions

LATE_DATA_NS: Final = 2 * NS_PER_SECOND  # how long after its end a bar may arrive and still be consolidated


class EnginePorts(msgspec.Struct, frozen=True):
    """Everything the engine needs from its surroundings. See ports.py for each."""

    feed: DataFeed
    orders: OrderSink
    history: HistoryProvider
    reference: ReferenceData
    results: ResultSink
    trainer: Trainer
    object_store: ObjectStore
    models: ModelRegistry | None = None  # none where nobody keeps models, as in tests of other parts


class EngineOptions(msgspec.Struct, frozen=True):
    """What the composition root decides. `start_ns` is where the clock stands before the first event.

    `benchmark`: whether and how the run is compared with one. `exact_equity_candles`: value the account in
    every step, so that the equity's candles have their true highs and lows. `books_corporate_actions`:
    whether the engine books splits, dividends and delistings, because no brokerage does. `ends_bankrupt`:
    whether the run ends once the equity is used up, as LEAN's backtests do. `missed_trainings`:
    what is known of scheduled trainings of engines before this one; None trains them as LEAN's backtests do.
    `names_decisions`: whether orders carry the names of the decisions behind them (decisions.py).
    """

    start_ns: int
    cash: Decimal = Decimal(100_000)
    account_currency: str = "USD"
    account_type: AccountType = AccountType.MARGIN
    timezone: str = "America/New_York"
    policy: TradingPolicy = TradingPolicy()
    benchmark: BenchmarkOptions | None = None
    exact_equity_candles: bool = False
    books_corporate_actions: bool = False
    ends_bankrupt: bool = False
    missed_trainings: MissedTrainings | None = None
    names_decisions: bool = False


class Engine:
    """Deterministic core. See the module docstring for its services and the order of work."""

    def __init__(self, ports: EnginePorts, options: EngineOptions) -> None:
        self.ports = ports
        self.options = options
        self.clock = EventClock(options.start_ns)
        self.securities = SecurityManager()
        self.portfolio = Portfolio(
            self.securities, account_currency=options.account_currency, account_type=options.account_type
        )
        self.portfolio.cash.set(options.account_currency, options.cash)
        self.orders = Transactions(
            self.clock, self.securities, self.portfolio, ports.orders, options.policy, self._report
        )
        self.margin_calls = MarginCalls(self.portfolio, self.orders)
        self.trading = Trading(self.clock, self.securities, self.portfolio, self.orders)
        self.subscriptions = Subscriptions(ports.feed, ports.reference, self.securities)
        books, start_ns = options.books_corporate_actions, options.start_ns
        self.corporate = CorporateActions(self.securities, self.portfolio, self.orders, books, start_ns)
        self._account = AccountLoader(self.subscriptions, self.portfolio, self.orders, self._report)
        self.consolidators = Consolidators(self.clock, self._report)
        self.sessions = Sessions()
        self.scheduler = Scheduler()
        self.trainings = TrainingSchedules(ports.trainer.submit, options.missed_trainings, options.start_ns)
        self.readiness = Readiness(self.clock, ports.trainer.status, lambda: self.trainings.planned)
        self.decisions = Decisions(lambda: self._last_step_ns)
        self.orders.decisions = self.decisions if options.names_decisions else None
        self.orders.demand = Demand(self.readiness.problem, self.portfolio, self.orders)
        self.benchmark = Benchmark(ports.feed, ports.reference, self.portfolio.cash, options.benchmark)
        self.sampler = Sampler(
            self.portfolio, self.benchmark, options.timezone, every_step=options.exact_equity_candles
        )
        self.trades = TradeBuilder()
        self.statistics = Statistics(
            self.sampler, self.trades, self.portfolio, self.orders, ports.reference.interest_rate
        )
        self.current_slice: Slice | None = None
        self.steps = 0
        self.data_points = 0
        self.history_data_points = 0
        self.ended = self._warm_up_announced = False
        self.quit_reason: str | None = None  # why the run should end after this step; anybody may say so
        self._algorithm: AlgorithmCallbacks | None = None
        self.warm_up_from_ns: int | None = None  # where its data begin
        self._warm_up_until_ns: int | None = None
        self._last_step_ns = 0
        self._end_of_day = EndOfDay(
            self.scheduler, self.clock, lambda symbol: self._callbacks.on_end_of_day(symbol)
        )

    def attach(self, callbacks: AlgorithmCallbacks) -> None:
        """Say who is called. Once, before the first event."""
        self._algorithm = callbacks
        _listen(self, callbacks.on_order_event)

    def set_warm_up(self, from_ns: int, until_ns: int) -> None:
        """Warm up with data from `from_ns` until the first event at or after `until_ns`."""
        if self.steps:
            raise InvariantError("set_warm_up after the first event")
        self.warm_up_from_ns = from_ns
        self._warm_up_until_ns = until_ns
        self.orders.warming_up = True

    @property
    def is_warming_up(self) -> bool:
        """Whether orders are refused because warm-up is not over."""
        return self.orders.warming_up

    def history(self, request: HistoryRequest) -> list[MarketPoint]:
        """Return past points of one subscription; the end is never later than now.

        They are filled forward where the subscription asks for it, and lie in the hours that it has.
        """
        points = past_points(self.ports.history, self.ports.reference, request, self.clock.now_ns)
        self.history_data_points += len(points)
        return points

    # -- events --------------------------------------------------------------------------------------

    def process(self, event: EngineEvent) -> None:
        """Let one event happen. The only way in; not reentrant."""
        if isinstance(event, MarketDataArrived):
            self.step(event.time_ns, event.points, event.internal, event.actions)
        elif isinstance(event, TimePulse):
            self.step(event.time_ns, ())  # a step without points
        elif isinstance(event, OrderEventArrived):
            self._advance(event.time_ns)
            self.orders.take(event)
        elif isinstance(event, AccountLoaded):
            self._advance(event.time_ns)
            self._account.load(event)
        elif isinstance(event, BrokerageMessageArrived | ParametersChanged):
            self._advance(event.time_ns)
            _tell(self._callbacks, self.decisions, event)
        elif isinstance(event, StopRequested):
            self._advance(event.time_ns)
            self._end()
        elif isinstance(event, DataEnded):
            self._end()
        else:
            raise InvariantError(f"the engine does not know {type(event).__name__}")

    @property
    def _callbacks(self) -> AlgorithmCallbacks:
        if self._algorithm is None:
            raise InvariantError("attach an algorithm before the first event")
        return self._algorithm

    def step(  # noqa: C901, PLR0915 — one list: cut, the order is hidden
        self,
        time_ns: int,
        points: tuple[MarketPoint, ...],
        internal: tuple[MarketPoint, ...] = (),
        actions: tuple[CorporateAction, ...] = (),
    ) -> None:
        """Let one time step happen; the numbers are those of LEAN's order of work.

        What `process` does with market data, for a loop that has nothing else; MarketDataArrived tells what
        the arguments are.
        """
        algorithm = self._algorithm
        if algorithm is None:
            raise InvariantError("attach an algorithm before the first event")
        if not self.steps and not self._begin():
            return  # LEAN looks at it before it takes the first data
        if self.subscriptions.filters:
            points = self.subscriptions.kept(points)
            if not points and not internal and not actions:
                return
        self.steps += 1
        self._last_step_ns = time_ns
        self.data_points += len(points) + len(internal)
        if self.margin_calls.endangered and self.options.ends_bankrupt and self.portfolio.total_value <= 0:
            self.quit_reason = "nothing is left of the account"
            return  # 1
        clock, scheduler, consolidators = self.clock, self.scheduler, self.consolidators
        subscriptions, orders = self.subscriptions, self.orders
        # each part says by an attribute whether it has work at all: most steps ask it for none
        if scheduler.next_due_ns < time_ns:
            # 2: each with the clock at its own time, old prices
            self._fire_schedule(time_ns, inclusive=False)
        # 3: bars that the clock has closed; between data it waits a little for what is on its way
        if consolidators.look_ns < time_ns:
            consolidators.close_before(time_ns if points else time_ns - LATE_DATA_NS)
        if time_ns > clock.now_ns:
            clock.now_ns = time_ns  # 4
        changes = NO_CHANGES
        if subscriptions.changed:
            changes = subscriptions.take_changes()
            self.data_points += changes.selections
        bars = self.securities.update(points)  # 5
        if self.sessions.followed:
            self.sessions.update(points)
        if subscriptions.watchers:
            subscriptions.watch(points)
        if internal:
            self.benchmark.update(internal)
        if points and self.trades.watched:
            self.trades.mark_all()
        if self.portfolio.settlement.next_due_ns <= time_ns:
            self.portfolio.settle(time_ns)  # 6
        if actions:
            self.data_points += sum(action.copies for action in actions)
            actions = self.corporate.priced(actions)
        if points or actions:
            shown = subscriptions.visible(points) if subscriptions.hidden else points
            data = self.current_slice = Slice(time_ns, shown, actions) if actions else Slice(time_ns, shown)
        if not self._warm_up_announced:
            self._finish_warm_up(time_ns)  # 7
        if actions:
            self.corporate.rename(actions, algorithm.on_symbol_changes)
        if orders.working or orders.requests:
            orders.work(time_ns)  # 8: what was working may fill, the new prices are in place
        if actions:
            self.corporate.delist(actions, subscriptions)
        if scheduler.next_due_ns <= time_ns:
            self._fire_schedule(time_ns, inclusive=True)  # 9
        if self.corporate.splits_ahead:
            self.corporate.close_options(time_ns)
        if time_ns >= self.margin_calls.due_ns:
            self.margin_calls.look(time_ns, algorithm)  # 10
        if changes is not NO_CHANGES and changes:  # 11
            self._end_of_day.follow(changes)
            for security in changes.removed:
                self.sessions.reset(security.symbol)
            algorithm.on_securities_changed(changes)
        if actions:
            self.corporate.apply(actions)  # 12
        if points or actions:
            if consolidators.fed:
                consolidators.update(points, time_ns)  # 13
            if actions:
                algorithm.on_corporate_actions(actions)  # 14
            if data.points or actions:  # 15
                algorithm.on_data(data)
            if orders.working or orders.requests:
                orders.work(time_ns)  # 16: a second try with the same prices
        if time_ns >= self.sampler.due_ns or (bars and self.sampler.capacity.catching):
            self.sampler.observe(time_ns, self.current_slice)

    def _advance(self, time_ns: int) -> None:
        """Go to the event's time. News of orders may be stamped a little later than the data they met."""
        if time_ns > self.clock.now_ns:
            self.clock.advance(time_ns)

    def _fire_schedule(self, time_ns: int, *, inclusive: bool) -> None:
        for scheduled, due_ns in self.scheduler.due(time_ns, inclusive=inclusive):
            self._advance(due_ns)
            self.decisions.scheduled_ns = due_ns
            scheduled.callback(scheduled.name, due_ns)
        self.decisions.scheduled_ns = None

    def _begin(self) -> bool:
        """Go back to where warm-up data begin, the schedule too; return whether there shall be a step."""
        self.sampler.begin(self.clock.now_ns)
        self.sampler.warming_up = self.orders.warming_up
        if self.warm_up_from_ns is not None and self.warm_up_from_ns < self.clock.now_ns:
            self.clock.rewind(self.warm_up_from_ns)
            self.scheduler.restart(self.warm_up_from_ns)
        # after what the algorithm scheduled at first: of two events of one instant the older goes first
        self.sampler.schedule(self.scheduler, self.clock.now_ns)
        self._finish_warm_up(self.clock.now_ns)  # where there is none it ends before any data, as in LEAN
        return self.quit_reason is None

    def _finish_warm_up(self, time_ns: int) -> None:
        until_ns = self._warm_up_until_ns
        if until_ns is not None:
            if time_ns < until_ns:
                return
            self.orders.warming_up = False
            self.sampler.finish_warm_up()
        self._warm_up_announced = True
        self.trainings.begin(self.warm_up_from_ns)
        self._callbacks.on_warmup_finished()

    def _end(self) -> None:
        """End the run; time stays where the last event put it, as in LEAN."""
        if self.ended:
            return
        self.ended = True
        self._callbacks.on_end_of_algorithm()
        self.orders.collect()
        if not self.steps:  # the algorithm quit at once: the samples are those of the start
            self.sampler.begin(self.clock.now_ns)
        self.sampler.finish(self._last_step_ns or self.clock.now_ns, self.current_slice)

    def _report(self, message: str) -> None:
        self.ports.results.log(self.clock.now_ns, LogLevel.ERROR, message)


def _tell(
    callbacks: AlgorithmCallbacks,
    decisions: Decisions,
    event: BrokerageMessageArrived | ParametersChanged,
) -> None:
    """Tell the algorithm what happened between two steps; its orders have that for their reason."""
    if isinstance(event, BrokerageMessageArrived):
        with decisions.because_of(BROKERAGE, event.time_ns):
            callbacks.on_brokerage_message(event)
    else:
        with decisions.because_of(PARAMETERS, event.time_ns):
            callbacks.on_parameters_changed(event)


def _listen(engine: Engine, told: OrderListener) -> None:
    """Say who hears of orders, and in which order: results, statistics, the algorithm."""
    orders, statistics = engine.orders, engine.statistics
    orders.filled = statistics.take_fill
    orders.corrected = statistics.take_correction
    orders.charged = statistics.take_fee
    if orders.decisions is not None:
        told = orders.decisions.after(told)
    orders.listen(NotedNews(engine.ports.results, engine.securities, told))
