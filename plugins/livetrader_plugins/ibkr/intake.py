"""What one connection for market data brings: lines at TWS, bars in the making, and what is wrong.

An intake lives as long as its session; the feed makes a new one for every connection. A stream is asked for
once, whatever happens: after a lost link that came back without subscriptions (1101) each line is cancelled
and asked for under a new number, after one that kept them (1102) nothing is.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from functools import partial
from typing import Final, cast

from livetrader_engine.data.subscription import Subscription
from livetrader_engine.spi import Context, VenueError
from livetrader_engine.symbols import NS_PER_SECOND, Symbol
from livetrader_plugins.ibkr import codes, requests
from livetrader_plugins.ibkr.asking import contract_details, resolved
from livetrader_plugins.ibkr.config import IbkrFeedConfig
from livetrader_plugins.ibkr.datalines import NO_REQUEST, VERBS, DataLine, Kind, kind_of, words_of
from livetrader_plugins.ibkr.datawords import Fate, trouble_of
from livetrader_plugins.ibkr.library import Library
from livetrader_plugins.ibkr.outlet import Outlet
from livetrader_plugins.ibkr.pacing import Lines
from livetrader_plugins.ibkr.receiver import Message
from livetrader_plugins.ibkr.resolver import Resolver
from livetrader_plugins.ibkr.seeds import Seeds, wish_of
from livetrader_plugins.ibkr.session import ENDED, Address, TwsSession
from livetrader_plugins.sdk.livebars import Periods, Step
from livetrader_plugins.sdk.markethours import MarketHours

CARE_S: Final = 1.0  # between two looks whether something is to be asked for again
QUALITY_S: Final = 60.0  # between two reports of what was refused, late or missing
CLOCKS_APART_S: Final = 2.0  # ours and IB's: more closes bars too early or too late
DELAYED: Final = 3  # IB's number of delayed data
_DELAYED_TYPES: Final = frozenset({3, 4})


class Intake:
    """Owns one session, its lines and its bars. One loop, one reader. Nothing is sent before `open`."""

    def __init__(self, library: Library, config: IbkrFeedConfig, context: Context) -> None:
        address = Address(config.host, config.port, config.client_id)
        self.session = TwsSession(library, address, context, config.patience, config.timezone)
        self.session.listen(self._hear)
        self.news = asyncio.Event()  # something for `take`, or the end
        self.outlet = Outlet(int(config.close_after_s * NS_PER_SECOND))
        self._config = config
        self._context = context
        self._resolver = Resolver(
            library, partial(contract_details, self.session), context, config.primary_exchanges
        )
        self._lines: dict[tuple[Symbol, Kind], DataLine] = {}
        self._users: dict[Subscription, DataLine] = {}
        self._hours = MarketHours(context.reference)
        self._seeds = Seeds(self.session, context, config.timezone, config.histories_per_10_minutes)
        self._budget = Lines(config.market_data_lines)
        self._asking = asyncio.Lock()  # lines are asked for and cancelled one at a time
        self._lost = False  # IB has forgotten what we subscribed to (1101)
        self._care_due = asyncio.Event()
        self._refused: Counter[str] = Counter()  # of books that were given up
        self._reported: dict[str, int] = {}

    # ---- the session

    async def open(self) -> None:
        """Connect, compare clocks, choose the kind of data. Raises VenueError with the remedy."""
        await self._resolver.load()
        await self.session.open()
        (answer,) = await self.session.request(requests.CURRENT_TIME)
        _compare_clocks(cast(int, answer.arguments[0]), self._context)
        if self._config.delayed_data:
            await self.session.send("reqMarketDataType", DELAYED)

    # ---- subscriptions

    async def add(self, subscription: Subscription) -> None:
        """Have a stream delivered; idempotent. Raises VenueError, saying what to do, where it cannot be."""
        async with self._asking:
            if subscription in self._users:
                return
            sampled = self._config.trade_bars == "samples"
            kind = kind_of(subscription, delayed=self._config.delayed_data, sampled=sampled)
            hours = await asyncio.to_thread(self._hours.read, subscription.symbol)
            line = self._lines.get((subscription.symbol, kind)) or await self._new_line(subscription, kind)
            line.users[subscription] = None
            self._users[subscription] = line
            now_ns = self._context.now_ns()
            self.outlet.join(line, subscription, Periods(subscription, hours), now_ns)
            self._wish(line, subscription, now_ns)

    def _wish(self, line: DataLine, subscription: Subscription, now_ns: int) -> None:
        """Have the past of a running hour or day asked for; delayed data has none that fits."""
        hours = self._hours.known(subscription.symbol)
        wish = wish_of(subscription, line.contract, self.outlet.running(subscription), now_ns, hours)
        if wish is not None and not self._config.delayed_data:
            self._seeds.wish(wish)

    async def seed(self) -> None:
        """Put the past below bars that run, as it comes; until the session has ended."""
        while (seed := await self._seeds.next()) is not None:
            if not self.outlet.seed(seed):
                self._context.report(
                    "bar_without_its_past", level="warning", symbol=seed.subscription.symbol.value,
                    resolution=seed.subscription.resolution.name.lower(), error="it closed before that came",
                )  # fmt: skip

    async def _new_line(self, subscription: Subscription, kind: Kind) -> DataLine:
        """Ask for a line and learn whether it was refused at once."""
        symbol = subscription.symbol
        line = DataLine(symbol, kind, await resolved(self._resolver, symbol))
        if self.session.link.up:
            await self._ask(line)
            # TWS answers one client in order: what it refuses at once has arrived before this does
            await self.session.request(requests.CURRENT_TIME)
            if line.trouble is not None and line.trouble.fate is Fate.OVER:
                await self._drop(line)
                raise VenueError(f"{symbol.value} ({kind.value}, {line.trouble.code}): {line.trouble.words}")
        self._lines[symbol, kind] = line
        return line

    async def remove(self, subscription: Subscription) -> None:
        """Have a stream no longer; idempotent. The line goes with its last user."""
        async with self._asking:
            line = self._users.pop(subscription, None)
            if line is None:
                return
            self.outlet.leave(subscription)
            del line.users[subscription]
            if not line.users:
                del self._lines[line.symbol, line.kind]
                await self._drop(line)

    async def _ask(self, line: DataLine) -> None:
        number = self.session.request_id()
        if line.kind is not Kind.TICKS:
            self._budget.take(number, line.symbol.value)
        self._retire(line)
        line.renew(number, self._context.monotonic_s())
        self.session.stream(number, partial(self._hear_line, line))
        method, *arguments = line.question(number)
        await self.session.send(cast(str, method), *arguments)

    async def _drop(self, line: DataLine) -> None:
        """Cancel a line, unless there is nothing to cancel."""
        number = line.request_id
        self._retire(line)
        line.request_id = NO_REQUEST
        if number != NO_REQUEST and not self.session.why_ended:
            await self.session.send(VERBS[line.kind][1], number)

    def _retire(self, line: DataLine) -> None:
        """Hear no more under the number that a line has, and keep what it had to complain about."""
        self.session.unstream(line.request_id)
        self._budget.free(line.request_id)
        self._refused += line.book.refused
        line.book.refused.clear()

    # ---- what is asked for again

    async def care(self) -> None:
        """Ask for lost streams anew, and tell of the quality of the data; until the session has ended."""
        told_s = self._context.monotonic_s()
        while not self.session.why_ended:
            try:
                async with asyncio.timeout(CARE_S):
                    await self._care_due.wait()
            except TimeoutError:
                pass  # it is time to look
            self._care_due.clear()
            try:
                await self._renew()
            except VenueError as error:
                self._context.report("streams_not_renewed", level="warning", error=str(error))
            if self._context.monotonic_s() - told_s >= QUALITY_S:
                told_s = self._context.monotonic_s()
                self._tell_quality()

    async def _renew(self) -> None:
        """Ask for every line that is not asked for, lost with the link, silent, or has waited long enough."""
        now_s = self._context.monotonic_s()
        self._touch(now_s)
        if not self.session.link.up:
            return
        lost, self._lost = self._lost, False
        async with self._asking:
            for line in tuple(self._lines.values()):
                if not self.session.link.up:  # gone again in the middle of it
                    self._lost = self._lost or lost
                    return
                if why := line.due(now_s, lost=lost):
                    await self._drop(line)
                    await self._ask(line)
                    if why == "silent":
                        line.silences += 1
                        self._context.report(
                            "stream_silent", level="warning", symbol=line.symbol.value, stream=line.kind.value
                        )
        if lost:
            self._context.report("streams_renewed", lines=len(self._lines))
            self._resume()

    def _touch(self, now_s: float) -> None:
        """Let no silence count while nothing can come."""
        link, now_ns = self.session.link, self._context.now_ns()
        for line in self._lines.values():
            is_open = self._hours.known(line.symbol).is_open(now_ns)
            if not (link.up and is_open) or link.broken_farms:
                line.heard_s = now_s

    def _follow_link(self) -> None:
        """Make no bars of half of their data: none while the link is down or subscriptions are lost."""
        if not self.session.link.up:
            self.outlet.doubt()
        elif not self._lost:
            self._resume()

    def _resume(self) -> None:
        """Make bars again, long ones on top of what history tells of the time that was not heard."""
        now_ns = self._context.now_ns()
        if self.outlet.resume(self._lines.values(), now_ns):
            for subscription, line in self._users.items():
                self._wish(line, subscription, now_ns)

    # ---- what is heard; all of this is called within `data_received`

    def _hear(self, message: Message) -> None:
        """Take news that are of no line: the link, farms, the end."""
        if message.name == "error" and message.arguments[1] == codes.LINK_BACK_WITHOUT_DATA:
            self._lost = True
        if message.name in {"error", ENDED}:  # nothing else changes what is to be asked for
            self._care_due.set()
            self._follow_link()
        self.news.set()

    def _hear_line(self, line: DataLine, message: Message) -> None:
        if message.arguments[0] != line.request_id:
            return
        if message.name == "error":
            self._hear_trouble(line, *cast(tuple[int, str], message.arguments[1:3]))
        elif message.name == "marketDataType":
            line.is_delayed = message.arguments[1] in _DELAYED_TYPES
        elif self.outlet.hear(line, message, self._context.now_ns()):
            line.delivers(self._context.monotonic_s())
        self.news.set()

    def _hear_trouble(self, line: DataLine, code: int, text: str) -> None:
        trouble = trouble_of(code, text)
        if trouble is None:
            return
        line.trouble, line.troubled_s = trouble, self._context.monotonic_s()
        if trouble.fate is Fate.OVER:
            self._budget.free(line.request_id)
        level = "info" if trouble.fate is Fate.GOES_ON else "warning"
        self._context.report(
            "stream_trouble", level=level, symbol=line.symbol.value, stream=line.kind.value, code=code,
            error=text, remedy=trouble.words,
        )  # fmt: skip

    # ---- what comes out

    def take(self, now_ns: int) -> list[Step]:
        """Return what is complete, the earliest first: ticks in one step, then the bars that close."""
        self.news.clear()
        return self.outlet.take(self._lines.values(), now_ns)

    # ---- how it is

    @property
    def connected(self) -> bool:
        """Whether data can come: TWS is there and has its line to IB."""
        return self.session.link.up and not self.session.why_ended

    @property
    def words(self) -> str:
        """What is wrong, for people, with what to do; "" where nothing is."""
        return words_of(self.session.link, self._lines.values())

    @property
    def quality(self) -> dict[str, int]:
        """What was refused, came late, or did not come; counted since the connection began."""
        return self.outlet.quality(sum((each.book.refused for each in self._lines.values()), self._refused))

    def _tell_quality(self) -> None:
        now = self.quality
        if now != self._reported:
            self._context.report("market_data_quality", level="warning", **{"counted": now})
            self._reported = now


def _compare_clocks(ib_s: int, context: Context) -> None:
    """Warn where our clock is not IB's: bars close on it."""
    apart_s = ib_s - context.now_ns() / NS_PER_SECOND
    if not -CLOCKS_APART_S - 1 <= apart_s <= CLOCKS_APART_S:  # IB's time is cut to whole seconds
        context.report(
            "clock_differs_from_ib",
            level="warning",
            apart_s=round(apart_s, 3),
            remedy="bars close on this machine's clock: synchronize it (chrony, systemd-timesyncd)",
        )
