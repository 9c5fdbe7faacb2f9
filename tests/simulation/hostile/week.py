"""Plays the script: everything is real but time, the network and the disk's speed.

The real engine with an algorithm in LEAN's words, the real journal, gateway, session and plugin, the real
client library, and the TWS peer behind a simulated network. What follows from the script is written nowhere;
it is found.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

from livetrader.gateway.rules import HostRules
from livetrader.supervisor.brokerage_session import BrokerageSession
from livetrader.telemetry.notifications import Urgency
from livetrader_engine.commands import CancelOrder, SubmitOrder, UpdateOrder
from livetrader_engine.data.bars import MarketPoint, PriceScale, TradeBar
from livetrader_engine.engine import Engine, EngineOptions
from livetrader_engine.events import (
    AccountLoaded,
    BrokerageMessageArrived,
    BrokerageMessageKind,
    MarketDataArrived,
    OrderEventArrived,
    TimePulse,
)
from livetrader_engine.spi import BrokerageMessage, BrokeragePlugin, Context
from livetrader_engine.symbols import NS_PER_MINUTE, SecurityType, Symbol, equity_identifier
from livetrader_engine.transactions import TradingPolicy
from livetrader_lean.adapter import AlgorithmAdapter
from livetrader_lean.binding import RunSettings
from livetrader_plugins.ibkr.brokerage import IbkrBrokerage
from livetrader_venues.tws.settings import Settings
from tests.simulation.agent import SYMBOLS
from tests.simulation.daemon import Daemon
from tests.simulation.hostile.script import SCRIPT, WeekAtIb
from tests.simulation.loop import SECOND_NS
from tests.simulation.venue import HOST, PORT
from tests.simulation.world import Week, World
from tests.unit.engine.world import Surroundings

START: Final = {"SPY": Decimal(600), "AAPL": Decimal(200)}
WAVE: Final = (0, 3, 5, 6, 5, 3, 0, -3, -5, -6, -5, -3)  # cents by which a price moves, minute by minute
CENT: Final = Decimal("0.01")
LATENCY_S: Final = 0.002
LOOK_S: Final = 20.0  # between two looks of those who look every two seconds: a week is long
SETTLE_S: Final = 1200.0  # after the end: longer than anything takes to be proven
SHOWN: Final = frozenset({"order_resolved", "position_adjusted", "order_denied"})  # of the log, beside alerts


async def _seldom(seconds: float) -> None:
    """Wait; look around six times a minute at most."""
    await asyncio.sleep(max(seconds, LOOK_S / 2))


async def _rarely(seconds: float) -> None:
    """Wait; look around three times a minute at most."""
    await asyncio.sleep(max(seconds, LOOK_S))


class Line(NamedTuple):
    """One line of the transcript."""

    time_ns: int
    who: str
    words: str


class Alert(NamedTuple):
    """One notification."""

    time_ns: int
    urgency: Urgency
    title: str
    message: str
    next_step: str


class Sink:
    """The engine's orders: what it asks for goes to the daemon, in turn; news come as events."""

    def __init__(self) -> None:
        self.asked: deque[SubmitOrder | UpdateOrder | CancelOrder] = deque()
        self.arrived = asyncio.Event()

    def _ask(self, command: SubmitOrder | UpdateOrder | CancelOrder) -> None:
        self.asked.append(command)
        self.arrived.set()

    submit = update = cancel = _ask

    def advance(self, now_ns: int) -> None:
        """Nothing is tried here."""

    def drain(self, wait_s: float = 0.0) -> Sequence[OrderEventArrived]:
        """Return nothing: the loop hands events over one by one."""
        return ()


class Symbols(Surroundings):
    """The engine's surroundings, with the identities that the plugin uses."""

    def symbol(self, ticker: str, security_type: SecurityType, market: str) -> Symbol:
        """Return the identity of a ticker."""
        return Symbol.create(equity_identifier(ticker, None), ticker, security_type, market)


class Trader:
    """The engine and the algorithm, in this process: events in, commands out."""

    def __init__(self, account: AccountLoaded, now_ns: int) -> None:
        self.sink, self.around = Sink(), Symbols()
        policy = TradingPolicy(order_wait_s=0.0)
        options = EngineOptions(start_ns=now_ns, policy=policy, cash=account.cash["USD"])
        self.engine = Engine(self.around.ports(self.sink), options)
        self.adapter = AlgorithmAdapter(self.engine, WeekAtIb, {}, run=RunSettings(live=True))
        self.engine.attach(self.adapter)
        self.adapter.initialize()
        self.engine.process(account)
        self.algorithm: Any = self.adapter.algorithm

    def hear(self, event: Any) -> list[str]:
        """Let the engine work on one event; return what the algorithm noted."""
        self.engine.process(event)
        notes = list(self.algorithm.notes)
        self.algorithm.notes.clear()
        return notes


