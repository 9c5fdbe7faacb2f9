"""A chain over feeds and a history that see one market, in virtual time.

The market trades every symbol once a second, or as seldom as a scene says, so what a whole bar is can be
calculated. A feed makes bars of what it hears: one that does not notice that it was deaf for a while makes
wrong ones, as real ones do.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import ClassVar, Final

import msgspec

from livetrader.changes import Changes
from livetrader.feeds.chain import ChainPorts, FeedChain
from livetrader.settings import FreshnessSettings
from livetrader.telemetry.notifications import Urgency
from livetrader_engine.calendar.hours import ExchangeHours, always_open_hours
from livetrader_engine.data.bars import MarketPoint, Tick, TradeBar
from livetrader_engine.data.quality import QualityLimits
from livetrader_engine.data.subscription import HistoryRequest, Normalization, Subscription
from livetrader_engine.errors import DataError
from livetrader_engine.events import DataEnded, MarketDataArrived, TimePulse
from livetrader_engine.spi import API_VERSION, FeedCapabilities, FeedEvent, VenueError
from livetrader_engine.symbols import Resolution, SecurityType, Symbol
from tests.unit.daemon import virtual_time

SECOND: Final = 1_000_000_000
MINUTE: Final = 60 * SECOND
START_NS: Final = 1_750_080_600 * SECOND  # a Monday, 13:30 UTC
SPY: Final = Symbol.create("SPY R735QTJ8XC9X", "SPY", SecurityType.EQUITY, "usa")
AAPL: Final = Symbol.create("AAPL R735QTJ8XC9X", "AAPL", SecurityType.EQUITY, "usa")


def minutes(symbol: Symbol, *, fill_forward: bool = True) -> Subscription:
    return Subscription(symbol, Resolution.MINUTE, fill_forward=fill_forward)


def price_at(time_ns: int) -> float:
    return 100.0 + (time_ns // SECOND) % 600 / 100


def true_bar(symbol: Symbol, start_ns: int, length_ns: int = MINUTE) -> TradeBar:
    return bar_of(symbol, start_ns, length_ns, range(start_ns, start_ns + length_ns, SECOND))


def bar_of(symbol: Symbol, start_ns: int, length_ns: int, times: range | list[int]) -> TradeBar:
    prices = [price_at(time_ns) for time_ns in times]
    high, low, volume = max(prices), min(prices), 10.0 * len(prices)
    return TradeBar(symbol, start_ns, start_ns + length_ns, prices[0], high, low, prices[-1], volume)


class Feed:
    """A feed plugin that ticks every second. `mute` deafens it without its knowledge."""

    API_VERSION: ClassVar[int] = API_VERSION
    Config: ClassVar[type[msgspec.Struct]] = msgspec.Struct
    capabilities = FeedCapabilities()

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self.calls: list[str] = []
        self.muted: set[Symbol] = set()
        self.deaf_for: set[Symbol] = set()  # until the stream is asked for anew
        self.deaf = False  # until the next connection
        self.reachable = True
        self.refuses: set[Symbol] = set()
        self.quiet: set[Symbol] = set()  # nobody trades it
        self.raises: Exception | None = None
        self.lost = asyncio.Event()
        self._heard: dict[Subscription, int] = {}
        self._ticks: dict[Subscription, list[int]] = {}
        self._begins: dict[Subscription, int] = {}
        self._last: dict[Subscription, TradeBar] = {}
        self.said: list[FeedEvent] = []

    async def connect(self) -> int:
        self.calls.append("connect")
        if not self.reachable:
            raise VenueError("nobody answers")
        self.deaf, self.lost = False, asyncio.Event()
        self._ticks.clear()
        self._begins.clear()
        self._last.clear()
        return self._scene.now_ns()

    async def subscribe(self, subscription: Subscription) -> None:
        self.calls.append(f"subscribe {subscription.symbol.value}")
        if subscription.symbol in self.refuses:
            raise VenueError("not entitled")
        self._begins[subscription] = self._scene.now_ns()
        self._ticks[subscription] = []

    async def unsubscribe(self, subscription: Subscription) -> None:
        self.calls.append(f"unsubscribe {subscription.symbol.value}")
        self._begins.pop(subscription, None)
        self._ticks.pop(subscription, None)

    def heard_ns(self, subscription: Subscription) -> int | None:
        return self._heard.get(subscription)

    async def renew(self, subscription: Subscription) -> None:
        self.calls.append(f"renew {subscription.symbol.value}")
        self.deaf_for.discard(subscription.symbol)

    async def close(self) -> None:
        self.calls.append("close")

    async def events(self) -> AsyncIterator[FeedEvent]:
        sequence = 0
        while True:
            try:
                async with asyncio.timeout(self._scene.until_next_second()):
                    await self.lost.wait()
            except TimeoutError:
                pass
            else:
                raise VenueError("the socket was closed")
            if self.raises is not None:
                error, self.raises = self.raises, None
                raise error
            while self.said:
                yield self.said.pop(0)
            points = self._second()
            if points:
                sequence += 1
                yield MarketDataArrived(self._scene.now_ns(), sequence, tuple(points))

    def _second(self) -> list[MarketPoint]:
        """Hear the trade of the second that begins, and close the periods that have ended."""
        now_ns = self._scene.now_ns()
        points: list[MarketPoint] = []
        for subscription in list(self._ticks):
            period_ns = subscription.resolution.period_ns
            if period_ns and now_ns % period_ns == 0:
                points += self._closed(subscription, now_ns)
            symbol = subscription.symbol
            if self.deaf or symbol in self.muted | self.deaf_for | self.quiet:
                continue
            if not self._scene.trades(symbol, now_ns):
                continue
            self._heard[subscription] = now_ns
            if subscription.resolution is Resolution.TICK:
                points.append(Tick(symbol, now_ns, price_at(now_ns), 10.0))
            else:
                self._ticks[subscription].append(now_ns)
        return points

    def _closed(self, subscription: Subscription, now_ns: int) -> list[MarketPoint]:
        times, self._ticks[subscription] = self._ticks[subscription], []
        period_ns = subscription.resolution.period_ns
        if self._begins[subscription] > now_ns - period_ns:
            return []  # not heard from its beginning
        if times:
            bar = bar_of(subscription.symbol, now_ns - period_ns, period_ns, times)
            self._last[subscription] = bar
            return [bar]
        last = self._last.get(subscription)
        if last is None or not subscription.fill_forward:
            return []
        return [
            msgspec.structs.replace(
                last, time_ns=now_ns - period_ns, end_time_ns=now_ns, fill_forward=True, volume=0.0
            )
        ]


class Past:
    """The market's history; `lag_ns` behind, or failing, or standing still since `stands_ns`.

    `coarse`: it has minutes only, the running one as far as it has come, too. `says_nothing`: what it never
    has it answers with nothing at all, as chains do whose vendors or plans lack it, and not with an error.
    """

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self.lag_ns = SECOND
        self.stands_ns: int | None = None
        self.fails = False
        self.fails_of: set[tuple[Symbol, Resolution]] = set()
        self.coarse = False
        self.says_nothing = False
        self.asked: list[HistoryRequest] = []
        self.silent: dict[Symbol, int] = {}  # nobody has traded it since

    def history(self, request: HistoryRequest) -> Iterator[MarketPoint]:
        self.asked.append(request)
        assert request.subscription.normalization is Normalization.RAW
        if self.fails or (request.subscription.symbol, request.subscription.resolution) in self.fails_of:
            raise VenueError("history is away")
        length_ns = request.subscription.resolution.period_ns
        if length_ns not in ((MINUTE,) if self.coarse else (SECOND, MINUTE)):
            if self.says_nothing:
                return
            raise DataError("not had")
        now_ns = self._scene.now_ns() if self.stands_ns is None else self.stands_ns
        known_ns = min(request.end_ns, now_ns - self.lag_ns)
        silent_ns = self.silent.get(request.subscription.symbol, known_ns)
        start_ns = request.start_ns - request.start_ns % length_ns
        while start_ns + (SECOND if self.coarse else length_ns) <= known_ns:
            symbol = request.subscription.symbol
            seconds = range(start_ns, min(start_ns + length_ns, known_ns, silent_ns), SECOND)
            times = [time_ns for time_ns in seconds if self._scene.trades(symbol, time_ns)]
            if start_ns + length_ns > request.start_ns and times:
                yield bar_of(symbol, start_ns, length_ns, times)
            start_ns += length_ns


class Hours:
    """Reference data: the hours of every symbol, and the symbols of tickers."""

    def __init__(self, hours: ExchangeHours) -> None:
        self._hours = hours

    def hours(self, symbol: Symbol) -> ExchangeHours:
        return self._hours

    def symbol(self, ticker: str, security_type: SecurityType, market: str) -> Symbol:
        return Symbol.create(f"{ticker} R735QTJ8XC9X", ticker, security_type, market)


@dataclass
class Scene:
    """Everything of one test. `got` is what reached the engine, `told` what people heard.

    `every`: of what trades less often than each second, the seconds between two trades.
    """

    feeds: int = 1
    rules: FreshnessSettings = field(default_factory=FreshnessSettings)
    hours: ExchangeHours = field(default_factory=always_open_hours)
    got: list[MarketDataArrived | TimePulse] = field(default_factory=list)
    told: list[tuple[Urgency, str, str]] = field(default_factory=list)
    log: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    ended: list[DataEnded] = field(default_factory=list)
    every: dict[Symbol, int] = field(default_factory=dict)

    def trades(self, symbol: Symbol, time_ns: int) -> bool:
        """Whether a symbol trades in the second that begins then."""
        return (time_ns - START_NS) // SECOND % self.every.get(symbol, 1) == 0

    def begin(self, group: asyncio.TaskGroup) -> None:
        self._group = group
        self._loop = virtual_time.loop()
        self._began_s = self._loop.time()
        self.plugins = [Feed(self) for _ in range(self.feeds)]
        self.past = Past(self)
        self.chain = FeedChain(
            ChainPorts(
                feeds=[(f"feed{at + 1}", plugin) for at, plugin in enumerate(self.plugins)],
                history=self.past, reference=Hours(self.hours),  # type: ignore[arg-type]  # only this is asked
                rules=self.rules, quality=QualityLimits(), carry=self._carry, counted=lambda count: None,
                changes=Changes(), spawn=self._spawn, now_ns=self.now_ns,
                monotonic_s=self._loop.time, chance=lambda: 0.5, sleep=asyncio.sleep,
                report=self._report, notify=self._notify, ended=self.ended.append,
            )
        )  # fmt: skip

    def now_ns(self) -> int:
        return START_NS + round((self._loop.time() - self._began_s) * SECOND)

    def until_next_second(self) -> float:
        return (SECOND - self.now_ns() % SECOND) / SECOND

    async def start(self, *subscriptions: Subscription) -> None:
        """Begin in the middle of the first minute."""
        await self.until(20)
        await self.chain.connect()
        self._spawn("watch", self.chain.run())
        for subscription in subscriptions:
            await self.chain.subscribe(subscription)

    async def until(self, second: float) -> None:
        """Let time pass up to a second of the scene."""
        await asyncio.sleep(max(0.0, self._began_s + second - self._loop.time()))

    def bars(self, symbol: Symbol) -> list[TradeBar]:
        events = [event for event in self.got if isinstance(event, MarketDataArrived)]
        points = [point for event in events for point in event.points]
        return [point for point in points if isinstance(point, TradeBar) and point.symbol is symbol]

    def actions(self) -> list[str]:
        return [action for action, _ in self.log]

    def check_whole(self, symbol: Symbol, first: int, last: int) -> None:
        """Every minute of [first, last) reached the engine once, in order, as the market made it."""
        wanted = [true_bar(symbol, START_NS + at * MINUTE) for at in range(first, last)]
        shown = [msgspec.structs.astuple(bar) for bar in self.bars(symbol)]
        assert shown == [msgspec.structs.astuple(bar) for bar in wanted]

    async def _carry(self, event: MarketDataArrived | TimePulse) -> None:
        assert not self.got or event.time_ns >= self.got[-1].time_ns, "time went backwards"
        self.got.append(event)

    def _spawn(self, name: str, coroutine: Coroutine[object, object, None]) -> None:
        self._group.create_task(coroutine, name=name)

    def _report(self, action: str, **fields: object) -> None:
        self.log.append((action, fields))

    def _notify(self, title: str, message: str, step: str, urgency: Urgency = Urgency.WARNING, /) -> None:
        self.told.append((urgency, title, message))


class Over(Exception):
    """The test has seen what it wanted."""


def play(scene: Scene, act: Callable[[Scene], Coroutine[object, object, None]]) -> Scene:
    """Run a test's scene in virtual time."""

    async def body() -> None:
        try:
            async with asyncio.TaskGroup() as group:
                scene.begin(group)
                await act(scene)
                raise Over
        except* Over:
            pass  # the test is over, and its tasks with it

    virtual_time.run(body())
    return scene
