"""Past bars from Interactive Brokers, at IB's pace: chunks, retries, a memory of answers. Runs on one loop.

An empty answer is one that IB gave. Silence, and a refusal that means something else, raise VenueError.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from datetime import date
from typing import Final, NamedTuple

from livetrader_engine.spi import Context, VenueError
from livetrader_engine.symbols import Resolution, Symbol
from livetrader_plugins.ibkr.asking import contract_details
from livetrader_plugins.ibkr.config import IbkrHistoryConfig
from livetrader_plugins.ibkr.historytimes import BAR_SIZES, Chunk, chunks
from livetrader_plugins.ibkr.library import Contract, ContractDetails, load_aside
from livetrader_plugins.ibkr.pacing import Ask, HistoryLimits, HistoryPacing
from livetrader_plugins.ibkr.questions import RefusedError
from livetrader_plugins.ibkr.resolver import Resolver, UnknownContractError
from livetrader_plugins.ibkr.rows import Row, historical_rows, is_empty, is_too_fast
from livetrader_plugins.ibkr.session import Address, TwsSession

ATTEMPTS: Final = 6  # at one request whose pace is found too fast: a quarter of an hour with the rests
SILENCES: Final = 2  # of one request, each in a connection of its own; then it is given up
LOOK_S: Final = 0.25  # between two looks at the pace, or at the line
PAUSE_S: Final = 2.0  # between two attempts to connect
EMPTY_CHUNKS: Final = 2  # so many in a row, of days and longer, mean that there is nothing older
CACHED_BARS: Final = 300_000  # some 50 MB; the answer that was used least recently goes first
FRESH_S: Final = 15.0  # an answer that reaches up to now holds so long: IB refuses the same question before


class Wish(NamedTuple):
    """A stream of past bars; `regular_hours` leaves out what traded before and after the session."""

    symbol: Symbol
    resolution: Resolution
    what: str
    regular_hours: bool


class _Answer(NamedTuple):
    rows: tuple[Row, ...]
    until_s: float | None  # monotonic; None for good


class Archive:
    """Owns the history's session, pace and memory. One request at a time: IB's pace allows no more anyway."""

    def __init__(
        self,
        config: IbkrHistoryConfig,
        context: Context,
        spawn: Callable[[str, Coroutine[object, object, None]], None],
        limits: HistoryLimits | None = None,
    ) -> None:
        self._config = config
        self._context = context
        self._spawn = spawn
        self._pacing = HistoryPacing(limits or HistoryLimits(per_window=config.histories_per_10_minutes))
        self._session: TwsSession | None = None
        self._resolver: Resolver | None = None
        self._answers: OrderedDict[tuple[object, ...], _Answer] = OrderedDict()
        self._cached = 0
        self._turn = asyncio.Lock()
        self.asked = 0  # historical requests that were sent
        self.waits_for = ""  # why there is no connection to ask

    # ---- questions

    async def rows(
        self, wish: Wish, start_ns: int, end_ns: int, closed: Callable[[Chunk], bool]
    ) -> list[Row]:
        """Return the bars that begin in a span, and perhaps some around it, ascending; nothing for nothing.

        `closed` tells whether a chunk needs no request, because nothing trades in it.
        """
        found: dict[int | date, Row] = {}
        empty = 0
        async with self._turn:
            contract = await self._contract(wish.symbol)
            for chunk in chunks(wish.resolution, start_ns, min(end_ns, self._context.now_ns())):
                if contract is None or (empty >= EMPTY_CHUNKS and wish.resolution > Resolution.SECOND):
                    break
                if closed(chunk):
                    continue
                end = "" if chunk.end_ns > self._context.now_ns() else chunk.end
                rows = await self._remembered(contract, wish, chunk.duration, end)
                empty = 0 if rows else empty + 1
                for row in rows:
                    found.setdefault(row.start, row)
        return [found[start] for start in sorted(found)]

    async def newest(self, wish: Wish, duration: str) -> list[Row]:
        """Return the bars of a duration up to now, ascending."""
        async with self._turn:
            contract = await self._contract(wish.symbol)
            return [] if contract is None else list(await self._remembered(contract, wish, duration, ""))

    async def details(self, symbol: Symbol) -> ContractDetails | None:
        """Return what IB says of a symbol's contract, None where it knows none."""
        async with self._turn:
            contract = await self._contract(symbol)
            if contract is None:
                return None
            found = await contract_details(await self._connected(), contract)
        return found[0] if found else None

    def close(self) -> None:
        """End the session."""
        if self._session is not None:
            self._session.end("the history is closed")

    # ---- one request

    async def _remembered(self, contract: Contract, wish: Wish, duration: str, end: str) -> tuple[Row, ...]:
        ask = Ask(
            contract.conId, contract.exchange, wish.what, BAR_SIZES[wish.resolution].words, duration, end,
            wish.regular_hours,
        )  # fmt: skip
        known = self._answers.get(ask)
        if known is not None and (known.until_s is None or self._context.monotonic_s() < known.until_s):
            self._answers.move_to_end(ask)
            return known.rows
        rows = await self._asked(contract, ask)
        self._remember(ask, _Answer(rows, None if end else self._context.monotonic_s() + FRESH_S))
        return rows

    def _remember(self, ask: Ask, answer: _Answer) -> None:
        old = self._answers.pop(ask, None)
        self._cached += len(answer.rows) - (len(old.rows) if old else 0)
        self._answers[ask] = answer
        while self._cached > CACHED_BARS and len(self._answers) > 1:
            _, gone = self._answers.popitem(last=False)
            self._cached -= len(gone.rows)

    async def _asked(self, contract: Contract, ask: Ask) -> tuple[Row, ...]:
        """Ask IB, as often as its pace is found too fast. Raises VenueError for silence and refusals."""
        silences = 0
        for _ in range(ATTEMPTS):
            await self._until_due(ask)
            session = await self._connected()
            self._pacing.sent(ask, self._context.monotonic_s())
            self.asked += 1
            try:
                rows = await historical_rows(session, contract, ask, self._config.timezone)
            except RefusedError as error:
                if is_empty(error):
                    return ()
                if not is_too_fast(error):
                    raise VenueError(_refusal(contract, error)) from error
                self._pacing.violated(self._context.monotonic_s())
                self._context.report("history_pace_violated", level="warning", error=str(error))
            except VenueError:
                session.end("a historical request was not answered")  # late rows would be the next one's
                silences += 1
                if silences >= SILENCES:
                    raise
            else:
                self._pacing.answered()
                return rows
            finally:
                self._pacing.ended()
        raise VenueError(
            f"Interactive Brokers found {ATTEMPTS} requests for history too fast, though they were paced: "
            "other programs of this login ask, too; stop them, or lower histories_per_10_minutes"
        )

    async def _until_due(self, ask: Ask) -> None:
        """Wait until IB's rules allow the request."""
        told = False
        while (wait_s := self._pacing.wait_s(ask, self._context.monotonic_s())) > 0:
            if wait_s > FRESH_S and not told:
                told = True
                self._context.report("history_waits_for_ibs_pace", wait_s=round(wait_s, 1))
            await asyncio.sleep(min(wait_s, LOOK_S))

    # ---- the session

    async def _connected(self) -> TwsSession:
        """Return a session whose line to IB is up, waiting for it: an engine must not die of IB's night."""
        while True:
            try:
                session = await self._open()
            except VenueError as error:
                self._wait_for(str(error))
                await asyncio.sleep(PAUSE_S)
                continue
            if session.link.up:
                self.waits_for = ""
                return session
            self._wait_for("TWS has lost its line to IB (1100)")
            await asyncio.sleep(LOOK_S)

    def _wait_for(self, reason: str) -> None:
        if reason != self.waits_for:
            self._context.report("history_waits_for_connection", level="warning", reason=reason)
        self.waits_for = reason

    async def _open(self) -> TwsSession:
        if self._session is None or self._session.why_ended:
            config = self._config
            library = await load_aside(config.library, config.timezone)
            address = Address(config.host, config.port, config.client_id)
            session = TwsSession(library, address, self._context, config.patience, config.timezone)
            await session.open()
            self._spawn("ibkr history heartbeat", session.beat())
            self._session = session
        return self._session

    async def _contract(self, symbol: Symbol) -> Contract | None:
        """Return the contract of a symbol, None where IB knows none."""
        if self._resolver is None:
            library = await load_aside(self._config.library, self._config.timezone)
            resolver = Resolver(library, self._details, self._context, self._config.primary_exchanges)
            await resolver.load()
            self._resolver = resolver
        try:
            return await self._resolver.resolve(symbol)
        except UnknownContractError:
            return None

    async def _details(self, contract: Contract) -> list[ContractDetails]:
        return await contract_details(await self._connected(), contract)


def _refusal(contract: Contract, error: RefusedError) -> str:
    """Say what to do about a refused request for history."""
    said = str(error).lower()
    if "permission" in said or "not subscribed" in said:
        remedy = "the login has no market data subscription for it; history needs one as live data do"
    elif "different ip" in said:
        remedy = "another TWS of this login runs elsewhere and has the market data; log it out"
    else:
        remedy = "look the code up in IB's message codes"
    return f"no history of {contract.localSymbol or contract.symbol}: {error}; {remedy}"