class WatchedDaemon(Daemon):
    """A daemon with a real engine, whose alerts and news are kept."""

    world: HostileWeek
    trader: Trader | None = None

    def _build(self) -> Any:
        self.world = self._world  # type: ignore[assignment]  # made by it alone
        parts = super()._build()
        parts.gateway._session._timing = replace(parts.gateway._session._timing, sleep=_rarely)
        parts.watch._ports = replace(parts.watch._ports, sleep=_seldom)
        ports = replace(
            parts.session._ports, said=self._quoted, lost=self._lost_it, regained=self._have_it_again
        )
        parts.session = BrokerageSession(replace(ports, chance=lambda: 0.5))
        parts.gateway.rules = HostRules(alert=self._notify)
        return parts

    async def _watch_prices(self) -> None:
        """Leave it to the market, which moves once a minute."""

    async def _keep_engine(self) -> None:
        account = await self.parts.gateway.account()
        trader = self.trader = Trader(account, self.world.minute_ns())
        while True:
            while trader.sink.asked:
                await self._carry_out(trader.sink.asked.popleft())
            trader.sink.arrived.clear()
            await trader.sink.arrived.wait()

    def tell_engine(self, event: Any) -> None:
        """Hand the engine an event; keep what the algorithm notes."""
        if self.trader is not None:
            for note in self.trader.hear(event):
                self.world.line("algorithm", note)

    def _emit(self, event: OrderEventArrived | AccountLoaded) -> None:
        self.tell_engine(event)

    def _message(self, kind: BrokerageMessageKind, code: str, words: str) -> None:
        self.tell_engine(BrokerageMessageArrived(self.world.loop.wall_ns(), kind, code, words))

    def _quoted(self, message: BrokerageMessage) -> None:
        self._message(message.kind, message.code, message.message)

    def _lost_it(self, reason: str) -> None:
        self._message(BrokerageMessageKind.DISCONNECTED, "Disconnect", reason)

    def _have_it_again(self) -> None:
        self._message(BrokerageMessageKind.RECONNECTED, "Reconnect", "reconciled again")

    def _notify(self, title: str, message: str, next_step: str, *urgency: object) -> None:
        level = urgency[0] if urgency else Urgency.WARNING
        assert isinstance(level, Urgency)
        self.world.alert(level, title, message, next_step)


