"""One run: a feed chain with its plugin and history, a peer, a scene, and what is wrong in the end.

Judged from the peer's own market, never from what the chain says of itself:

* in session, where the market had a trade of a symbol more than a minute ago that arrived neither live nor in
  a bar of history, the symbol is marked as stale;
* out of session nothing is marked, told or connected anew;
* what is heard is not marked;
* in the end the bars that were handed on are those of the market's tape, each period once and in order; one
  that is not there was said to be missing, and only where history was not well. The minute in which a silence
  begins may have closed before anybody could notice: it is not compared, and neither is one that lost ticks
  less than a limit of silence before the next was heard. A bar that lacks a trade which came after it had
  closed is no flaw where that was said;
* without back-fill nothing comes from history, and what is missing or in part there lies within the trouble,
  or within the minutes in which everything is had anew.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import cast

import msgspec

from livetrader.changes import Changes
from livetrader.feeds.chain import ChainPorts, FeedChain
from livetrader.histories.chain import HistoryChain
from livetrader.histories.opening import open_histories
from livetrader.settings import Backfill, FreshnessSettings, PluginSection
from livetrader_engine.data.bars import TradeBar
from livetrader_engine.data.quality import QualityLimits
from livetrader_engine.data.subscription import Subscription
from livetrader_engine.events import MarketDataArrived, TimePulse
from livetrader_engine.spi import Context
from livetrader_engine.symbols import NS_PER_MINUTE, NS_PER_SECOND, Resolution, SecurityType, Symbol
from livetrader_plugins.polygon.feed import PolygonFeed
from livetrader_venues.polygon.peer import Peer
from livetrader_venues.stockmarket.market import Market
from livetrader_venues.stockmarket.securities import Security, stocks
from tests.feed_campaign.loop import JumpingLoop
from tests.feed_campaign.scenes import STREAMS_MOST, Scene, What, relief, trouble

Spawn = Callable[[str, Coroutine[object, object, None]], None]

WITNESS = "SPY"
WITNESS_TRADES = 60.0  # a minute; of the others some trade once in several minutes
KEY = "test-key"
LOOK_S = 1.0
PROMISED_NS = 60 * NS_PER_SECOND
FRESH_NS = 10 * NS_PER_SECOND  # what was heard so lately is fresh: the watch looks once a second
ON_ITS_WAY_NS = 2 * NS_PER_SECOND  # a trade takes some milliseconds; weather delays by less than this
ANEW_S = 70.0  # after the trouble, and after a connection was made anew: its first minute is not whole
MAKING_S = 3.0  # after its end a bar may still be in the making, and is lost with the connection
UNNOTICED_NS = 31 * NS_PER_SECOND  # a stream may be silent for so long before it is doubted
SETTLE_NS = 2 * NS_PER_MINUTE  # the newest bars at the end may not be there yet


@dataclass
class Outcome:
    """What a run came to. `flaws` are bugs."""

    scene: Scene
    flaws: list[str] = field(default_factory=list)
    bars: int = 0
    backfilled: int = 0
    missing: int = 0
    marks: int = 0
    needless_s: float = 0.0  # symbols were marked although nothing of them was missed
    reconnects: int = 0
    told: list[str] = field(default_factory=list)
    lacking: dict[str, list[int]] = field(default_factory=dict)  # minutes of the run, by ticker


class Run:
    """Owns everything of one run. Lives on one loop."""

    def __init__(self, scene: Scene, folder: Path) -> None:
        self._scene = scene
        self._folder = folder
        self._outcome = Outcome(scene)
        securities = stocks(STREAMS_MOST + 1, seed=scene.seed)
        self._market = Market.generated(map(_busy_witness, securities), seed=scene.seed)
        self._tickers = sorted(Random(scene.seed).sample(sorted(self._market.securities), scene.streams))
        self._symbols = {
            ticker: Symbol.create(f"{ticker} 2T", ticker, SecurityType.EQUITY, "usa")
            for ticker in self._tickers
        }
        self._bars: dict[str, list[TradeBar]] = {ticker: [] for ticker in self._tickers}
        self._heard = dict.fromkeys(self._tickers, scene.start_ns)
        self._records: list[tuple[str, dict[str, object]]] = []
        self._flawed: set[str] = set()
        self._others: list[str] = []  # bars that are not the tape's
        self._reconnects_s: list[float] = []  # when, since the start

    async def run(self) -> Outcome:
        """Run the scene to its end."""
        loop, scene = asyncio.get_running_loop(), self._scene
        self._now_ns = lambda: scene.start_ns + int(loop.time() * NS_PER_SECOND)
        async with (
            Peer(self._market, clock=self._now_ns, seed=scene.seed) as peer,
            asyncio.TaskGroup() as group,
        ):
            tasks: set[asyncio.Task[None]] = set()

            def spawn(name: str, coroutine: Coroutine[object, object, None]) -> None:
                task = group.create_task(coroutine, name=name)
                tasks.add(task)
                task.add_done_callback(tasks.discard)

            chain = await self._chain(peer, spawn)
            await chain.connect()
            spawn("chain", chain.run())
            for subscription in self._subscriptions():
                await chain.subscribe(subscription)
            await self._play(chain, peer)
            for task in tuple(tasks):
                task.cancel()
        return self._outcome

    # ---- making

    def _subscriptions(self) -> list[Subscription]:
        return [Subscription(each, Resolution.MINUTE, fill_forward=False) for each in self._symbols.values()]

    def _context(self, name: str, spawn: Spawn, monotonic_s: Callable[[], float]) -> Context:
        folder = self._folder / name
        folder.mkdir(parents=True, exist_ok=True)
        return Context(
            name=name,
            state_directory=folder,
            data_folder=self._folder,
            now_ns=self._now_ns,
            monotonic_s=monotonic_s,
            random=Random(self._scene.seed),
            spawn=spawn,
            report=self._report,
        )

    def _plugins(
        self, peer: Peer, spawn: Spawn, monotonic_s: Callable[[], float]
    ) -> tuple[HistoryChain, PolygonFeed]:
        """Return a history and a feed at a peer. It reads files, so it runs in a thread."""
        section = PluginSection(
            "polygon",
            {"api_key": KEY, "url": peer.url, "read_timeout_s": 0.5, "attempts": 1, "patience_s": 2.0},
        )

        def no_tasks(name: str, coroutine: Coroutine[object, object, None]) -> None:
            raise AssertionError("histories start no tasks")

        # a history waits in threads, by a clock of the threads
        history = open_histories([section], lambda name: self._context(name, no_tasks, time.monotonic))
        context = self._context("feed", spawn, monotonic_s)
        config = PolygonFeed.Config(api_key=KEY, host=peer.host, tls=False)
        feed = PolygonFeed(config, msgspec.structs.replace(context, reference=history.reference))
        return history, feed

    async def _chain(self, peer: Peer, spawn: Spawn) -> FeedChain:
        loop = asyncio.get_running_loop()
        history, self._feed = await asyncio.to_thread(self._plugins, peer, spawn, loop.time)
        return FeedChain(
            ChainPorts(
                feeds=[("polygon", self._feed)],
                history=history,
                reference=history.reference,
                rules=FreshnessSettings(backfill=Backfill.BARS if self._scene.fills else Backfill.NONE),
                quality=QualityLimits(),
                carry=self._carry,
                counted=lambda count: None,
                changes=Changes(),
                spawn=spawn,
                now_ns=self._now_ns,
                monotonic_s=loop.time,
                chance=Random(self._scene.seed).random,
                sleep=asyncio.sleep,
                report=self._report,
                notify=self._notify,
                ended=lambda event: None,
                warm_up_ns=lambda: None,
            )
        )

    def _report(self, action: str, **fields: object) -> None:
        self._records.append((action, fields))
        if action == "feed_reconnect":
            self._reconnects_s.append((self._now_ns() - self._scene.start_ns) / NS_PER_SECOND)

    def _notify(self, title: str, message: str, next_step: str, urgency: object = None) -> None:
        self._outcome.told.append(f"{title}: {message}")

    # ---- playing

    async def _carry(self, event: MarketDataArrived | TimePulse) -> None:
        if isinstance(event, MarketDataArrived):
            for point in event.points:
                assert isinstance(point, TradeBar), "nothing else was asked for"
                self._take(point)

    def _take(self, bar: TradeBar) -> None:
        taken = self._bars[bar.symbol.value]
        if taken and bar.end_time_ns <= taken[-1].end_time_ns:
            self._flaw(f"{bar.symbol.value}: {_minute(bar)} after {_minute(taken[-1])}")
        taken.append(bar)
        self._outcome.bars += 1

    async def _play(self, chain: FeedChain, peer: Peer) -> None:
        loop, scene = asyncio.get_running_loop(), self._scene
        begun = ended = False
        while loop.time() < scene.length_s:
            await asyncio.sleep(LOOK_S)
            if not begun and loop.time() >= scene.begin_s:
                begun = True
                await trouble(scene, peer, self._tickers)
            if not ended and loop.time() >= scene.end_s:
                ended = True
                await relief(scene, peer)
            self._look(chain)
        self._judge(chain)

    def _look(self, chain: FeedChain) -> None:
        """Judge how things stand now."""
        now_ns = self._now_ns()
        for subscription, symbol in zip(self._subscriptions(), self._symbols.values(), strict=True):
            marked = chain.stale(symbol)
            if marked and self._scene.what is What.CLOSED_MARKET:
                self._flaw(f"{symbol.value} is marked although the market is closed: {marked}")
            newest_ns = self._feed.heard_ns(subscription) or 0  # of this connection
            heard_ns = self._heard[symbol.value] = max(newest_ns, self._heard[symbol.value])
            until_ns = now_ns - PROMISED_NS - ON_ITS_WAY_NS
            if marked and not self._market.trades(symbol.value, heard_ns + ON_ITS_WAY_NS, now_ns):
                self._outcome.needless_s += LOOK_S
            if marked and ON_ITS_WAY_NS < now_ns - heard_ns < FRESH_NS and heard_ns == newest_ns:
                self._flaw(
                    f"{symbol.value} is marked although it was heard just now: {marked}",
                    f"{symbol.value} mark",
                )
            if marked or heard_ns >= until_ns or self._scene.what is What.CLOSED_MARKET:
                continue
            trades = self._market.trades(symbol.value, heard_ns + ON_ITS_WAY_NS, until_ns)
            times = [each.sip_ns for each in trades if not self._is_there(symbol.value, each.sip_ns)]
            if times:
                age_s = (now_ns - times[0]) / NS_PER_SECOND
                self._flaw(
                    f"{symbol.value}: a trade of {age_s:.0f} s ago has not arrived and there is no mark",
                    symbol.value,
                )

    def _is_there(self, ticker: str, time_ns: int) -> bool:
        """Whether a trade's minute was handed on, or has no bar to be handed on."""
        start_ns = time_ns - time_ns % NS_PER_MINUTE
        if any(bar.time_ns == start_ns for bar in self._bars[ticker]):
            return True
        return not self._market.bars(ticker, start_ns, start_ns + NS_PER_MINUTE, NS_PER_MINUTE)

    def _judge(self, chain: FeedChain) -> None:
        """Judge what it has come to."""
        scene, outcome, counts = self._scene, self._outcome, chain.counts
        outcome.backfilled, outcome.missing = counts.backfilled_bars, counts.missing_bars
        outcome.marks, outcome.reconnects = counts.stale_marks, sum(counts.reconnects.values())
        if scene.what is What.CLOSED_MARKET:
            if outcome.told or outcome.reconnects or outcome.bars:
                self._flaw(
                    f"out of session: {outcome.told}, {outcome.reconnects} reconnects, {outcome.bars} bars"
                )
            return
        lacking = sum(self._compare(ticker) for ticker in self._tickers)
        if not scene.fills:
            self._judge_unfilled()
            return
        if len(self._others) > self._late():
            outcome.flaws += self._others
        if lacking > outcome.missing:
            self._flaw(f"{outcome.lacking} are missing and {outcome.missing} were said to be")
        if scene.history or scene.what is What.WEATHER:
            return
        if lacking > sum(map(len, self._without_history().values())):
            self._flaw(f"{outcome.lacking} are missing although history was well")

    def _judge_unfilled(self) -> None:
        """Judge a run whose holes nobody fills."""
        if self._outcome.backfilled:
            self._flaw(f"{self._outcome.backfilled} bars came from history, which nobody was to ask")
        for ticker, minutes in self._outcome.lacking.items():
            if beyond := [each for each in minutes if not self._is_troubled(each)]:
                self._flaw(f"{ticker} lacks the minutes {beyond}, in which all was well")

    def _is_troubled(self, minute: int) -> bool:
        """Whether a minute of the run may be lacking, or be there in part, where nobody fills it."""
        scene, begin_s, end_s = self._scene, minute * 60, minute * 60 + 60
        spans = [(scene.begin_s, scene.end_s), *((at_s, at_s) for at_s in self._reconnects_s)]
        return any(begun_s < end_s + MAKING_S and begin_s < ended_s + ANEW_S for begun_s, ended_s in spans)

    def _may_be_unnoticed(self, ticker: str, start_ns: int) -> bool:
        """Whether what a minute lost is of a silence that was too short for anybody to doubt the stream."""
        scene = self._scene
        if not scene.is_silent:
            return False
        begin_ns, end_ns = (
            scene.start_ns + int(at_s * NS_PER_SECOND) for at_s in (scene.begin_s, scene.end_s)
        )
        lost = self._market.trades(ticker, max(begin_ns, start_ns), min(end_ns, start_ns + NS_PER_MINUTE))
        heard = self._market.trades(ticker, end_ns, end_ns + UNNOTICED_NS)
        return bool(lost and heard) and heard[0].sip_ns - lost[0].sip_ns < UNNOTICED_NS

    def _without_history(self) -> dict[str, list[int]]:
        """Return what is missing of streams that went on, in minutes that a history at a standstill lacks.

        Such a stream may be quiet for so long that it is doubted, and nothing shows what the minute has that
        it is heard in again. Of those that stand still with history nothing may be missing: both come back.
        """
        scene, silent = self._scene, self._scene.stands_still(self._tickers)
        if scene.what is not What.STANDSTILL:
            return {}
        return {
            ticker: [each for each in minutes if scene.begin_s < each * 60 + 60 and each * 60 < scene.end_s]
            for ticker, minutes in self._outcome.lacking.items()
            if ticker not in silent
        }

    def _late(self) -> int:
        """Return how many trades were said to have come after their bar had closed."""
        total = before = 0
        for action, fields in self._records:
            if action == "market_data_quality":
                counted = cast(Mapping[str, int], fields["counted"]).get("late", 0)  # of this connection
                total += counted - before if counted >= before else counted
                before = counted
        return total

    def _compare(self, ticker: str) -> int:
        """Return how many bars of the tape a symbol lacks; bars that are none of it, or other, are flaws."""
        first_ns = (self._scene.start_ns // NS_PER_MINUTE + 1) * NS_PER_MINUTE
        last_ns = (self._now_ns() - SETTLE_NS) // NS_PER_MINUTE * NS_PER_MINUTE
        wanted = {
            bar.start_ns: (bar.open, bar.high, bar.low, bar.close, float(bar.volume))
            for bar in self._market.bars(ticker, first_ns, last_ns, NS_PER_MINUTE)
        }
        got = {
            bar.time_ns: (bar.open, bar.high, bar.low, bar.close, bar.volume) for bar in self._bars[ticker]
        }
        begin_ns = self._scene.start_ns + int(self._scene.begin_s * NS_PER_SECOND)
        struck_ns = begin_ns - begin_ns % NS_PER_MINUTE if self._scene.is_silent else 0
        scene_is_of_seconds = self._scene.what is What.REFUSED
        for start_ns, values in got.items():
            known = wanted.get(start_ns)
            if scene_is_of_seconds and known is not None:  # seconds without a last price have no bar
                values, known = values[::3], known[::3]
            if start_ns == struck_ns:
                continue  # it had closed before anybody could know that it lacks its last seconds
            minute = (start_ns - self._scene.start_ns) // NS_PER_MINUTE
            if not self._scene.fills and self._is_troubled(minute):
                continue
            if self._may_be_unnoticed(ticker, start_ns):
                continue
            if first_ns <= start_ns < last_ns and values != known:
                self._others.append(f"{ticker}: minute {minute} is {values}, the tape has {known}")
        lacking = [(at - self._scene.start_ns) // NS_PER_MINUTE for at in wanted if at not in got]
        if lacking:
            self._outcome.lacking[ticker] = lacking
        return len(lacking)

    def _flaw(self, words: str, once: str = "") -> None:
        if once and once in self._flawed:
            return
        self._flawed.add(once)
        now_s = (self._now_ns() - self._scene.start_ns) / NS_PER_SECOND
        self._outcome.flaws.append(f"at {now_s:.0f} s: {words}")


def _minute(bar: TradeBar) -> str:
    return f"the bar that ends at {bar.end_time_ns // NS_PER_SECOND}"


def _busy_witness(security: Security) -> Security:
    return replace(security, trades=WITNESS_TRADES) if security.ticker == WITNESS else security


def play(scene: Scene, folder: Path) -> Outcome:
    """Play a scene on a loop of its own."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(Run(scene, folder).run())
