"""The world of one seed: venue, network, weather, and one life of the daemon after the other, for a week.

A week is five sessions with a night between them. Both are shorter than real ones (`Week`), because nothing
happens in a real hour that does not happen in a simulated minute of this weather. At the end the weather
clears, nobody dies any more, and after `settle_s` everything has to be at rest.
"""

from __future__ import annotations

import asyncio
import gc
import hashlib
import shutil
import sqlite3
import tempfile
from collections import Counter, deque
from contextvars import Context as ContextOfTasks
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Final

from livetrader.supervisor.announcements import Announcements
from livetrader_engine.calendar.hours import ExchangeHours, always_open_hours
from livetrader_engine.data.corporate_actions import CorporateAction
from livetrader_engine.spi import BrokeragePlugin, Context
from livetrader_engine.symbols import Symbol
from livetrader_engine.testing.market import SampleReference
from livetrader_plugins.ibkr.library import LibraryName, load_aside
from livetrader_venues.tws.orders import Order
from livetrader_venues.tws.settings import Settings
from tests.simulation import weather
from tests.simulation.agent import TICKERS, by_chance
from tests.simulation.daemon import JOURNAL, Daemon
from tests.simulation.disk import inherit
from tests.simulation.invariants import OURS, Durable, Watch
from tests.simulation.loop import SECOND_NS, VirtualLoop
from tests.simulation.network import Network
from tests.simulation.outcome import Chance, Outcome, abridged, close, leaf
from tests.simulation.process import Process, Reaper, context_of
from tests.simulation.venue import HOST, PORT, Venue
from tests.venues.peers import START_NS

AUTO_RESTART: Final = "12:20 UTC"  # on the second day, while the market is open: orders are held
TRANSCRIPT_LINES: Final = 20_000  # the newest are kept
QUOTE_EVERY_S: Final = 4.0
OPERATOR_EVERY_S: Final = 90.0  # between two looks of a person
RESTART_S: Final = (0.05, 0.5, 5.0, 60.0)  # upper bounds of the pause before the next life
FENCE_S: Final = 40.0  # no byte is under way for longer once a new connection stands
WIDE: Final = Decimal(3)  # a move that meets most of what works
FRESH_S: Final = 100.0  # after a reconnect: longer than any pause before it
MEMORY: Final = Path("/dev/shm")  # files that need no disk, where the system has them


@dataclass(frozen=True, slots=True)
class Week:
    """How long things take in virtual seconds, and how often the daemon dies.

    `crash_probability` is that of each boundary; a tenth of the deaths are power cuts.
    """

    days: int = 5
    session_s: float = 600.0
    night_s: float = 240.0
    settle_s: float = 960.0
    crash_probability: float = 0.002
    crash_every_s: float = 350.0  # deaths at random instants, on average
    weather: bool = True
    library: LibraryName = "auto"


class _Reference(SampleReference):
    """What is known of the simulated stocks: they trade at any time, and do what was announced."""

    def __init__(self, actions: list[CorporateAction]) -> None:
        super().__init__()
        self._always = always_open_hours()
        self._actions = actions

    def hours(self, symbol: Symbol) -> ExchangeHours:
        """Return hours without a night: a simulated day has less than an hour."""
        return self._always

    def corporate_actions(self, symbol: Symbol, first: date, last: date) -> tuple[CorporateAction, ...]:
        """Return what was announced of a stock, whenever it happens."""
        return tuple(action for action in self._actions if action.symbol == symbol)