class HostileWeek(World):
    """The week. `lines` is what happened, `alerts` what people were told."""

    daemon_type = WatchedDaemon

    def __init__(self, library: str = "auto") -> None:
        super().__init__(1, Week(weather=False, crash_probability=0.0, library=library))
        self.network.conditions.latency_s = (LATENCY_S, LATENCY_S)  # what is random changes with any change
        self.lines: list[Line] = []
        self.alerts: list[Alert] = []
        self._minutes = 0

    def _settings(self) -> Settings:
        return Settings()

    def make_brokerage(self, context: Context) -> BrokeragePlugin:
        """Return the real plugin, with the calendar of its gateway."""
        config = IbkrBrokerage.Config(
            host=HOST, port=PORT, library=self.week.library, heartbeat_s=300.0,
            weekly_restart_utc="22:00", auto_restart="23:45 America/New_York",
        )  # fmt: skip
        return IbkrBrokerage(config, context)

    def log(self, who: str, action: str, fields: dict[str, object]) -> None:
        """Keep what an operator would read in the log of a quiet week."""
        super().log(who, action, fields)
        if action in SHOWN:
            words = ", ".join(f"{name} {said}" for name, said in fields.items() if name != "level")
            self.line("log", f"{action}: {words}")

    def line(self, who: str, words: str) -> None:
        """Add a line to the transcript."""
        self.lines.append(Line(self.loop.wall_ns(), who, words))

    def alert(self, urgency: Urgency, title: str, message: str, next_step: str) -> None:
        """Keep a notification."""
        self.alerts.append(Alert(self.loop.wall_ns(), urgency, title, message, next_step))
        step = f" → {next_step}" if next_step else ""
        self.line("ALERT", f"**{urgency.name.lower()}: {title}**: {message}{step}")

    # -- the market ---------------------------------------------------------------------------------

    @property
    def daemon(self) -> WatchedDaemon:
        """The daemon; this week has one life."""
        daemon = self.lives[-1]
        assert isinstance(daemon, WatchedDaemon)
        return daemon

    def minute_ns(self) -> int:
        """Return the last full minute."""
        return self.loop.wall_ns() // NS_PER_MINUTE * NS_PER_MINUTE

    def _price(self, ticker: str) -> Decimal:
        return START[ticker] + WAVE[self._minutes % len(WAVE)] * CENT

    def _quote(self) -> None:
        for ticker in START:
            price = self.prices[ticker] = self._price(ticker)
            self.venue.do("quote", symbol=ticker, bid=price - CENT, ask=price + CENT, last=price, size=10_000)

    async def _market(self) -> None:
        """Be the market and the clock: a price a minute, and a bar of it while the session runs."""
        while True:
            next_ns = self.minute_ns() + NS_PER_MINUTE
            await asyncio.sleep((next_ns - self.loop.wall_ns()) / SECOND_NS)
            self._minutes += 1
            if self.is_open():
                self._quote()
            for ticker, price in self.prices.items():
                self.daemon.parts.gateway.observe_price(SYMBOLS[ticker], float(price))
            if self.daemon.trader is None:
                continue
            now_ns = self.minute_ns()
            if self.is_open():
                self.daemon.tell_engine(MarketDataArrived(now_ns, 0, tuple(self._bars(now_ns))))
            else:
                self.daemon.tell_engine(TimePulse(now_ns))

    def _bars(self, now_ns: int) -> Iterator[MarketPoint]:
        for ticker in START:
            symbol = self.daemon.trader.around.symbol(ticker, SecurityType.EQUITY, "usa")  # type: ignore[union-attr]
            price = float(self._price(ticker))
            yield TradeBar(
                symbol, now_ns - NS_PER_MINUTE, now_ns, price, price, price, price, 1000.0,
                scale=PriceScale(unit=CENT),
            )  # fmt: skip

    async def _play(self) -> None:
        for act in sorted(SCRIPT, key=lambda each: (each.day, each.time)):
            when = datetime.fromisoformat(f"2025-06-{act.day:02} {act.time}").replace(tzinfo=UTC)
            await asyncio.sleep(
                max(0.0, (int(when.timestamp()) * SECOND_NS - self.loop.wall_ns()) / SECOND_NS)
            )
            self.line("IB", act.words)
            self.venue.do(act.do, **act.keywords)
        await asyncio.sleep(SETTLE_S)

    async def run_week(self) -> None:
        """Play the script and judge what is left."""
        self.venue.do("session", state="close")
        self._quote()
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._supervise()), group.create_task(self._market())]
            await self._play()
            self.judge()
            self.ends = self._ends()
            for task in tasks:
                task.cancel()

    # -- the end ------------------------------------------------------------------------------------

    def _ends(self) -> list[tuple[str, str, str, str]]:
        """Return what journal, algorithm and brokerage have: one row for each thing, three cells."""
        gateway, trader, account = self.daemon.parts.gateway, self.daemon.trader, self.venue.positions()
        assert trader is not None
        rows = []
        for ticker in START:
            symbol = trader.around.symbol(ticker, SecurityType.EQUITY, "usa")
            held = trader.algorithm.portfolio[symbol].quantity
            rows.append(
                (ticker, f"{gateway.state.position(symbol)}", f"{held:g}", f"{account.get(ticker, 0)}")
            )
        cash = trader.algorithm.portfolio.cash_book["USD"].amount
        theirs = self.venue.account.cash["USD"]
        rows.append(("USD", f"{gateway.cash['USD']:.2f}", f"{cash:.2f}", f"{theirs:.2f}"))
        working = gateway.open_orders
        open_here = len(trader.algorithm.transactions.get_open_orders())
        at_venue = sum(1 for order in self.venue.exchange.open_orders() if order.terms.order_ref)
        rows.append(("our working orders", str(len(working)), str(open_here), str(at_venue)))
        return rows


@dataclass(frozen=True, slots=True)
class Played:
    """What came of the week."""

    lines: Sequence[Line]
    alerts: Sequence[Alert]
    ends: Sequence[tuple[str, str, str, str]]
    violations: Sequence[object]


def play(library: str = "auto") -> Played:
    """Play the week; a few seconds."""
    week = HostileWeek(library)
    outcome = week.run()
    return Played(week.lines, week.alerts, week.ends, outcome.violations)
