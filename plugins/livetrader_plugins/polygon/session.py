"""One connection to one of Polygon's markets, and the streams it brings.

A stream is asked for as the best kind of event that can make it; what the plan does not include goes a rung
down (ladder.py), and ends as a refusal. A connection that says nothing is pinged; one that does not answer,
or ends in whatever way (a normal close too), is over: the feed says so, and the daemon connects anew.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Final

from livetrader_engine.data.quality import QualityLimits
from livetrader_engine.data.subscription import Subscription
from livetrader_engine.errors import DataError
from livetrader_engine.spi import Context, VenueError
from livetrader_engine.spi_data import StreamRefused
from livetrader_engine.symbols import NS_PER_SECOND
from livetrader_plugins.polygon import words
from livetrader_plugins.polygon.config import PolygonFeedConfig
from livetrader_plugins.polygon.ladder import rung_below, rungs_of
from livetrader_plugins.polygon.line import Address, Ears, Line
from livetrader_plugins.polygon.outlet import Outlet
from livetrader_plugins.polygon.protocol import FrameDecoder, Status
from livetrader_plugins.polygon.requests import Refused, Requests
from livetrader_plugins.polygon.symbols import Market, ticker_of
from livetrader_plugins.sdk.periods import Periods

CARE_S: Final = 0.5  # between two looks at the connection, where nothing comes
QUALITY_S: Final = 60.0  # between two reports of what was refused or late
WORDS_LIMIT: Final = 300  # characters of what the venue says


class Stream:
    """A subscription and the rung that it stands on. Mutable state of the session."""

    __slots__ = ("periods", "rung", "rungs", "subscription", "ticker")

    def __init__(
        self, subscription: Subscription, ticker: str, rungs: tuple[str, ...], periods: Periods
    ) -> None:
        self.subscription = subscription
        self.ticker = ticker
        self.rungs = rungs
        self.periods = periods
        self.rung = ""

    @property
    def topic(self) -> str:
        """What Polygon calls it."""
        return f"{self.rung}.{self.ticker}"


class Pulse:
    """Whether a connection lives: a silent one is pinged. Mutable state: when it was heard, and pinged."""

    def __init__(self, idle_s: float, timeout_s: float) -> None:
        self._idle_s = idle_s
        self._timeout_s = timeout_s
        self._heard_s = 0.0
        self._pinged_s: float | None = None

    def heard(self, now_s: float) -> None:
        """Know that something came."""
        self._heard_s, self._pinged_s = now_s, None

    def wants_ping(self, now_s: float) -> bool:
        """Return whether it is silent, and to be pinged now."""
        wants = self._pinged_s is None and now_s - self._heard_s >= self._idle_s
        self._pinged_s = now_s if wants else self._pinged_s
        return wants

    def is_dead(self, now_s: float) -> bool:
        """Return whether a ping has had its time."""
        return self._pinged_s is not None and now_s - self._pinged_s >= self._timeout_s


class Session:
    """Owns one line, its requests and its outlet. One loop. Calls `changed` when something is to be read."""

    def __init__(
        self, market: Market, config: PolygonFeedConfig, context: Context, changed: Callable[[], None]
    ) -> None:
        self.market = market
        self.why_ended = ""
        self.was_thrown_out = False  # another program uses the key
        self.words = ""  # what Polygon said that is no answer
        self._config = config
        self._context = context
        self._changed = changed
        self._behind_ns = int(config.behind_s * NS_PER_SECOND)
        limits = getattr(context, "quality", None) or QualityLimits()
        self.outlet = Outlet(limits, int(config.close_after_s * NS_PER_SECOND))
        self._requests = Requests(config.answer_timeout_s)
        self._decoder = FrameDecoder()
        self._streams: dict[Subscription, Stream] = {}
        self._users: Counter[str] = Counter()  # of topics
        self._refused: list[StreamRefused] = []
        self._line: Line | None = None
        self._logged_in = asyncio.Event()
        self._flushes = False  # requests go out at the end of this turn of the loop
        self._pulse = Pulse(config.ping_idle_s, config.ping_timeout_s)
        self._turn_ns = 0  # the time of the data in this turn of the loop, once something came
        self._statuses: list[Status] = []  # that came in it
        self._reported: dict[str, int] = {}

    # ---- the connection

    async def open(self, key: str) -> None:
        """Connect and log in. Raises VenueError with the remedy."""
        config = self._config
        ears = Ears(self._hear, self._hear_turn, self._hear_life, self._hear_end)
        self._line = (await asyncio.to_thread(_maker, config, self._context))(ears)
        address = Address(config.host, self.market, config.tls, key)
        await self._line.open(address, config.connect_timeout_s)
        try:
            async with asyncio.timeout(config.connect_timeout_s):
                await self._logged_in.wait()
        except TimeoutError:
            self.end(f"{address.url} did not answer the login within {config.connect_timeout_s:g} s")
        if self.why_ended:
            raise VenueError(self.why_ended)
        self._context.spawn(f"polygon {self.market} care", self._care())

    def end(self, why: str) -> None:
        """Have it over; idempotent. The first reason counts."""
        if self.why_ended:
            return
        self.why_ended = why
        line, self._line = self._line, None
        if line is not None:
            line.close()
        self.outlet.doubt()
        self._logged_in.set()
        self._changed()

    # ---- streams

    def add(self, subscription: Subscription, periods: Periods) -> None:
        """Have a stream; idempotent. Raises VenueError where nothing can make it."""
        if subscription in self._streams:
            return
        rungs = (stream := _stream_of(subscription, periods, self._config)).rungs
        rung = rung_below(rungs, self._requests.refused_kinds)
        if not rung:
            said = self._requests.refused_kinds[rungs[-1]]
            raise VenueError(f"{stream.ticker}: {words.refusal(rungs, said, self._config.host)}")
        self._streams[subscription] = stream
        self._stand_on(stream, rung)

    def _stand_on(self, stream: Stream, rung: str) -> None:
        stream.rung = rung
        self._users[stream.topic] += 1
        self.outlet.join(stream.subscription, rung, stream.ticker, stream.periods, self._now_ns())
        self._requests.want(stream.topic)
        self._flush_later()

    def remove(self, subscription: Subscription) -> None:
        """Have it no longer; idempotent."""
        if stream := self._streams.pop(subscription, None):
            self._step_off(stream)

    def _step_off(self, stream: Stream) -> None:
        topic = stream.topic
        self.outlet.leave(stream.subscription)
        self._users[topic] -= 1
        if not self._users[topic]:
            del self._users[topic]
            self._requests.drop(topic)
            self._flush_later()

    def renew(self, subscription: Subscription) -> None:
        """Ask for a stream anew; what is in the making is kept."""
        if stream := self._streams.get(subscription):
            self._requests.renew(stream.topic)
            self._flush_later()

    def heard_ns(self, subscription: Subscription) -> int | None:
        """Return when the newest event arrived that the stream is made of (UTC ns), None for never."""
        stream = self._streams.get(subscription)
        heard_ns = None if stream is None else self.outlet.heard_ns(stream.rung, stream.ticker)
        return None if heard_ns is None else heard_ns + self._behind_ns

    def made_of(self, subscription: Subscription) -> str:
        """Return which kind of events make a stream, "" where it is not had."""
        return stream.rung if (stream := self._streams.get(subscription)) else ""

    @property
    def is_answered(self) -> bool:
        """Whether everything that is wanted was asked for, and answered."""
        return self._requests.is_answered

    # ---- what is sent

    def _flush_later(self) -> None:
        if not self._flushes:
            self._flushes = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._flushes = False
        if self._line is not None and not self.why_ended:
            for ask in self._requests.due(self._context.monotonic_s()):
                self._line.send(ask.action, ask.topics)

    async def _care(self) -> None:
        """Send what has become due, ping where it is silent, and tell of the quality; until it has ended."""
        told_s = self._context.monotonic_s()
        self._pulse.heard(told_s)
        while not self.why_ended:
            await asyncio.sleep(CARE_S)
            self._flush()
            now_s = self._context.monotonic_s()
            if self._pulse.is_dead(now_s):
                wait_s = self._config.ping_timeout_s
                self.end(f"{self._config.host} is silent and does not answer a ping within {wait_s:g} s")
            elif self._line is not None and self._pulse.wants_ping(now_s):
                self._line.ping()
            if now_s - told_s >= QUALITY_S:
                told_s = now_s
                self._tell_quality()

    # ---- what is heard

    def _now_ns(self) -> int:
        """Return the time of the data: our clock, less what the plan delays."""
        return self._context.now_ns() - self._behind_ns

    def _hear(self, frames: list[bytes]) -> None:
        """Take frames. This is where nearly all the time goes."""
        if not self._turn_ns:
            self._turn_ns = self._now_ns()
            self._pulse.heard(self._context.monotonic_s())
        self._statuses += self.outlet.hear(self._decoder.decode(frames), self._turn_ns, self._decoder.text)

    def _hear_turn(self) -> None:
        """See what has become of a turn's frames."""
        now_ns, self._turn_ns = self._turn_ns or self._now_ns(), 0
        if self._decoder.lost:
            self.outlet.lost(self._decoder.take_lost(), now_ns)
        self._hear_statuses()
        if self.outlet.collect(now_ns):
            self._changed()
        if self.outlet.is_overrun:
            self.end("nobody reads what comes: too much waits for the daemon")

    def _hear_end(self, why: str) -> None:
        """Take the end of the line; what Polygon said before it may be the reason."""
        self.end(f"{why}; {self.words}" if self.words else why)

    def _hear_life(self) -> None:
        """Take a pong: the connection lives, so nothing more can come of what is over."""
        self._pulse.heard(self._context.monotonic_s())
        self.outlet.alive(self._now_ns())
        self._hear_turn()

    def _hear_statuses(self) -> None:
        statuses, self._statuses = self._statuses, []
        for status in statuses:
            why = words.ends_the_session(status.status, status.message, self._config.host)
            if why:
                self.was_thrown_out = status.status == words.TOO_MANY
                self.end(why)
                return
            if status.status == words.LOGGED_IN:
                self._logged_in.set()
            elif status.status != words.CONNECTED:
                self._hear_answer(status)
        if statuses and not self._requests.is_answered:
            self._flush_later()

    def _hear_answer(self, status: Status) -> None:
        refused = self._requests.hear(status, self._context.monotonic_s())
        if self._requests.confirmed:
            self.outlet.begun(self._requests.confirmed, self._now_ns())
            self._requests.confirmed.clear()
        if refused is None:
            return
        if refused.topics:
            self._step_down(refused)
            return
        self.words = f"{self._config.host} says: {status.message or status.status}"[:WORDS_LIMIT]
        self._context.report("polygon_says", level="warning", status=status.status, message=self.words)
        self._changed()

    def _step_down(self, refused: Refused) -> None:
        """Have streams whose topics are refused made of the next kind, or refuse them."""
        topics = frozenset(refused.topics)
        for stream in [each for each in self._streams.values() if each.topic in topics]:
            topic = stream.topic
            self.outlet.leave(stream.subscription)
            self._users.pop(topic, None)
            rung = rung_below(stream.rungs, self._requests.refused_kinds, stream.rung)
            if rung:
                self._context.report(
                    "stream_of_other_events", level="warning", symbol=stream.ticker, refused=topic,
                    made_of=words.KIND_NAMES[rung], error=refused.message[:WORDS_LIMIT],
                )  # fmt: skip
                self._stand_on(stream, rung)
            else:
                del self._streams[stream.subscription]
                reason = words.refusal(stream.rungs, refused.message[:WORDS_LIMIT], self._config.host)
                self._refused.append(StreamRefused(self._context.now_ns(), stream.subscription, reason))
        self._changed()

    # ---- how it is

    def take_refused(self) -> list[StreamRefused]:
        """Return the streams that are refused, and forget them."""
        refused, self._refused = self._refused, []
        return refused

    @property
    def counts(self) -> dict[str, int]:
        """What was refused, late or unanswered since the connection began."""
        unread = {f"unreadable: {why}": number for why, number in self._decoder.refused.items()}
        found = {**unread, **self.outlet.counts, "requests unanswered": self._requests.unanswered}
        return {name: number for name, number in sorted(found.items()) if number}

    def _tell_quality(self) -> None:
        now = self.counts
        if now != self._reported:
            said = [each.what[:WORDS_LIMIT] for each in list(self.outlet.quarantine.newest)[-3:]]
            self._context.report(
                "market_data_quality", level="warning", market=self.market, counted=now, newest=said
            )
            self._reported = now


def _stream_of(subscription: Subscription, periods: Periods, config: PolygonFeedConfig) -> Stream:
    """Return a stream that stands on no rung yet. Raises VenueError where nothing can make it."""
    try:
        rungs = rungs_of(subscription, config.made_from)
        return Stream(subscription, ticker_of(subscription.symbol), rungs, periods)
    except DataError as error:
        raise VenueError(str(error)) from error


def _maker(config: PolygonFeedConfig, context: Context) -> Callable[[Ears], Line]:
    """Return what makes a line; its library is loaded now, not before, and aside: that takes a while."""
    if config.transport == "client":
        from livetrader_plugins.polygon.line_client import ClientLine, package

        return partial(ClientLine, package(), spawn=context.spawn)
    from livetrader_plugins.polygon.line_picows import PicowsLine

    return partial(PicowsLine, spawn=context.spawn)
