"""What a long bar has seen before it was subscribed to: asked of IB's history, and put below what came since.

An hour or a day that runs already when its stream begins would otherwise lack its opening, and perhaps its
high and its low, after every restart. IB is asked for the minutes from the start of the period to the five
seconds in which the stream began; what the live data bring begins there. The order in which the two come does
not matter. A bar that closes before its past has come stays without it, and that is reported.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final, NamedTuple

from livetrader_engine.calendar.hours import ExchangeHours
from livetrader_engine.data.bars import QuoteBar, TradeBar
from livetrader_engine.data.subscription import Subscription, TickType
from livetrader_engine.spi import Context, VenueError
from livetrader_engine.symbols import NS_PER_SECOND, Resolution
from livetrader_plugins.ibkr.datalines import shown_of
from livetrader_plugins.ibkr.historytimes import BAR_SIZES, Chunk, duration
from livetrader_plugins.ibkr.library import Contract
from livetrader_plugins.ibkr.pacing import Ask, HistoryLimits, HistoryPacing
from livetrader_plugins.ibkr.questions import RefusedError
from livetrader_plugins.ibkr.rowbars import placer, quote_bars, trade_bars
from livetrader_plugins.ibkr.rows import Row, historical_rows, is_empty, is_too_fast
from livetrader_plugins.ibkr.session import TwsSession
from livetrader_plugins.sdk.livebars import PIECE_NS, Period

WISHES_LIMIT: Final = 5_000  # that wait; a feed has fewer streams of hours and days, and more are left out
LOOK_S: Final = 0.25  # between two looks at the pace
ATTEMPTS: Final = 4  # at one request that IB finds too fast


class Wish(NamedTuple):
    """A stream whose running period began before it did; `joined_ns` is when it did."""

    subscription: Subscription
    contract: Contract
    period: Period
    joined_ns: int
    hours: ExchangeHours


class Seed(NamedTuple):
    """The past of a period: minutes of trades or of quotes, ascending, all before `until_ns`."""

    subscription: Subscription
    period: Period
    pieces: tuple[TradeBar | QuoteBar, ...]


def joined_at(now_ns: int) -> int:
    """Return where the past of a stream ends and its own data begin: on IB's grid of five seconds."""
    return now_ns - now_ns % PIECE_NS


class Seeds:
    """Asks for the past of bars, one request after the other, at IB's pace. One loop.

    Owns the wishes and the pace. It gives what it gets to `found` of its maker.
    """

    def __init__(self, session: TwsSession, context: Context, timezone: str, per_10_minutes: int) -> None:
        self._session = session
        self._context = context
        self._timezone = timezone
        self._pacing = HistoryPacing(HistoryLimits(per_window=per_10_minutes))
        self._wishes: deque[Wish] = deque(maxlen=WISHES_LIMIT)
        self._wished = asyncio.Event()

    def wish(self, wish: Wish) -> None:
        """Have the past of a stream asked for."""
        self._wishes.append(wish)
        self._wished.set()

    async def next(self) -> Seed | None:
        """Return the next past that has come; None where the session has ended."""
        while not self._session.why_ended:
            if not self._wishes:
                self._wished.clear()
                await self._woken()
                continue
            wish = self._wishes.popleft()
            try:
                return await self._seed(wish)
            except VenueError as error:
                self._context.report(
                    "bar_without_its_past", level="warning", symbol=wish.subscription.symbol.value,
                    resolution=wish.subscription.resolution.name.lower(), error=str(error),
                )  # fmt: skip
        return None

    async def _woken(self) -> None:
        """Wait for a wish, looking now and then whether the session has ended."""
        try:
            async with asyncio.timeout(LOOK_S):
                await self._wished.wait()
        except TimeoutError:
            return  # time to look

    async def _seed(self, wish: Wish) -> Seed:
        subscription = wish.subscription
        place = placer(_minutes(subscription), wish.hours)
        if subscription.tick_type is TickType.QUOTE:
            bids, asks = [await self._rows(wish, what) for what in ("BID", "ASK")]
            made: list[TradeBar] | list[QuoteBar] = quote_bars(subscription.symbol, bids, asks, place)
        else:
            rows = await self._rows(wish, shown_of(subscription.symbol))
            made = trade_bars(subscription.symbol, rows, place)
        start_ns = wish.period.start_ns
        return Seed(
            subscription, wish.period, tuple(bar for bar in made if start_ns <= bar.time_ns < wish.joined_ns)
        )

    async def _rows(self, wish: Wish, what: str) -> tuple[Row, ...]:
        span_ns = wish.joined_ns - wish.period.start_ns
        chunk = Chunk(wish.period.start_ns, wish.joined_ns, duration(Resolution.MINUTE, span_ns))
        ask = Ask(
            wish.contract.conId, wish.contract.exchange, what, BAR_SIZES[Resolution.MINUTE].words,
            chunk.duration, chunk.end, not wish.subscription.extended_market_hours,
        )  # fmt: skip
        for _ in range(ATTEMPTS):
            while (wait_s := self._pacing.wait_s(ask, self._context.monotonic_s())) > 0:
                await asyncio.sleep(min(wait_s, LOOK_S))
                if self._session.why_ended:
                    raise VenueError(f"the session with TWS ended: {self._session.why_ended}")
            self._pacing.sent(ask, self._context.monotonic_s())
            try:
                rows = await historical_rows(self._session, wish.contract, ask, self._timezone)
            except RefusedError as error:
                if is_empty(error):
                    return ()
                if not is_too_fast(error):
                    raise
                self._pacing.violated(self._context.monotonic_s())
            else:
                self._pacing.answered()
                return rows
            finally:
                self._pacing.ended()
        raise VenueError("IB finds the pace of requests for history too fast; other programs ask, too")


def _minutes(subscription: Subscription) -> Subscription:
    return Subscription(subscription.symbol, Resolution.MINUTE, subscription.tick_type)


def wish_of(
    subscription: Subscription, contract: Contract, period: Period | None, now_ns: int, hours: ExchangeHours
) -> Wish | None:
    """Return what is to be asked of a stream that begins now, None where its period has no past."""
    joined_ns = joined_at(now_ns)
    if subscription.resolution <= Resolution.MINUTE or period is None:
        return None
    if joined_ns - period.start_ns < NS_PER_SECOND:
        return None
    if not hours.is_open_during(period.start_ns, joined_ns, subscription.extended_market_hours):
        return None
    return Wish(subscription, contract, period, joined_ns, hours)