class World:
    """Everything of one seed. Made, run once, thrown away."""

    daemon_type: type[Daemon] = Daemon  # what a life is made of; a world with a script brings its own

    def __init__(self, seed: int, week: Week, reaper: Reaper | None = None) -> None:
        self.seed = seed
        self.week = week
        self.loop = VirtualLoop(self.stream("schedule"), START_NS)
        self.network = Network(self.loop, self.stream("network"), self.stream("kernel"))
        self.loop.network = self.network
        self.venue = Venue(self.loop, seed, settings=self._settings())
        self.network.listeners[PORT] = self.venue
        self.durable = Durable()
        self.watch = Watch(self.durable, self.venue.exchange, self.loop.time, self.venue.twins)
        self.venue.observe(self.watch.saw)
        self.venue.on_trade(self.watch.traded)
        self.prices: dict[str, Decimal] = {ticker: self.venue.price(ticker) for ticker in TICKERS}
        self.reached: Counter[str] = Counter()
        self.transcript: deque[str] = deque(maxlen=TRANSCRIPT_LINES)
        self.lives: list[Daemon] = []
        self.processes: list[Process] = []
        self.strategy = by_chance(seed)
        self.actions: list[CorporateAction] = []  # announced, from the beginning
        self.announcements = Announcements(_Reference(self.actions), lambda symbol, dates: ())
        self.calm = False
        self._chance = Chance(self.stream("deaths"), week.crash_probability)
        self._reaper = reaper or self._chance
        self._root = Path(tempfile.mkdtemp(prefix="livetrader-sim-", dir=MEMORY if MEMORY.is_dir() else None))
        self._deaths = self.stream("pauses")

    def stream(self, purpose: str) -> Random:
        """Return chance of its own for a purpose: another draw elsewhere changes nothing here."""
        return Random(f"{self.seed}/{purpose}")

    def _settings(self) -> Settings:
        random = self.stream("settings")
        return Settings(
            commission_delay_ns=random.choice((0, 50_000_000, 3 * SECOND_NS)),
            cancel_delay_ns=random.choice((0, 200_000_000, 3 * SECOND_NS)),
            order_delay_ns=random.choice((0, 200_000_000, 5 * SECOND_NS)),
        )

    # -- what the daemon needs (Surroundings) -------------------------------------------------------

    def make_brokerage(self, context: Context) -> BrokeragePlugin:
        """Return the real plugin, pointed at the simulated venue."""
        from livetrader_plugins.ibkr.brokerage import IbkrBrokerage
        from livetrader_plugins.ibkr.config import IbkrConfig

        config = IbkrConfig(
            host=HOST,
            port=PORT,
            library=self.week.library,
            heartbeat_s=20.0,
            request_timeout_s=10.0,
            absence_fence_s=FENCE_S,
            auto_restart=AUTO_RESTART,
        )
        return IbkrBrokerage(config, context)

    def trades(self) -> bool:
        """Whether the engine may decide: in sessions, until the week is over."""
        return self.is_open() and not self.calm

    def is_open(self) -> bool:
        """Whether the session runs."""
        return self.venue.exchange.floor.is_open

    def log(self, who: str, action: str, fields: dict[str, object]) -> None:
        """Take in one log record."""
        self.reached[action] += 1
        self.watch.killed |= action == "kill_stage"
        said = " ".join(
            f"{name}={value}" for name, value in fields.items() if name not in ("level", "exc_info")
        )
        self.tell(who, f"{action} {said}")

    def wrote(self, kind: str, client_order_id: str | None, body: str) -> None:
        """Take in one durable row."""
        self.reached[f"journal: {kind}"] += 1
        self.durable.wrote(kind, client_order_id, body)
        self.tell("journal", f"{kind} {client_order_id or ''} {abridged(body)}")

    def violated(self, name: str, words: str) -> None:
        """Note a violation."""
        self.watch.violated(name, words)
        self.tell("VIOLATED", f"{name}: {words}")

    def leaves(self, client_order_id: str) -> None:
        """See an order leave the gateway."""
        self.watch.leaves(client_order_id)

    def closed_here(self, client_order_id: str) -> None:
        """See that the engine is told that an order is over."""
        self.watch.closed_here(client_order_id)

    def tell(self, who: str, words: str) -> None:
        """Add a line to the transcript."""
        self.transcript.append(f"{self.loop.time():10.3f}  {who:<10}  {words}")

    # -- what the weather needs (Ground) ------------------------------------------------------------

    def saw(self, what: str, **fields: object) -> None:
        """Note what happened."""
        self.reached[what] += 1
        self.tell("weather", f"{what} {fields or ''}".rstrip())

    def living(self) -> Daemon | None:
        """Return the daemon that trades, None where none does."""
        if self.lives and self.processes[-1].alive and self.lives[-1].trading:
            return self.lives[-1]
        return None

    def ask(self, name: str, what: str) -> None:
        """Have the daemon that runs do something, in its own process."""
        daemon = self.living()
        if daemon is not None:
            context = context_of(self.processes[-1])
            context.run(lambda: daemon.ask(name, getattr(daemon, what)()))

    async def kill(self) -> None:
        """Trip the kill switch."""
        self.ask("trip", "trip")

    def restart_engine(self) -> None:
        """Have the engine die and be started again."""
        daemon = self.living()
        if daemon is not None:
            context_of(self.processes[-1]).run(daemon.restart_engine)

    def twin(self, order: Order) -> None:
        """Have the venue make a second order of one."""
        self.watch.twinned.add(order.terms.order_ref)
        self.venue.twin(order)

    async def look(self) -> None:
        """Ask for a reconciliation."""
        self.ask("reconcile", "reconcile")

    # -- the week -----------------------------------------------------------------------------------

    async def _prices(self) -> None:
        random = self.stream("prices")
        while True:
            for ticker in TICKERS:
                middle = self.prices[ticker] + Decimal(random.randint(-8, 8)) / 100
                size = random.choice((5, 20, 100, 1_000_000))
                self.prices[ticker] = middle
                cent = Decimal("0.01")
                self.venue.do(
                    "quote", symbol=ticker, bid=middle - cent, ask=middle + cent, last=middle, size=size
                )
            await asyncio.sleep(QUOTE_EVERY_S)

    async def _days(self) -> None:
        random, opened_ns = self.stream("days"), 0
        for day in range(self.week.days):
            self.tell("week", f"day {day + 1} opens")
            self.venue.forget(opened_ns)
            opened_ns = self.loop.wall_ns()
            self.venue.do("session", state="open")
            await asyncio.sleep(self.week.session_s)
            self.venue.do("session", state="close")
            self.tell("week", f"day {day + 1} closes")
            await asyncio.sleep(self.week.night_s / 3)
            if self.week.weather and random.random() < 0.7:
                self.saw("nightly reset")
                self.venue.do("nightly_reset", down_s=random.uniform(5, self.week.night_s / 3))
            await asyncio.sleep(self.week.night_s * 2 / 3)

    async def _deaths_by_chance(self) -> None:
        random = self.stream("instants")
        while True:
            await asyncio.sleep(random.expovariate(1 / self.week.crash_every_s))
            if not self.calm and self.processes and self.processes[-1].alive:
                self.processes[-1].die("some instant")

    async def _operator(self) -> None:
        while True:
            await asyncio.sleep(OPERATOR_EVERY_S)
            self.ask("operator", "look_around")

    async def _supervise(self) -> None:
        """Start one life after the other, as systemd does."""
        while True:
            await self.live()
            await asyncio.sleep(self._deaths.choice(RESTART_S) * self._deaths.random())

    async def live(self) -> None:
        """Live one life, to its end."""
        number = len(self.lives) + 1
        folder = self._root / f"life-{number}"
        if self.lives:
            before, power = self.lives[-1], self._deaths.random() < 0.1
            self.reached["power cut"] += power
            inherit(before.folder, folder, JOURNAL, before.disk.synced_bytes if power else None, self._deaths)
            before.disk.close()
        else:
            folder.mkdir()
        process = Process(f"daemon {number}", self._reaper)
        ended = asyncio.Event()
        process.at_death.append(ended.set)
        context = context_of(process)
        daemon = context.run(self.daemon_type, self, process, folder, number)
        self.lives.append(daemon)
        self.processes.append(process)
        self.tell("systemd", f"starts {daemon.name}")
        task = self.loop.create_task(daemon.run(), name=daemon.name, context=context)
        process.tasks.add(task)
        task.add_done_callback(lambda _: ended.set(), context=ContextOfTasks())
        await ended.wait()
        self.reached[f"death at {process.died_at or 'its own hand'}"] += 1
        self.tell("systemd", f"{daemon.name} died at {process.died_at or 'its own hand'}")
        if process.alive:
            self.violated("daemon failed", leaf(daemon.failure))
            process.die("its own failure")

    async def _clear_up(self) -> None:
        """Let the weather clear, and everything come to rest."""
        self.calm = self._chance.sleeping = True
        self.tell("week", "the weather clears")
        self.network.conditions = type(self.network.conditions)()
        for wire in list(self.network.wires.values()):
            if wire.swallows:
                wire.reset()
        self.venue.mute_trades(0)
        self.venue.do("clear_faults")
        if not self.venue.link:
            self.venue.do("restore_link")
        if not self.venue.accepts:
            self.venue.do("confirm_login")
        self.venue.cancel_manual()  # or a kill would never see the account flat
        self.venue.do("session", state="open")
        for order in self.venue.exchange.open_orders():
            if order.terms.order_ref.startswith(OURS) and not order.filled:
                self.twin(order)
                break
        await asyncio.sleep(self.week.settle_s / 8)
        for wire in list(self.network.wires.values()):
            wire.reset()
        await asyncio.sleep(self.week.settle_s / 8)
        self.watch.no_twins()
        await self._lose_link_once_more()
        await asyncio.sleep(self.week.settle_s * 3 / 4)

    async def _lose_link_once_more(self) -> None:
        """Trade while the link is down; soon after it is back, every trade has to be known."""
        self.venue.do("lose_link")
        for ticker in TICKERS:
            for middle in (self.prices[ticker] - WIDE, self.prices[ticker] + WIDE, self.prices[ticker]):
                self.venue.do("quote", symbol=ticker, bid=middle, ask=middle, last=middle)
        await asyncio.sleep(5.0)
        self.venue.do("restore_link")
        await asyncio.sleep(FRESH_S)
        daemon = self.living()
        if daemon is not None:
            self.watch.fresh(daemon.parts.gateway.state)

    async def run_week(self) -> None:
        """Be the world for a week, and judge it."""
        if self.week.weather:
            self.network.conditions = weather.ordinary(self.stream("lines"))
        background = [self._prices(), self._supervise(), self._operator()]
        hostile = [weather.blow(self, self.stream("weather")), self._deaths_by_chance()]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(each) for each in background]
            storm = [group.create_task(each) for each in hostile] if self.week.weather else []
            for each in hostile if not self.week.weather else ():
                each.close()
            await self._days()
            for task in storm:
                task.cancel()
            await self._clear_up()
            self.judge()
            for task in tasks:
                task.cancel()

    def judge(self) -> None:
        """Check what has to hold at rest."""
        daemon = self.living()
        if daemon is None:
            self.violated("not trading at rest", f"{self.lives[-1].name} has not come up")
            return
        gateway = daemon.parts.gateway
        reasons = gateway.ready_reasons()
        if reasons:
            self.violated("not ready at rest", str(reasons))
        view = None
        if daemon.agent is not None:
            view = {symbol.value: quantity for symbol, quantity in daemon.agent.view.positions.items()}
            self.watch.fees_told(daemon.agent.view.fees)
        self.watch.at_rest(gateway.state, view)

    async def play(self) -> None:
        """Be what is simulated: a week here."""
        await self.run_week()

    def run(self) -> Outcome:
        """Run everything in virtual time; return what came of it."""
        asyncio.run(load_aside(self.week.library, "UTC"))  # now, or the first seed would differ
        asyncio.set_event_loop(self.loop)
        collecting = gc.isenabled()
        gc.disable()  # when an object dies must not depend on what ran before
        try:
            self.loop.run_until_complete(self.play())
            return self.outcome()
        finally:
            self.bury()
            asyncio.set_event_loop(None)
            self.loop.close()
            if collecting:
                gc.enable()

    def outcome(self) -> Outcome:
        """Return what came of it."""
        return Outcome(
            seed=self.seed,
            violations=list(self.watch.violations),
            reached=self.reached,
            journal_hash=self._journal_hash(),
            virtual_s=self.loop.time(),
            steps=self.loop.steps,
            lives=len(self.lives),
            orders=self.watch.orders,
            trades=self.watch.trades,
            transcript=list(self.transcript),
        )

    def _journal_hash(self) -> str:
        connection = sqlite3.connect(self.lives[-1].folder / JOURNAL)
        try:
            newest = connection.execute("SELECT hash FROM record ORDER BY seq DESC LIMIT 1").fetchone()
        finally:
            connection.close()
        digest = hashlib.sha256((newest[0] if newest else "").encode())
        digest.update(str(self.loop.steps).encode())
        return digest.hexdigest()[:16]

    def bury(self) -> None:
        """Give everything back: dead tasks are closed without being heard, files are removed."""
        for process in self.processes:
            process.die("the end of the world")
        for process in self.processes:
            for task in list(process.tasks):
                close(task)
        for daemon in self.lives:
            daemon.disk.close()
        shutil.rmtree(self._root, ignore_errors=True)
